import { z } from "zod";
import { many, maybe, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { makePage, type Page, readCursor, readLimit } from "./page.ts";
import { type Fragment, visibleGroups } from "./scope.ts";

const instant = z.instanceof(Temporal.Instant);

/** A machine that waits for a decision. */
export const PendingEnrolment = z.object({
  id: z.string(),
  fqdn: z.string(),
  /** Where it says that its agent listens. */
  address: z.string(),
  port: z.number(),
  /** Where the request came from: compare it with the address. */
  source_address: z.string(),
  hostname: z.string().nullable(),
  os_details: z.record(z.string(), z.unknown()),
  /** True: its key was made on the machine and never leaves it. */
  own_key: z.boolean(),
  /** A known machine has the same machine id: "clone?" */
  clone_of: z.object({ id: z.string(), name: z.string() }).nullable(),
  /** Groups that its token gives. */
  groups: z.array(z.string()),
  created_at: instant,
  expires_at: instant,
});
export type PendingEnrolment = z.infer<typeof PendingEnrolment>;

/**
 * Operators: what joins a group of theirs, and what joins none, as with hosts. An API token that is limited to groups:
 * what joins one of those.
 */
export function enrolmentInScope(db: Db, viewer: string, tokenId: Fragment): Fragment {
  return db`exists (
    select from who_sees(${viewer}) who
    where (
        who.group_ids is null
        or exists (
          select from enrolment_token_groups tg where tg.token_id = ${tokenId} and tg.group_id = any(who.group_ids)
        )
      )
      and (
        who.role in ('admin', 'auditor')
        or not exists (select from enrolment_token_groups tg where tg.token_id = ${tokenId})
        or exists (
          select from enrolment_token_groups tg join user_groups ug on ug.group_id = tg.group_id
          where tg.token_id = ${tokenId} and ug.user_id = who.user_id
        )
      )
  )`;
}

/** Machines that wait, those that asked first on top; at most 500. */
export async function pendingEnrolments(db: Db, viewer: string): Promise<PendingEnrolment[]> {
  return (await enrolmentPage(db, viewer, { limit: 500 })).items;
}

/**
 * Machines that wait, those that asked first on top, in pages of up to 500.
 * @throws AppError validation_failed, bad_request for a foreign cursor
 */
export async function enrolmentPage(
  db: Db,
  viewer: string,
  query: { cursor?: string | null; limit?: number },
): Promise<Page<PendingEnrolment>> {
  const limit = readLimit(query.limit, 100, 500);
  const after = readCursor(query.cursor, "enrolments");
  const key = db`to_char(e.created_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS') collate "C"`;
  const id = db`e.id::text collate "C"`;
  const rows = await many(
    PendingEnrolment.extend({ key: z.string() }),
    db`
      select ${columns(db, viewer)}, ${key} as key
      from ${source(db, viewer)}
      where ${waits(db, viewer)} and ${after ? db`(${key}, ${id}) > (${after.key}, ${after.id})` : db`true`}
      order by ${key}, ${id}
      limit ${limit + 1}`,
  );
  const total = await countEnrolments(db, viewer);
  return makePage(rows, limit, "enrolments", total, ({ key: _, ...row }) => row);
}

/** How many machines wait for a decision of the viewer. */
export async function countEnrolments(db: Db, viewer: string): Promise<number> {
  const { waiting } = await one(
    z.object({ waiting: z.number() }),
    db`select count(*)::int as waiting from enrolments e where ${waits(db, viewer)}`,
  );
  return waiting;
}

/**
 * One machine that waits.
 * @throws AppError enrolment_not_found, also out of scope, decided or expired
 */
export async function findEnrolment(db: Db, viewer: string, id: string): Promise<PendingEnrolment> {
  const found = isUuid(id)
    ? await maybe(
      PendingEnrolment,
      db`select ${columns(db, viewer)} from ${source(db, viewer)} where ${waits(db, viewer)} and e.id = ${id}`,
    )
    : null;
  if (!found) throw new AppError("enrolment_not_found");
  return found;
}

function columns(db: Db, viewer: string): Fragment {
  return db`
    e.id, e.fqdn, host(e.address) as address, e.port, host(e.source_address) as source_address, e.hostname, e.os_details,
    e.csr is not null as own_key, e.created_at, e.expires_at,
    case when v.host_id is not null then
      json_build_object('id', c.id, 'name', coalesce(nullif(c.display_name, ''), c.fqdn)) end as clone_of,
    array(
      select g.name from enrolment_token_groups tg join ${visibleGroups(db, viewer)} g on g.id = tg.group_id
      where tg.token_id = e.token_id order by lower(g.name)
    ) as groups`;
}

function source(db: Db, viewer: string): Fragment {
  return db`
    enrolments e
    left join hosts c on c.id = e.clone_of
    left join visible_hosts(${viewer}) v on v.host_id = e.clone_of`;
}

function waits(db: Db, viewer: string): Fragment {
  return db`(e.state = 'pending' and e.expires_at > app_now() and ${enrolmentInScope(db, viewer, db`e.token_id`)})`;
}

/** A one-time token; never the token itself. */
export const EnrolmentTokenRow = z.object({
  id: z.string(),
  label: z.string(),
  groups: z.array(z.string()),
  created_at: instant,
  created_by: z.string().nullable(),
  expires_at: instant,
  state: z.enum(["open", "used", "revoked", "expired"]),
  used_at: instant.nullable(),
});
export type EnrolmentTokenRow = z.infer<typeof EnrolmentTokenRow>;

/** Tokens, newest first; at most 1,000. */
export function enrolmentTokens(db: Db, viewer: string): Promise<EnrolmentTokenRow[]> {
  return many(
    EnrolmentTokenRow,
    db`
      select t.id, t.label, t.created_at, u.username as created_by, t.expires_at, t.used_at,
        case when t.used_at is not null then 'used' when t.revoked_at is not null then 'revoked'
          when t.expires_at <= app_now() then 'expired' else 'open' end as state,
        array(
          select g.name from enrolment_token_groups tg join ${visibleGroups(db, viewer)} g on g.id = tg.group_id
          where tg.token_id = t.id order by lower(g.name)
        ) as groups
      from enrolment_tokens t left join users u on u.id = t.created_by
      where ${enrolmentInScope(db, viewer, db`t.id`)}
      order by t.created_at desc, t.id desc
      limit 1000`,
  );
}
