import { secretToken, sha256, uuidv7 } from "../../core/ids.ts";
import type { HttpClient } from "../../testing/http_client.ts";
import type { TestCaller, TestRole, TestSite } from "../../testing/site.ts";
import { scopes } from "../../core/tokens/scopes.ts";
import type { Asker } from "./expectation.ts";

export interface Groups {
  /** All hosts are in it. */
  here: string;
  /** No host is in it. */
  there: string;
}

/** One column of the matrix. */
export interface Column extends Asker {
  name: string;
  /** The group of an operator. */
  group?: keyof Groups;
  /** What happens to them after they have signed in. */
  then?(site: TestSite, caller: TestCaller): Promise<unknown>;
}

/** As long ago as makes a proof of identity old, and a session no older than it may be. */
const ELEVEN_MINUTES = 11;

export const columns: Column[] = [
  { name: "anonymous", role: null },
  { name: "auditor", role: "auditor" },
  { name: "operator of the hosts' group", role: "operator", group: "here" },
  { name: "operator of another group", role: "operator", group: "there" },
  { name: "admin", role: "admin" },
  {
    name: "an expired session of an admin's",
    role: null,
    ended: true,
    then: ({ database }, { session_id }) =>
      database.sql`update sessions set idle_until = app_now() - interval '1 second' where id = ${session_id}`,
  },
  {
    name: "a disabled admin",
    role: null,
    ended: true,
    then: ({ database }, { user_id }) => database.sql`update users set disabled_at = app_now() where id = ${user_id}`,
  },
  {
    name: "a revoked session of an admin's",
    role: null,
    ended: true,
    then: ({ database }, { session_id }) =>
      database.sql`update sessions set revoked_at = app_now(), revoked_reason = 'test' where id = ${session_id}`,
  },
  { name: "an admin with a one-time password", role: "admin", must_change: true },
  { name: "an admin before the second factor", role: "admin", stage: "factor" },
  { name: "an admin without a second factor", role: "admin", stage: "enrol" },
  {
    name: "an admin who proved who they are long ago",
    role: "admin",
    stale: true,
    then: ({ database }, { session_id }) =>
      database.sql`
        update sessions set reauthenticated_at = app_now() - make_interval(mins => ${ELEVEN_MINUTES})
        where id = ${session_id}`,
  },
  { name: "an admin's API token for reading", role: "admin", scopes: ["read"] },
  { name: "an admin's API token with every scope", role: "admin", scopes: [...scopes] },
  { name: "an API token for reading hosts of another group", role: "admin", scopes: ["read"], group: "there" },
];

/** Somebody of a column; null is nobody. Pages are asked for by browsers, the API and sockets by programs. */
export async function become(
  site: TestSite,
  column: Column,
  kind: "browser" | "api",
  groups: Groups,
): Promise<{ client: HttpClient; caller: TestCaller | null }> {
  if (column.role === null && !column.ended) return { client: site.anonymous, caller: null };
  const { must_change, stage, group } = column;
  const role: TestRole = column.role ?? "admin";
  if (column.scopes) return await withToken(site, role, column.scopes, group ? [groups[group]] : null);
  const caller = await site.signIn(role, { kind, must_change, stage, groups: group ? [groups[group]] : [] });
  await column.then?.(site, caller);
  return { client: caller, caller };
}

/** A user with a second factor, and a client that sends a token of theirs. */
async function withToken(site: TestSite, role: TestRole, granted: string[], group_ids: string[] | null) {
  const { sql } = site.database;
  const maker = await site.signIn(role);
  const token = `lpm_${secretToken()}`;
  await sql`
    insert into totp_secrets (user_id, sealed, created_at, confirmed_at)
    values (${maker.user_id}, '\\x00'::bytea, app_now(), app_now())`;
  await sql`
    insert into api_tokens (id, user_id, name, hash, hint, scopes, group_ids, created_at, expires_at)
    values (${uuidv7()}, ${maker.user_id}, 'nightly', ${await sha256(token)}, ${
    token.slice(0, 8)
  }, ${granted}, ${group_ids},
      app_now(), app_now() + interval '1 day')`;
  const client = site.client({ authorization: `Bearer ${token}` });
  return { client, caller: { ...maker, ...client, token } };
}

/** Two groups: one that every host will be in, and one without any. */
export async function twoGroups({ database }: TestSite): Promise<Groups> {
  const groups = { here: uuidv7(), there: uuidv7() };
  await database.sql`
    insert into groups (id, name, created_at)
    values (${groups.here}, 'Hall of secrets', app_now()), (${groups.there}, 'Hall of nothing', app_now())`;
  return groups;
}

/** From now on every host is in the one group, and nobody but its own operators in any. */
export async function placeHosts({ database }: TestSite, { here, there }: Groups): Promise<void> {
  await database.sql`
    insert into host_groups (host_id, group_id) select id, ${here}::uuid from hosts on conflict do nothing`;
  // Examples put whoever is there into the groups that they make.
  await database.sql`
    delete from user_groups where user_id in (select user_id from user_groups where group_id = ${there})
      and group_id <> ${there}`;
}
