import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { endSessionsOf } from "./end_sessions.ts";
import { requireRecent } from "./recent.ts";
import { findSessionById, revokeSessions } from "./session_store.ts";
import type { Viewer } from "./types.ts";

/**
 * Ends one session, and with it every page that it keeps live, within a second: one's own, or as an admin anybody's.
 * Either way it asks for a recent proof (OWASP ASVS 5.0, 7.5.2): whoever stole a session must not be able to put its
 * owner out. Signing out oneself asks nothing.
 *
 * @throws AppError session_not_found, the same for one that is not the caller's to end; confirmation_required
 */
export async function revokeSession(
  sql: Sql,
  viewer: Pick<Viewer, "id" | "role" | "authenticated_at" | "token">,
  session_id: string,
  context: Context,
): Promise<void> {
  await transaction(sql, async (tx) => {
    const found = isUuid(session_id) ? await findSessionById(tx, session_id) : null;
    const own = found?.user_id === viewer.id;
    if (!found || !(own || viewer.role === "admin")) throw new AppError("session_not_found");
    requireRecent(viewer, context.clock);
    const why = own ? "ended by its owner" : "ended by an admin";
    const sessions = await revokeSessions(tx, { id: session_id }, why, context.clock.now());
    if (sessions.length === 0) throw new AppError("session_not_found");
    await appendFor(tx, context, {
      action: "session.revoke",
      object: { kind: "user", id: found.user_id, name: found.username },
      outcome: "success",
      details: { sessions, reason: why },
    });
  });
}

/**
 * Ends all sessions of the viewer but the present one. Returns how many were open.
 * @throws AppError confirmation_required, as for one
 */
export async function revokeOtherSessions(
  sql: Sql,
  viewer: Pick<Viewer, "id" | "username" | "session_id" | "authenticated_at" | "token">,
  context: Context,
): Promise<number> {
  requireRecent(viewer, context.clock);
  return await transaction(sql, async (tx) => {
    const reason = "ended by its owner, with all others";
    const except = viewer.session_id;
    const sessions = await endSessionsOf(tx, viewer.id, { except, why: reason }, context.clock.now());
    await appendFor(tx, context, {
      action: "session.revoke",
      object: { kind: "user", id: viewer.id, name: viewer.username },
      outcome: "success",
      details: { sessions, reason },
    });
    return sessions.length;
  });
}
