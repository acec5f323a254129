import { z } from "zod";
import { many } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import type { Fragment } from "./scope.ts";

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

/** Operators: what joins a group of theirs, and what joins none, as with hosts. */
export function enrolmentInScope(db: Db, viewer: string, tokenId: Fragment): Fragment {
  return db`exists (
    select from users u
    where u.id = ${viewer} and u.disabled_at is null
      and (
        u.role in ('admin', 'auditor')
        or not exists (select from enrolment_token_groups tg where tg.token_id = ${tokenId})
        or exists (
          select from enrolment_token_groups tg join user_groups ug on ug.group_id = tg.group_id
          where tg.token_id = ${tokenId} and ug.user_id = u.id
        )
      )
  )`;
}

/** Machines that wait, those that asked first on top; at most 500. */
export function pendingEnrolments(db: Db, viewer: string): Promise<PendingEnrolment[]> {
  return many(
    PendingEnrolment,
    db`
      select e.id, e.fqdn, host(e.address) as address, e.port, host(e.source_address) as source_address, e.hostname,
        e.os_details, e.csr is not null as own_key, e.created_at, e.expires_at,
        case when v.host_id is not null then
          json_build_object('id', c.id, 'name', coalesce(nullif(c.display_name, ''), c.fqdn)) end as clone_of,
        array(
          select g.name from enrolment_token_groups tg join groups g on g.id = tg.group_id
          where tg.token_id = e.token_id order by lower(g.name)
        ) as groups
      from enrolments e
      left join hosts c on c.id = e.clone_of
      left join visible_hosts(${viewer}) v on v.host_id = e.clone_of
      where e.state = 'pending' and e.expires_at > app_now() and ${enrolmentInScope(db, viewer, db`e.token_id`)}
      order by e.created_at, e.id
      limit 500`,
  );
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
          select g.name from enrolment_token_groups tg join groups g on g.id = tg.group_id
          where tg.token_id = t.id order by lower(g.name)
        ) as groups
      from enrolment_tokens t left join users u on u.id = t.created_by
      where ${enrolmentInScope(db, viewer, db`t.id`)}
      order by t.created_at desc, t.id desc
      limit 1000`,
  );
}
