import { z } from "zod";
import { many } from "../database/rows.ts";
import type { Db } from "../database/types.ts";

const instant = z.instanceof(Temporal.Instant);

/** An API token in a list; never the token itself. */
export const TokenRow = z.object({
  id: z.string(),
  user_id: z.string(),
  username: z.string(),
  name: z.string(),
  /** Its first characters, by which a person knows it again. */
  hint: z.string(),
  scopes: z.array(z.string()),
  /** Only hosts in one of these; null: all that its maker may see. A group that is gone has no name here. */
  groups: z.array(z.object({ id: z.string(), name: z.string() })).nullable(),
  /** Only from these; null: from anywhere that may come in. */
  networks: z.array(z.string()).nullable(),
  created_at: instant,
  expires_at: instant,
  last_used_at: instant.nullable(),
  last_used_address: z.string().nullable(),
  /** `asleep`: its maker is disabled, or must set a password or a second factor first; until then it is refused. */
  state: z.enum(["good", "asleep", "revoked", "expired"]),
  ended_at: instant.nullable(),
});
export type TokenRow = z.infer<typeof TokenRow>;

/**
 * API tokens of a user, those that are good first, then by age; at most 500. For its owner, admins and auditors: the route
 * says so. Of everybody with null.
 */
export function tokensOf(db: Db, user_id: string | null): Promise<TokenRow[]> {
  return many(
    TokenRow,
    db`
      select t.id, t.user_id, u.username, t.name, t.hint, t.scopes, t.networks::text[] as networks,
        t.created_at, t.expires_at, t.last_used_at, host(t.last_used_address) as last_used_address,
        case when t.group_ids is not null then (
          select coalesce(json_agg(json_build_object('id', g.id, 'name', g.name) order by lower(g.name), g.id), '[]')
          from groups g where g.id = any(t.group_ids)
        ) end as groups,
        case when t.revoked_at is not null then 'revoked'
          when t.expires_at <= app_now() then 'expired'
          when u.disabled_at is not null or coalesce(p.must_change, false) or p.user_id is not null
            and not exists (select from totp_secrets s where s.user_id = u.id)
            and not exists (select from passkeys k where k.user_id = u.id) then 'asleep'
          else 'good' end as state,
        least(t.revoked_at, case when t.expires_at <= app_now() then t.expires_at end) as ended_at
      from api_tokens t join users u on u.id = t.user_id left join passwords p on p.user_id = u.id
      where ${user_id}::uuid is null or t.user_id = ${user_id}
      order by t.revoked_at is not null or t.expires_at <= app_now(), t.created_at desc, t.id desc
      limit 500`,
  );
}
