import type { Clock } from "../clock.ts";
import type { Tx } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { insertNewSession } from "./sessions.ts";
import { findSessionById, revokeSessions } from "./session_store.ts";
import { holdUser } from "./store.ts";
import type { AuthMethod, Client, OpenedSession, Stage, Viewer } from "./types.ts";

/**
 * Puts a new session, with an id and tokens of its own, in the place of the viewer's: on every change of what they may
 * do, so that nobody who knew the old tokens comes along (OWASP ASVS 5.0, 7.2.4). What the user may do is read anew. The
 * old session ends in the same transaction.
 *
 * @param change.stage how far the sign-in has come now; as before when it is left out
 * @param change.proven what was proven just now, beside what was before; it makes the proof of identity recent
 * @throws AppError session_expired when the old one has ended meanwhile
 */
export async function renewSession(
  tx: Tx,
  viewer: Pick<Viewer, "id" | "session_id">,
  change: { stage?: Stage; proven?: readonly AuthMethod[] },
  client: Client,
  clock: Clock,
): Promise<OpenedSession> {
  await holdUser(tx, viewer.id);
  const old = await findSessionById(tx, viewer.session_id);
  if (!old || old.revoked || old.disabled) throw new AppError("session_expired");
  const { proven = [] } = change;
  const user = {
    id: old.user_id,
    username: old.username,
    display_name: old.display_name,
    role: old.role,
    must_change: old.must_change,
  };
  const opened = await insertNewSession(tx, user, old.kind, client, clock, {
    stage: change.stage ?? old.stage,
    methods: [...new Set([...old.methods, ...proven])],
    family: old.family,
    ...(proven.length === 0 ? { authenticated_at: old.reauthenticated_at, expires_at: old.expires_at } : {}),
  });
  const why = "a new session took its place";
  const ended = await revokeSessions(tx, { id: viewer.session_id }, why, clock.now(), opened.session_id);
  // Of two that would renew it at once one does.
  if (ended.length === 0) throw new AppError("session_expired");
  return opened;
}
