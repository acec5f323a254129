import { z } from "zod";
import { type Db, many, maybe } from "../database/connection.ts";
import { type AuthMethod, methods, roles, type SessionKind, sessionKinds, type Stage, stages } from "./types.ts";

const instant = z.instanceof(Temporal.Instant);

export interface NewSession {
  id: string;
  user_id: string;
  family: string;
  kind: SessionKind;
  stage: Stage;
  methods: readonly AuthMethod[];
  name: string | null;
  reauthenticated_at: Temporal.Instant;
  current_hash: Uint8Array;
  rotated_at: Temporal.Instant;
  created_at: Temporal.Instant;
  last_used_at: Temporal.Instant;
  idle_until: Temporal.Instant;
  expires_at: Temporal.Instant;
  address: string | null;
  user_agent: string | null;
}

export async function insertSession(db: Db, session: NewSession): Promise<void> {
  await db`insert into sessions ${db({ ...session })}`;
}

const Session = z.object({
  id: z.string(),
  family: z.string(),
  kind: z.enum(sessionKinds),
  stage: z.enum(stages),
  methods: z.array(z.enum(methods)),
  reauthenticated_at: instant,
  is_current: z.boolean(),
  rotation: z.number(),
  sealed_token: z.instanceof(Uint8Array).nullable(),
  rotated_at: instant,
  last_used_at: instant,
  idle_until: instant,
  expires_at: instant,
  revoked: z.boolean(),
  revoked_reason: z.string().nullable(),
  user_id: z.string(),
  username: z.string(),
  display_name: z.string(),
  role: z.enum(roles),
  disabled: z.boolean(),
  must_change: z.boolean(),
});
export type StoredSession = z.infer<typeof Session>;

/** The session that a refresh token's hash belongs to, as its present or its previous token. */
export function findSession(db: Db, hash: Uint8Array): Promise<StoredSession | null> {
  return maybe(
    Session,
    db`
      select ${columns(db)}, s.current_hash = ${hash} as is_current ${joined(db)}
      where s.current_hash = ${hash} or s.previous_hash = ${hash}`,
  );
}

export function findSessionById(db: Db, id: string): Promise<StoredSession | null> {
  return maybe(Session, db`select ${columns(db)}, true as is_current ${joined(db)} where s.id = ${id}`);
}

const columns = (db: Db) =>
  db`
    s.id, s.family, s.kind, s.stage, s.methods, s.reauthenticated_at, s.rotation, s.sealed_token, s.rotated_at,
    s.last_used_at, s.idle_until, s.expires_at, s.revoked_at is not null as revoked, s.revoked_reason, u.id as user_id, u.username,
    u.display_name, u.role, u.disabled_at is not null as disabled, coalesce(p.must_change, false) as must_change`;
const joined = (db: Db) =>
  db`from sessions s join users u on u.id = s.user_id left join passwords p on p.user_id = u.id`;

/** The session that a refresh token belonged to before its previous one. */
export function findSpent(db: Db, hash: Uint8Array): Promise<StoredSession | null> {
  return maybe(
    Session,
    db`
      select ${columns(db)}, false as is_current ${joined(db)}
      join spent_refresh_tokens t on t.session_id = s.id where t.hash = ${hash}`,
  );
}

/** Replaces the refresh token, unless another request was faster. The number of the new one, or null. */
export async function rotateToken(
  db: Db,
  id: string,
  token: { from: Uint8Array; to: Uint8Array; sealed: Uint8Array },
  at: Temporal.Instant,
  use: { last_used_at: Temporal.Instant; idle_until: Temporal.Instant },
): Promise<number | null> {
  const row = await maybe(
    z.object({ rotation: z.number() }),
    // All parts see the row as it was, so the one before the present is still there to be kept.
    db`
      with rotated as (
        update sessions
        set current_hash = ${token.to}, previous_hash = ${token.from}, sealed_token = ${token.sealed},
          rotation = rotation + 1, rotated_at = ${at}, last_used_at = ${use.last_used_at},
          idle_until = ${use.idle_until}
        where id = ${id} and current_hash = ${token.from} and revoked_at is null
        returning id, rotation
      ), spent as (
        insert into spent_refresh_tokens (hash, session_id)
        select s.previous_hash, s.id from sessions s join rotated r on r.id = s.id where s.previous_hash is not null
        on conflict do nothing
      )
      select rotation from rotated`,
  );
  return row?.rotation ?? null;
}

/** Somebody was seen with what came with this refresh token: it is not handed out again. */
export async function markSeen(db: Db, id: string, rotation: number): Promise<void> {
  await db`update sessions set sealed_token = null where id = ${id} and rotation = ${rotation}`;
}

/** A use of the session. A wall screen's ends on its day, used or not. */
export async function touchSession(db: Db, id: string, at: Temporal.Instant, idle_minutes: number): Promise<void> {
  await db`
    update sessions
    set last_used_at = greatest(last_used_at, ${at}),
      idle_until = case kind when 'wall' then expires_at
        else greatest(last_used_at, ${at}) + make_interval(mins => ${idle_minutes}) end
    where id = ${id} and revoked_at is null`;
}

const LiveSession = z.object({ id: z.string(), user_id: z.string(), username: z.string(), display_name: z.string() });
/** A session that goes on, with what its user is called now. */
export type LiveSession = z.infer<typeof LiveSession>;

/** Those of the given sessions that go on. */
export function selectLive(db: Db, ids: string[], at: Temporal.Instant): Promise<LiveSession[]> {
  return many(
    LiveSession,
    db`
      select s.id, u.id as user_id, u.username, u.display_name from sessions s join users u on u.id = s.user_id
      where s.id = any(${ids}) and s.revoked_at is null and s.expires_at > ${at} and u.disabled_at is null`,
  );
}

/**
 * Ends sessions and tells everybody who holds something open for them.
 *
 * @param next id of the session that takes the place
 * @returns the ids of those that were open
 */
export async function revokeSessions(
  db: Db,
  which: { id?: string; family?: string; user_id?: string; except?: string },
  why: string,
  at: Temporal.Instant,
  next?: string,
): Promise<string[]> {
  const rows = await many(
    z.object({ id: z.string() }),
    db`
      update sessions set revoked_at = ${at}, revoked_reason = ${why}
      where revoked_at is null
        and (${which.id ?? null}::uuid is null or id = ${which.id ?? null})
        and (${which.family ?? null}::uuid is null or family = ${which.family ?? null})
        and (${which.user_id ?? null}::uuid is null or user_id = ${which.user_id ?? null})
        and id is distinct from ${which.except ?? null}::uuid
        and ${which.id !== undefined || which.family !== undefined || which.user_id !== undefined}
      returning id`,
  );
  const payloads = rows.map(({ id }) => JSON.stringify({ sid: id, next }));
  await db`select pg_notify('revoked', payload) from unnest(${payloads}::text[]) as payload`;
  return rows.map((row) => row.id);
}

/** Sessions and tickets that nothing can bring back. Returns how many sessions went. */
export async function deleteEnded(db: Db, before: Temporal.Instant): Promise<number> {
  await db`delete from ws_tickets where expires_at < ${before}`;
  const rows = await db`
    delete from sessions where expires_at < ${before} or revoked_at < ${before} or idle_until < ${before} returning id`;
  return rows.length;
}
