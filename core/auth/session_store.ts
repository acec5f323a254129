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
  rotated_at: instant,
  last_used_at: instant,
  idle_until: instant,
  expires_at: instant,
  revoked: z.boolean(),
  user_id: z.string(),
  username: z.string(),
  display_name: z.string(),
  role: z.enum(roles),
  disabled: z.boolean(),
  must_change: z.boolean(),
});
export type StoredSession = z.infer<typeof Session>;

/** The session that a token's hash belongs to, as its present or its previous token. */
export function findSession(db: Db, hash: Uint8Array): Promise<StoredSession | null> {
  return maybe(
    Session,
    db`
      select s.id, s.family, s.kind, s.stage, s.methods, s.reauthenticated_at, s.current_hash = ${hash} as is_current, s.rotated_at, s.last_used_at, s.idle_until,
        s.expires_at, s.revoked_at is not null as revoked, u.id as user_id, u.username, u.display_name, u.role,
        u.disabled_at is not null as disabled, coalesce(p.must_change, false) as must_change
      from sessions s join users u on u.id = s.user_id left join passwords p on p.user_id = u.id
      where s.current_hash = ${hash} or s.previous_hash = ${hash}`,
  );
}

export function findSessionById(db: Db, id: string): Promise<StoredSession | null> {
  return maybe(
    Session,
    db`
      select s.id, s.family, s.kind, s.stage, s.methods, s.reauthenticated_at, true as is_current, s.rotated_at, s.last_used_at, s.idle_until,
        s.expires_at, s.revoked_at is not null as revoked, u.id as user_id, u.username, u.display_name, u.role,
        u.disabled_at is not null as disabled, coalesce(p.must_change, false) as must_change
      from sessions s join users u on u.id = s.user_id left join passwords p on p.user_id = u.id
      where s.id = ${id}`,
  );
}

/** Replaces the token, unless another request was faster. True when this call did it. */
export async function rotateToken(
  db: Db,
  id: string,
  from: Uint8Array,
  to: Uint8Array,
  at: Temporal.Instant,
  idle_until: Temporal.Instant,
): Promise<boolean> {
  const rows = await db`
    update sessions
    set current_hash = ${to}, previous_hash = ${from}, rotated_at = ${at}, last_used_at = ${at}, idle_until = ${idle_until}
    where id = ${id} and current_hash = ${from} and revoked_at is null
    returning id`;
  return rows.length === 1;
}

export async function touchSession(
  db: Db,
  id: string,
  at: Temporal.Instant,
  idle_until: Temporal.Instant,
): Promise<void> {
  await db`update sessions set last_used_at = ${at}, idle_until = ${idle_until} where id = ${id} and revoked_at is null`;
}

/** Ends sessions and tells open pages. Returns the ids of those that were open. */
export async function revokeSessions(
  db: Db,
  which: { id?: string; family?: string; user_id?: string; except?: string },
  why: string,
  at: Temporal.Instant,
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
  for (const { id } of rows) await db`select pg_notify('revoked', ${JSON.stringify({ sid: id })})`;
  return rows.map((row) => row.id);
}

/** Sessions and tickets that nothing can bring back. Returns how many sessions went. */
export async function deleteEnded(db: Db, before: Temporal.Instant): Promise<number> {
  await db`delete from ws_tickets where expires_at < ${before}`;
  const rows = await db`
    delete from sessions where expires_at < ${before} or revoked_at < ${before} or idle_until < ${before} returning id`;
  return rows.length;
}
