import { createEnrolmentTokens } from "../core/enrolment/create_enrolment_tokens.ts";
import { systemClock } from "../core/clock.ts";
import { connect, type Sql } from "../core/database/connection.ts";
import type { EmbeddedServer } from "../core/database/embedded.ts";
import { MAX_REFRESH, requestRefresh } from "../core/hosts/request_refresh.ts";

/**
 * Makes enrolment tokens at the database itself: the one-time password belongs to the person at the terminal, so the
 * demo cannot sign in for them. `--once` does it over the REST API instead.
 */
export function demoTokens(database: EmbeddedServer, count: number): Promise<string[]> {
  return asOwner(database, async (sql, admin) => {
    const context = {
      actor: { kind: "system" as const, name: "demo" },
      address: null,
      request_id: null,
      clock: systemClock,
    };
    const made: string[] = [];
    for (let left = count; left > 0; left -= 1_000) {
      const order = { count: Math.min(left, 1_000), label: "demo" };
      made.push(...(await createEnrolmentTokens(sql, admin, order, context)).map(({ token }) => token));
    }
    return made;
  });
}

/** Has every host polled now: the manager starts before them and found nobody. */
export function pollEverybody(database: EmbeddedServer): Promise<void> {
  return asOwner(database, async (sql, admin) => {
    const hosts = await sql`select host_id from visible_hosts(${admin})`;
    const ids = hosts.map(({ host_id }) => host_id);
    while (ids.length > 0) await requestRefresh(sql, admin, ids.splice(0, MAX_REFRESH));
  });
}

/** Does something at the database itself, with the id of the first admin. */
export async function asOwner<T>(database: EmbeddedServer, work: (sql: Sql, admin: string) => Promise<T>): Promise<T> {
  const sql = await connect({ url: database.url("patch_owner"), max: 1, application_name: "patch-manager demo" });
  try {
    const [admin] = await sql`select id from users where role = 'admin' order by created_at limit 1`;
    return await work(sql, admin.id);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
