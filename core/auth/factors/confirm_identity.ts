import { z } from "zod";
import { appendFor } from "../../audit/append_audit.ts";
import type { Context } from "../../audit/types.ts";
import { transaction } from "../../database/connection.ts";
import type { Sql, Tx } from "../../database/types.ts";
import { AppError, type ErrorCode } from "../../errors.ts";
import { tooManyAttempts } from "../attempts.ts";
import { orRefused } from "../full_queue.ts";
import { INSIDE } from "../hash_queue.ts";
import { provePassword } from "../prove_password.ts";
import { renewSession } from "../renew_session.ts";
import { forgiveProofs, proofKey } from "../throttle.ts";
import { type Client, Credentials, type OpenedSession, type Viewer } from "../types.ts";
import { questionOf } from "./ask_passkey.ts";
import { takeCode, takeRecovery } from "./check_code.ts";
import { checkPasskey } from "./check_passkey.ts";
import { codeKeys, forgiveWrong, noteWrong, notingRefusals, oneAtATime, secondsHeld } from "./code_throttle.ts";
import type { RelyingParty } from "./relying_party.ts";
import { canonicalCode } from "./rules.ts";
import { type Assertion, type Proof, TypedCode, type Vault } from "./types.ts";

const ACTION = "auth.confirm";

export const Confirmation = z.strictObject({ password: Credentials.shape.password, code: TypedCode });
export type Confirmation = z.infer<typeof Confirmation>;

/**
 * Proves again who is working, with the password and a code: of the app, or a recovery code. The session goes on under
 * new tokens. A wrong password and a wrong code get the same answer, and neither is tried without the other.
 *
 * @throws AppError confirmation_failed, too_many_requests, session_expired
 */
export async function confirmWithCode(
  { sql, sealer }: Vault,
  viewer: Viewer,
  { password, code }: Confirmation,
  client: Client,
  context: Context,
): Promise<OpenedSession> {
  const { clock, address } = context;
  const keys = codeKeys(viewer.id, address);
  const waits_for = [...Object.keys(keys), proofKey(viewer.id)];
  const fits = await notingRefusals(sql, waits_for, aboutOf(viewer), context, async () => {
    const wait = await secondsHeld(sql, keys, clock);
    if (wait > 0) throw tooManyAttempts(wait);
    return await checkPassword(sql, viewer, password, context);
  });
  const check = async (tx: Tx): Promise<Proof> => {
    await oneAtATime(tx, viewer.id, keys, clock);
    if (!fits) return { ok: false, reason: "wrong password" };
    await forgiveProofs(tx, viewer.id);
    const proof = canonicalCode(code) === null
      ? await takeRecovery(tx, viewer.id, code, clock)
      : await takeCode(tx, sealer, viewer.id, code, clock);
    if (proof.ok) await forgiveWrong(tx, keys);
    else await noteWrong(tx, keys, clock);
    return proof.ok ? { ok: true, methods: ["pwd", ...proof.methods] } : proof;
  };
  return await notingRefusals(sql, waits_for, aboutOf(viewer), context, async () => {
    return await finish({ sql, sealer }, viewer, "confirmation_failed", client, context, check);
  });
}

/**
 * The same with a passkey: alone where it finds out by itself who holds it, else with the password.
 * @throws AppError passkey_refused, too_many_requests, session_expired
 */
export async function confirmWithPasskey(
  vault: Vault,
  viewer: Viewer,
  answer: Assertion,
  password: string | null,
  party: RelyingParty,
  client: Client,
  context: Context,
): Promise<OpenedSession> {
  const { clock } = context;
  const fits = password === null ||
    await notingRefusals(vault.sql, [proofKey(viewer.id)], aboutOf(viewer), context, () => {
      return checkPassword(vault.sql, viewer, password, context);
    });
  const proof = await checkPasskey(vault.sql, answer, questionOf(viewer), party, password === null, clock);
  return await finish(vault, viewer, "passkey_refused", client, context, async (tx) => {
    if (!fits) return { ok: false, reason: "wrong password" };
    if (password !== null) await forgiveProofs(tx, viewer.id);
    return proof;
  });
}

/** A full queue is a row of its own. @throws AppError too_many_requests */
function checkPassword(sql: Sql, viewer: Viewer, password: string, context: Context): Promise<boolean> {
  const check = () => provePassword(sql, viewer, password, context.clock);
  return orRefused(sql, INSIDE, aboutOf(viewer), context, check);
}

function aboutOf({ id, username }: Viewer) {
  return { action: ACTION, object: { kind: "user", id, name: username } };
}

async function finish(
  { sql }: Vault,
  viewer: Viewer,
  refusal: ErrorCode,
  client: Client,
  context: Context,
  check: (tx: Tx) => Promise<Proof>,
): Promise<OpenedSession> {
  const about = aboutOf(viewer);
  const renewed = await transaction(sql, async (tx) => {
    const proof = await check(tx);
    if (!proof.ok) {
      const { reason } = proof;
      await appendFor(tx, context, { ...about, outcome: "failure", details: { reason } });
      return null;
    }
    const session = await renewSession(tx, viewer, { proven: proof.methods }, client, context.clock);
    const details = { session: session.session_id, methods: proof.methods };
    await appendFor(tx, context, { ...about, outcome: "success", details });
    return session;
  });
  if (!renewed) throw new AppError(refusal);
  return renewed;
}
