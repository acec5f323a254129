import type { Clock } from "../clock.ts";
import type { Db, Sql } from "../database/connection.ts";
import { secretToken, sha256, uuidv7 } from "../ids.ts";
import { idleEnd, idleMinutes, isOver } from "./idle_time.ts";
import { LIFETIME_MINUTES } from "./rules.ts";
import * as store from "./session_store.ts";
import type { StoredUser } from "./store.ts";
import { deleteOldThrottles } from "./throttle.ts";
import type { AuthMethod, Client, OpenedSession, SessionKind, Stage, Viewer } from "./types.ts";

type SessionUser = Pick<StoredUser, "id" | "username" | "display_name" | "role" | "must_change">;

/**
 * Opens a session for a user who has proven who they are, as far as `proven` says. The refresh token exists only in the
 * answer. One that waits for the second factor ends after ten minutes.
 */
export function openSession(
  db: Db,
  user: SessionUser,
  kind: SessionKind,
  client: Client,
  clock: Clock,
  proven: { stage: Stage; methods: readonly AuthMethod[] } = { stage: "full", methods: ["pwd"] },
): Promise<OpenedSession> {
  return insertNewSession(db, user, kind, client, clock, proven);
}

/** What a session starts with; what is left out begins with it. */
export interface SessionStart {
  stage: Stage;
  methods: readonly AuthMethod[];
  /** Sessions that came one from the other: a copied token ends them all. */
  family?: string;
  /** What a person called it. */
  name?: string;
  authenticated_at?: Temporal.Instant;
  expires_at?: Temporal.Instant;
}

/** For the use cases of this room that open a session which continues another one. */
export async function insertNewSession(
  db: Db,
  user: SessionUser,
  kind: SessionKind,
  client: Client,
  clock: Clock,
  start: SessionStart,
): Promise<OpenedSession> {
  const now = clock.now();
  const token = secretToken();
  const id = uuidv7(clock);
  const expires_at = start.expires_at ?? now.add({ minutes: LIFETIME_MINUTES[start.stage] });
  const session = {
    id,
    user_id: user.id,
    family: start.family ?? id,
    kind,
    stage: start.stage,
    methods: start.methods,
    name: start.name ?? null,
    reauthenticated_at: start.authenticated_at ?? now,
    current_hash: await sha256(token),
    rotated_at: now,
    created_at: now,
    last_used_at: now,
    idle_until: idleEnd({ kind, last_used_at: now, expires_at }, await idleMinutes(db)),
    expires_at,
    address: client.address,
    user_agent: client.user_agent?.slice(0, 400) ?? null,
  };
  await store.insertSession(db, session);
  const { idle_until } = session;
  const viewer = viewerOf({ ...user, ...session, user_id: user.id });
  return { token, rotation: 0, session_id: id, idle_until, expires_at, viewer };
}

/** The viewer of a session that is still good, for a ticket that stood for it. Null when it is not. */
export async function viewerOfSession(sql: Sql, session_id: string, clock: Clock): Promise<Viewer | null> {
  const session = await store.findSessionById(sql, session_id);
  if (!session || session.revoked || session.disabled) return null;
  return isOver(session, await idleMinutes(sql), clock.now()) ? null : viewerOf(session);
}

/** Deletes what ended more than a week ago. Returns how many sessions went. */
export async function deleteEndedSessions(sql: Sql, clock: Clock): Promise<number> {
  const before = clock.now().subtract({ hours: 7 * 24 });
  await deleteOldThrottles(sql, clock);
  return await store.deleteEnded(sql, before);
}

/** What a stored session lets its user be. */
export function viewerOf(
  row: Pick<
    store.StoredSession,
    | "id"
    | "kind"
    | "stage"
    | "reauthenticated_at"
    | "user_id"
    | "username"
    | "display_name"
    | "role"
    | "must_change"
  >,
): Viewer {
  return {
    id: row.user_id,
    username: row.username,
    display_name: row.display_name,
    role: row.role,
    session_id: row.id,
    session_kind: row.kind,
    must_change_password: row.must_change,
    stage: row.stage,
    authenticated_at: row.reauthenticated_at,
    sees: row.user_id,
    token: null,
  };
}
