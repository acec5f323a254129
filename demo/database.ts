import { createEnrolmentTokens } from "../core/enrolment/create_enrolment_tokens.ts";
import { systemClock } from "../core/clock.ts";
import { connect } from "../core/database/connection.ts";
import type { EmbeddedServer } from "../core/database/embedded.ts";

/**
 * Makes enrolment tokens at the database itself: the one-time password belongs to the person at the terminal, so the
 * demo cannot sign in for them. `--once` does it over the REST API instead.
 */
export async function demoTokens(database: EmbeddedServer, count: number): Promise<string[]> {
  const sql = await connect({ url: database.url("patch_owner"), max: 1, application_name: "patch-manager demo" });
  try {
    const [admin] = await sql`select id from users where role = 'admin' order by created_at limit 1`;
    const context = {
      actor: { kind: "system" as const, name: "demo" },
      address: null,
      request_id: null,
      clock: systemClock,
    };
    const made: string[] = [];
    for (let left = count; left > 0; left -= 1_000) {
      const order = { count: Math.min(left, 1_000), label: "demo" };
      made.push(...(await createEnrolmentTokens(sql, admin.id, order, context)).map(({ token }) => token));
    }
    return made;
  } finally {
    await sql.end({ timeout: 5 });
  }
}
