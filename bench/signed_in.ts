import https from "node:https";
import { openSession } from "../core/auth/sessions.ts";
import { systemClock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { SESSION_COOKIE } from "../routes/(_role)/cookies.ts";
import { type BrowserClient, browserClient } from "../testing/browser_client.ts";
import { type HttpClient, httpClient } from "../testing/http_client.ts";
import type { WebProcess } from "../testing/web_process.ts";

/** Clients of a web role: nobody, and the first admin in a browser. Disposing closes their connections. */
export interface Clients extends Disposable {
  admin_id: string;
  anonymous: HttpClient;
  browser: BrowserClient;
}

/** @param sql as the owner, of the web role's database, in which its first admin is past changing the password */
export async function signedIn(sql: Sql, { origin, ca }: WebProcess): Promise<Clients> {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 32 });
  const anonymous = httpClient(origin, ca, agent);
  await sql`update passwords set must_change = false`;
  const [admin] = await sql`select id, username, role, '' as display_name from users where role = 'admin'`;
  const user = { ...admin, must_change: false } as Parameters<typeof openSession>[1];
  const from = { address: "127.0.0.1", user_agent: "bench" };
  const { token } = await openSession(sql, user, "browser", from, systemClock);
  return {
    admin_id: admin.id,
    anonymous,
    browser: browserClient(anonymous, origin, `${SESSION_COOKIE}=${token}`),
    [Symbol.dispose]: () => agent.destroy(),
  };
}
