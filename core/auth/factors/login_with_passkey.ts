import { appendAudit } from "../../audit/append_audit.ts";
import type { Context } from "../../audit/types.ts";
import { type Sql, transaction, type Tx } from "../../database/connection.ts";
import { AppError } from "../../errors.ts";
import { tooManyAttempts } from "../attempts.ts";
import { openSession } from "../sessions.ts";
import { findUserById, holdUser, noteLogin, type StoredUser } from "../store.ts";
import { rememberNetwork } from "../throttle.ts";
import type { Client, OpenedSession, SessionKind } from "../types.ts";
import { questionOf } from "./ask_passkey.ts";
import { checkPasskey } from "./check_passkey.ts";
import { noteWrong, notingRefusals, passkeyKeys, secondsHeld } from "./code_throttle.ts";
import type { RelyingParty } from "./relying_party.ts";
import { findCredential, type StoredPasskey } from "./store.ts";
import type { Assertion } from "./types.ts";

/**
 * Opens a full session for a passkey alone, without name and password: it is something one has, and it has found out by
 * itself who holds it. An unknown passkey, a disabled account and a wrong signature get the same answer. A passkey cannot be
 * guessed, so the right one is never kept waiting: whoever sends wrong ones from the same network keeps nobody out.
 *
 * @throws AppError passkey_refused, too_many_requests
 */
export async function loginWithPasskey(
  sql: Sql,
  answer: Assertion,
  party: RelyingParty,
  kind: SessionKind,
  client: Client,
  context: Omit<Context, "actor">,
): Promise<OpenedSession> {
  const { clock, address, request_id } = context;
  const keys = passkeyKeys(address);
  const proof = await checkPasskey(sql, answer, questionOf(null), party, true, clock);
  const asker: Context = { ...context, actor: { kind: "anonymous" } };
  const about = { action: "auth.login", object: null };
  const opened = await notingRefusals(sql, Object.keys(keys), about, asker, () =>
    transaction(sql, async (tx) => {
      const user = proof.passkey && await ownerOf(tx, proof.passkey);
      const object = user ? { kind: "user", id: user.id, name: user.username } : null;
      const row = { address, request_id, action: "auth.login", object };
      if (!proof.ok || !user || user.disabled) {
        const wait = await secondsHeld(tx, keys, clock);
        if (wait > 0) throw tooManyAttempts(wait);
        const pause_seconds = await noteWrong(tx, keys, clock);
        const reason = proof.ok ? "disabled" : proof.reason;
        await appendAudit(tx, {
          ...row,
          actor: { kind: "anonymous", id: null, name: user?.username ?? null },
          outcome: "failure",
          details: { known_user: user !== null, passkey: proof.passkey?.name ?? null, reason, pause_seconds },
        }, clock);
        return null;
      }
      await noteLogin(tx, user.id, clock.now());
      await rememberNetwork(tx, user.id, address, clock);
      const session = await openSession(tx, user, kind, client, clock, { stage: "full", methods: proof.methods });
      await appendAudit(tx, {
        ...row,
        actor: { kind: "user", id: user.id, name: user.username },
        outcome: "success",
        details: {
          session: session.session_id,
          kind,
          stage: "full",
          passkey: proof.passkey.name,
          methods: proof.methods,
        },
      }, clock);
      return session;
    }));
  if (!opened) throw new AppError("passkey_refused");
  return opened;
}

/** Whose passkey it is, as they are now, held so until the transaction ends; null when it was removed meanwhile. */
async function ownerOf(tx: Tx, { user_id, credential_id }: StoredPasskey): Promise<StoredUser | null> {
  await holdUser(tx, user_id);
  return await findCredential(tx, credential_id) && await findUserById(tx, user_id);
}
