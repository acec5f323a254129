import { viewerOfSession } from "../../core/auth/sessions.ts";
import type { Sql } from "../../core/database/connection.ts";
import { uuidv7 } from "../../core/ids.ts";
import type { HttpClient } from "../../testing/http_client.ts";
import type { TestCaller, TestRole, TestSite } from "../../testing/site.ts";
import { type Scope, scopes } from "../../core/tokens/scopes.ts";
import { ACCESS_COOKIE } from "../../routes/(_role)/cookies.ts";
import { makeApiToken } from "../../testing/api_tokens.ts";
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
  /** What happens to them after they have signed in; an access token that replaces theirs, where it changes. */
  then?(site: TestSite, caller: TestCaller): Promise<string | void>;
}

/** Does something to the database. */
const sqlOf = (change: (sql: Sql, caller: TestCaller) => Promise<unknown>): Column["then"] => async (site, caller) =>
  void await change(site.database.sql, caller);

/** An access token of the same session, as if they had proven who they are eleven minutes ago. */
async function proveLongAgo({ database, services }: TestSite, { session_id }: TestCaller): Promise<string> {
  await database.sql`
    update sessions set reauthenticated_at = app_now() - interval '11 minutes' where id = ${session_id}`;
  const viewer = (await viewerOfSession(services.sql, session_id, services.clock))!;
  const ends = services.clock.now().add({ hours: 1 });
  const opened = { token: "", rotation: 0, session_id, expires_at: ends, idle_until: ends, viewer };
  return (await services.sessions.accessToken(opened)).token;
}

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
    then: sqlOf((sql, { session_id }) =>
      sql`
        update sessions set created_at = created_at - interval '2 days', expires_at = app_now() - interval '1 second',
          idle_until = app_now() - interval '1 second' where id = ${session_id}`
    ),
  },
  {
    name: "a disabled admin",
    role: null,
    ended: true,
    then: sqlOf((sql, { user_id }) => sql`update users set disabled_at = app_now() where id = ${user_id}`),
  },
  {
    name: "a revoked session of an admin's",
    role: null,
    ended: true,
    then: sqlOf((sql, { session_id }) =>
      sql`update sessions set revoked_at = app_now(), revoked_reason = 'test' where id = ${session_id}`
    ),
  },
  { name: "an admin with a one-time password", role: "admin", must_change: true },
  { name: "an admin before the second factor", role: "admin", stage: "factor" },
  { name: "an admin without a second factor", role: "admin", stage: "enrol" },
  {
    name: "an admin who proved who they are long ago",
    role: "admin",
    stale: true,
    then: proveLongAgo,
  },
  { name: "a wall screen of an admin's", role: "admin", wall: true },
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
  const session = column.wall ? "wall" : kind;
  const signed = await site.signIn(role, { kind: session, must_change, stage, groups: group ? [groups[group]] : [] });
  const token = await column.then?.(site, signed);
  const caller = token ? { ...signed, ...clientOf(site, kind, token), token } : signed;
  return { client: caller, caller };
}

function clientOf(site: TestSite, kind: "browser" | "api", token: string): HttpClient {
  if (kind === "api") return site.client({ authorization: `Bearer ${token}` });
  return site.client({ cookie: `${ACCESS_COOKIE}=${token}`, origin: site.origin });
}

/** A user with a second factor and a client that sends an API token of theirs. */
async function withToken(site: TestSite, role: TestRole, granted: Scope[], limited_to: string[] | null) {
  const maker = await site.signIn(role);
  const { token, client } = await makeApiToken(site, maker.user_id, { scopes: granted, groups: limited_to });
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
