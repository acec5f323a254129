import https from "node:https";
import { hashPassword } from "../core/auth/password.ts";
import { openSession } from "../core/auth/sessions.ts";
import { systemClock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { uuidv7 } from "../core/ids.ts";
import { SESSION_COOKIE } from "../routes/(_role)/cookies.ts";
import { browserClient } from "../testing/browser_client.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { type HttpClient, httpClient } from "../testing/http_client.ts";
import { testFolder } from "../testing/test_folder.ts";
import { webProcesses } from "../testing/web_process.ts";
import { READ_SIZE, seedFleet } from "./seeded_fleet.ts";

/** People who sign in at the same time, over and over: the first of the users, each from a network that is known. */
export const AT_ONCE = 20;
/** Everybody's. */
export const PASSWORD = "violet-harbour-lantern-42";

/** A web role that has just started, a fleet in its database, and people who know their passwords. */
export interface LoginScene extends AsyncDisposable {
  users: string[];
  host_id: string;
  /** Of the web role. */
  pid: number;
  /** Where one of the {@link AT_ONCE} people signs in from. */
  addressOf(n: number): string;
  /** Signs in from an address, which the web role believes because the bench is its proxy. @throws Error unless it is as expected */
  signIn(username: string, password: string, address: string, expected: number): Promise<void>;
  /** Reads a page as an administrator. @throws Error unless it answers 200 */
  page(path: string): Promise<void>;
}

/** @param others users besides those who sign in at the same time */
export async function loginScene(others: number, hosts: number): Promise<LoginScene> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await testFolder("login-")).path;
  const database = cleanup.use(await testDatabase());
  const { sql } = database;
  const start = await webProcesses({ folder, url: database.url, trusted_proxies: ["127.0.0.0/8"] });
  const web = cleanup.use(await start("web"));
  const users = await addUsers(sql, AT_ONCE + others);
  const [admin] = await sql`select id, username, role, '' as display_name from users where role = 'admin'`;
  await seedFleet(database, admin.id, { ...READ_SIZE, hosts });
  const addressOf = (n: number) => `10.3.${n}.1`;
  for (const [n, username] of users.slice(0, AT_ONCE).entries()) {
    await sql`
      insert into login_networks (user_id, network, last_success_at)
      select id, ${`${addressOf(n)}/32`}::text::cidr, app_now() from users where username = ${username}`;
  }
  const [{ id: host_id }] = await sql`select id from hosts order by fqdn limit 1`;
  const agent = new https.Agent({ keepAlive: true, maxSockets: 32 });
  cleanup.defer(() => agent.destroy());
  const anonymous = httpClient(web.origin, web.ca, agent);
  const browser = await administrator(database, admin, web.origin, anonymous);
  const kept = cleanup.move();
  return {
    users,
    host_id,
    pid: web.child.pid,
    addressOf,
    async signIn(username, password, address, expected) {
      const { status, text } = await anonymous.send({
        method: "POST",
        path: "/api/v1/auth/login",
        json: { username, password },
        headers: { "x-forwarded-for": address },
      });
      if (status !== expected) throw new Error(`login: ${status} instead of ${expected}: ${text}`);
    },
    async page(path) {
      const { status } = await browser.get(path);
      if (status !== 200) throw new Error(`${path} answered ${status}`);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function addUsers(sql: Sql, count: number): Promise<string[]> {
  const hash = await hashPassword(PASSWORD);
  const names: string[] = [];
  for (let n = 0; n < count; n++) {
    const id = uuidv7();
    const username = `person${n}`;
    await sql`insert into users (id, username, role, created_at) values (${id}, ${username}, 'operator', app_now())`;
    await sql`insert into passwords (user_id, hash, changed_at) values (${id}, ${hash}, app_now())`;
    names.push(username);
  }
  return names;
}

async function administrator(
  { sql, web }: TestDatabase,
  admin: Record<string, unknown>,
  origin: string,
  anonymous: HttpClient,
): Promise<HttpClient> {
  await sql`update passwords set must_change = false`;
  const user = { ...admin, must_change: false } as Parameters<typeof openSession>[1];
  const from = { address: "127.0.0.1", user_agent: "bench" };
  const { token } = await openSession(web, user, "browser", from, systemClock);
  return browserClient(anonymous, origin, `${SESSION_COOKIE}=${token}`);
}
