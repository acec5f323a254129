import { appendAudit } from "../audit/append_audit.ts";
import type { Clock } from "../clock.ts";
import { type Db, type Sql, transaction } from "../database/connection.ts";
import { secretToken, sha256, uuidv7 } from "../ids.ts";
import {
  IDLE_MINUTES,
  LIFETIME_MINUTES,
  PREVIOUS_TOKEN_SECONDS,
  ROTATE_AFTER_SECONDS,
  TOUCH_SECONDS,
} from "./rules.ts";
import * as store from "./session_store.ts";
import type { StoredUser } from "./store.ts";
import { deleteOldThrottles } from "./throttle.ts";
import type { AuthMethod, Client, OpenedSession, SessionKind, Stage, Viewer } from "./types.ts";

type SessionUser = Pick<StoredUser, "id" | "username" | "display_name" | "role" | "must_change">;

/**
 * Opens a session for a user who has proven who they are, as far as `proven` says. The token exists only in the answer.
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
  const session = {
    id,
    user_id: user.id,
    family: start.family ?? id,
    kind,
    stage: start.stage,
    methods: start.methods,
    reauthenticated_at: start.authenticated_at ?? now,
    current_hash: await sha256(token),
    rotated_at: now,
    created_at: now,
    last_used_at: now,
    idle_until: now.add({ minutes: IDLE_MINUTES }),
    expires_at: start.expires_at ?? now.add({ minutes: LIFETIME_MINUTES[start.stage] }),
    address: client.address,
    user_agent: client.user_agent?.slice(0, 400) ?? null,
  };
  await store.insertSession(db, session);
  const { idle_until, expires_at } = session;
  const viewer = viewerOf({ ...user, ...session, user_id: user.id });
  return { token, session_id: id, idle_until, expires_at, viewer };
}

/** What came of a token that a request carried. */
export type Authentication =
  | { viewer: Viewer; /** The token to hand out instead, when it was replaced. */ replacement: string | null }
  | { viewer: null; why: "unknown" | "expired" | "revoked" | "reused" };

/**
 * Who a token belongs to. A browser's token is replaced once it is five minutes old; the one before is honoured for
 * 30 s more without being replaced again. Seen later it was copied, and the whole family of sessions ends, with a row in
 * the audit log that says where the old token came from.
 */
export async function authenticate(
  sql: Sql,
  token: string,
  kind: SessionKind,
  clock: Clock,
  from: { address: string | null; request_id: string | null } = { address: null, request_id: null },
): Promise<Authentication> {
  if (!/^[A-Za-z0-9_-]{43}$/.test(token)) return { viewer: null, why: "unknown" };
  const hash = await sha256(token);
  const session = await store.findSession(sql, hash);
  if (!session || session.kind !== kind || session.disabled) return { viewer: null, why: "unknown" };
  if (session.revoked) return { viewer: null, why: "revoked" };
  const now = clock.now();
  if (isBefore(session.expires_at, now) || isBefore(session.idle_until, now)) return { viewer: null, why: "expired" };
  const age = now.since(session.rotated_at).total("seconds");
  if (!session.is_current && age > PREVIOUS_TOKEN_SECONDS) {
    await endFamily(sql, session, from, clock);
    return { viewer: null, why: "reused" };
  }
  const viewer = viewerOf(session);
  const idle_until = now.add({ minutes: IDLE_MINUTES });
  if (kind === "browser" && session.is_current && age > ROTATE_AFTER_SECONDS) {
    const replacement = secretToken();
    const rotated = await store.rotateToken(sql, session.id, hash, await sha256(replacement), now, idle_until);
    // Another request of the same browser was faster: its answer carries the new token, ours goes without.
    return { viewer, replacement: rotated ? replacement : null };
  }
  if (now.since(session.last_used_at).total("seconds") > TOUCH_SECONDS) {
    await store.touchSession(sql, session.id, now, idle_until);
  }
  return { viewer, replacement: null };
}

/** Whoever brings the old token may be its owner or a thief, so the row names neither as the one who acted. */
function endFamily(
  sql: Sql,
  session: store.StoredSession,
  from: { address: string | null; request_id: string | null },
  clock: Clock,
): Promise<void> {
  return transaction(sql, async (tx) => {
    const why = "an old token was used again";
    const ended = await store.revokeSessions(tx, { family: session.family }, why, clock.now());
    // Of two requests that bring it at once one ends the family.
    if (ended.length === 0) return;
    await appendAudit(tx, {
      actor: { kind: "anonymous" },
      ...from,
      action: "session.revoke",
      object: { kind: "user", id: session.user_id, name: session.username },
      outcome: "denied",
      details: { sessions: ended, reason: why },
    }, clock);
  });
}

/** The viewer of a session that is still good, for a ticket that stood for it. Null when it is not. */
export async function viewerOfSession(sql: Sql, session_id: string, clock: Clock): Promise<Viewer | null> {
  const session = await store.findSessionById(sql, session_id);
  if (!session || session.revoked || session.disabled) return null;
  const now = clock.now();
  return isBefore(session.expires_at, now) || isBefore(session.idle_until, now) ? null : viewerOf(session);
}

/**
 * A new token for an API client that still has a good one (`POST /api/v1/auth/refresh`). Null when it has not.
 */
export async function refreshSession(sql: Sql, token: string, clock: Clock): Promise<OpenedSession | null> {
  const found = await authenticate(sql, token, "api", clock);
  if (!found.viewer) return null;
  const now = clock.now();
  const hash = await sha256(token);
  const next = secretToken();
  const idle_until = now.add({ minutes: IDLE_MINUTES });
  if (!await store.rotateToken(sql, found.viewer.session_id, hash, await sha256(next), now, idle_until)) return null;
  const session = await store.findSession(sql, await sha256(next));
  if (!session) return null;
  return { token: next, session_id: session.id, expires_at: session.expires_at, idle_until, viewer: found.viewer };
}

/** Deletes what ended more than a week ago. Returns how many sessions went. */
export async function deleteEndedSessions(sql: Sql, clock: Clock): Promise<number> {
  const before = clock.now().subtract({ hours: 7 * 24 });
  await deleteOldThrottles(sql, clock);
  return await store.deleteEnded(sql, before);
}

function viewerOf(
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

function isBefore(a: Temporal.Instant, b: Temporal.Instant): boolean {
  return Temporal.Instant.compare(a, b) <= 0;
}
