import { appendFor } from "../../audit/append_audit.ts";
import type { Context } from "../../audit/types.ts";
import { transaction } from "../../database/connection.ts";
import type { Tx } from "../../database/types.ts";
import { AppError, type ErrorCode } from "../../errors.ts";
import { tooManyAttempts } from "../attempts.ts";
import type { Client, OpenedSession, Viewer } from "../types.ts";
import { questionOf } from "./ask_passkey.ts";
import { takeCode, takeRecovery } from "./check_code.ts";
import { checkPasskey } from "./check_passkey.ts";
import { codeKeys, forgiveWrong, noteWrong, notingRefusals, oneAtATime, secondsHeld } from "./code_throttle.ts";
import { completeSession } from "./complete_session.ts";
import type { RelyingParty } from "./relying_party.ts";
import { countRecoveryCodes } from "./store.ts";
import type { Assertion, Proof, Vault } from "./types.ts";

/**
 * Finishes a sign-in whose password was right, with the code of the app.
 * @throws AppError factor_failed, too_many_requests, conflict (nothing is missing), session_expired
 */
export function giveCode(vault: Vault, viewer: Viewer, code: string, client: Client, context: Context) {
  const check = (tx: Tx) => takeCode(tx, vault.sealer, viewer.id, code, context.clock);
  return guessed(vault, viewer, "auth.factor", check, client, context);
}

/**
 * Finishes a sign-in with a recovery code, which is used up by it.
 * @throws AppError as giveCode
 */
export function giveRecoveryCode(vault: Vault, viewer: Viewer, code: string, client: Client, context: Context) {
  const check = (tx: Tx) => takeRecovery(tx, viewer.id, code, context.clock);
  return guessed(vault, viewer, "auth.use_recovery_code", check, client, context);
}

/**
 * Finishes a sign-in with a passkey. It cannot be guessed, so nothing slows it down: whoever tries codes does not keep
 * its owner out.
 * @throws AppError passkey_refused, conflict, session_expired
 */
export async function givePasskey(
  vault: Vault,
  viewer: Viewer,
  answer: Assertion,
  party: RelyingParty,
  client: Client,
  context: Context,
): Promise<OpenedSession> {
  refuseUnlessPending(viewer);
  const proof = await checkPasskey(vault.sql, answer, questionOf(viewer), party, false, context.clock);
  const passkey = proof.passkey?.user_id === viewer.id ? proof.passkey.name : null;
  return await finish(vault, viewer, "auth.factor", () => Promise.resolve(proof), { passkey }, "passkey_refused", {
    client,
    context,
  });
}

async function guessed(
  vault: Vault,
  viewer: Viewer,
  action: string,
  check: (tx: Tx) => Promise<Proof>,
  client: Client,
  context: Context,
): Promise<OpenedSession> {
  refuseUnlessPending(viewer);
  const keys = codeKeys(viewer.id, context.address);
  const object = { kind: "user", id: viewer.id, name: viewer.username };
  return await notingRefusals(vault.sql, Object.keys(keys), { action, object }, context, async () => {
    const wait = await secondsHeld(vault.sql, keys, context.clock);
    if (wait > 0) throw tooManyAttempts(wait);
    const guess = async (tx: Tx) => {
      await oneAtATime(tx, viewer.id, keys, context.clock);
      return await check(tx);
    };
    return await finish(vault, viewer, action, guess, {}, "factor_failed", { client, context, keys });
  });
}

async function finish(
  { sql }: Vault,
  viewer: Viewer,
  action: string,
  check: (tx: Tx) => Promise<Proof>,
  facts: Record<string, unknown>,
  refusal: ErrorCode,
  { client, context, keys = {} }: { client: Client; context: Context; keys?: ReturnType<typeof codeKeys> },
): Promise<OpenedSession> {
  const object = { kind: "user", id: viewer.id, name: viewer.username };
  const opened = await transaction(sql, async (tx) => {
    const proof = await check(tx);
    if (!proof.ok) {
      const pause_seconds = await noteWrong(tx, keys, context.clock);
      const details = { ...facts, reason: proof.reason, pause_seconds };
      await appendFor(tx, context, { action, object, outcome: "failure", details });
      return null;
    }
    await forgiveWrong(tx, keys);
    const session = await completeSession(tx, viewer, proof.methods, client, context.clock);
    const left = proof.methods.includes("rc") ? { recovery_codes_left: await countRecoveryCodes(tx, viewer.id) } : {};
    await appendFor(tx, context, {
      action,
      object,
      outcome: "success",
      details: { ...facts, ...left, session: session.session_id, methods: proof.methods },
    });
    return session;
  });
  if (!opened) throw new AppError(refusal);
  return opened;
}

function refuseUnlessPending({ stage }: Viewer): void {
  if (stage !== "factor") throw new AppError("conflict", { message: "No second factor is asked for.", hint: "Go on." });
}
