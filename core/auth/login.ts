import { appendAudit } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { tooManyAttempts } from "./attempts.ts";
import { verifyPassword } from "./password.ts";
import { canonicalUsername } from "./rules.ts";
import { openSession } from "./sessions.ts";
import { findUser, noteLogin } from "./store.ts";
import { forgive, noteFailure, secondsBlocked } from "./throttle.ts";
import type { Client, Credentials, OpenedSession, SessionKind } from "./types.ts";

/**
 * Opens a session for a user name and a password. An unknown name, a disabled account and a wrong password get the
 * same answer in the same time.
 *
 * @throws AppError login_failed, too_many_requests (with how long to wait)
 */
export async function login(
  sql: Sql,
  credentials: Credentials,
  kind: SessionKind,
  client: Client,
  context: Omit<Context, "actor">,
): Promise<OpenedSession> {
  const { clock, address, request_id } = context;
  const username = canonicalUsername(credentials.username);
  const wait = await secondsBlocked(sql, username, address, clock);
  if (wait > 0) throw tooManyAttempts(wait);
  const user = await findUser(sql, username);
  const fits = await verifyPassword(user?.hash ?? null, credentials.password);
  const outcome = await transaction(sql, async (tx) => {
    if (!user || !fits || user.disabled) {
      const pause = await noteFailure(tx, username, address, clock);
      // The name goes in as typed only when there is such a user: people type passwords into the wrong field.
      await appendAudit(tx, {
        actor: { kind: "anonymous", id: null, name: user?.username ?? null },
        address,
        request_id,
        action: "auth.login",
        object: user ? { kind: "user", id: user.id, name: user.username } : null,
        outcome: "failure",
        details: { known_user: user !== null, pause_seconds: pause },
      }, clock);
      return null;
    }
    await forgive(tx, username, address);
    await noteLogin(tx, user.id, clock.now());
    const opened = await openSession(tx, user, kind, client, clock);
    await appendAudit(tx, {
      actor: { kind: "user", id: user.id, name: user.username },
      address,
      request_id,
      action: "auth.login",
      object: { kind: "user", id: user.id, name: user.username },
      outcome: "success",
      details: { session: opened.session_id, kind },
    }, clock);
    return opened;
  });
  if (!outcome) throw new AppError("login_failed");
  return outcome;
}
