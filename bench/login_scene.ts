import { hashPassword } from "../core/auth/password.ts";
import type { Sql } from "../core/database/connection.ts";
import { uuidv7 } from "../core/ids.ts";
import { testDatabase } from "../testing/database.ts";
import { testFolder } from "../testing/test_folder.ts";
import { webProcesses } from "../testing/web_process.ts";
import { READ_SIZE, seedFleet } from "./seeded_fleet.ts";
import { signedIn } from "./signed_in.ts";

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
  const { admin_id, anonymous, browser } = cleanup.use(await signedIn(sql, web));
  await seedFleet(database, admin_id, { ...READ_SIZE, hosts });
  const addressOf = (n: number) => `10.3.${n}.1`;
  for (const [n, username] of users.slice(0, AT_ONCE).entries()) {
    await sql`
      insert into login_networks (user_id, network, last_success_at)
      select id, ${`${addressOf(n)}/32`}::text::cidr, app_now() from users where username = ${username}`;
  }
  const [{ id: host_id }] = await sql`select id from hosts order by fqdn limit 1`;
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
