import { hashPassword, warmUpPasswords } from "../core/auth/password.ts";
import { uuidv7 } from "../core/ids.ts";
import { TEST_PASSWORD, type TestSite, testSite } from "../testing/site.ts";
import { LoopDelay } from "./loop_delay.ts";
import { type BenchOptions, type Figure, percentile, spread, timeEach } from "./measure.ts";
import { READ_SIZE, seedFleet } from "./seeded_fleet.ts";

/** Tries of each kind whose times are compared. */
const TRIES = 200;
/** People who sign in at the same time, over and over. */
const AT_ONCE = 20;
/** Pages that are asked for meanwhile, one after the other: those of one host, and the largest there is. */
const PAGES = 300;
const LISTS = 60;

/**
 * A login over TLS, from the request to the answer; whether the time tells an unknown user from a wrong password; and how
 * long pages take while 20 people sign in at once, from networks that are known, so that both places for hashes are
 * taken all the time. Clients and manager share this one process and its cores.
 */
export async function benchLogin({ hosts }: BenchOptions): Promise<Figure[]> {
  await using site = await testSite({ access: { trusted_proxies: ["127.0.0.0/8"] } });
  await warmUpPasswords();
  const users = await addUsers(site, TRIES + AT_ONCE);
  return [
    ...await oneClient(site, users[0]),
    ...await sameTime(site, users.slice(AT_ONCE)),
    ...await pagesMeanwhile(site, users.slice(0, AT_ONCE), hosts),
  ];
}

async function addUsers({ database: { sql } }: TestSite, count: number): Promise<string[]> {
  const hash = await hashPassword(TEST_PASSWORD);
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

/** Signs in from an address, which the site believes because the bench is its proxy. @throws Error unless it is as expected */
async function signIn(site: TestSite, username: string, password: string, address: string, expected: number) {
  const { status, text } = await site.anonymous.send({
    method: "POST",
    path: "/api/v1/auth/login",
    json: { username, password },
    headers: { "x-forwarded-for": address },
  });
  if (status !== expected) throw new Error(`login: ${status} instead of ${expected}: ${text}`);
}

async function oneClient(site: TestSite, username: string): Promise<Figure[]> {
  const times = await timeEach(30, () => signIn(site, username, TEST_PASSWORD, "192.0.2.1", 200));
  return spread("login (Argon2id, 64 MiB, t = 3)", times, 500);
}

/**
 * Every try with an account and an address of its own, so that nothing is slowed down. Both kinds are tried in pairs, each
 * first in half of them, and a pair's difference is taken: what the machine does besides is in both.
 */
async function sameTime(site: TestSite, users: readonly string[]): Promise<Figure[]> {
  const known: number[] = [], unknown: number[] = [];
  for (let n = 0; n < TRIES; n++) {
    const timed = async (username: string, network: number) => {
      const started = performance.now();
      await signIn(site, username, "not the password", `10.${network}.${n}.1`, 401);
      return performance.now() - started;
    };
    const first = n % 2 === 0;
    if (first) known.push(await timed(users[n], 1));
    unknown.push(await timed(`nobody${n}`, 2));
    if (!first) known.push(await timed(users[n], 1));
  }
  const median = (times: number[]) => percentile(times.toSorted((a, b) => a - b), 0.5);
  const difference = Math.abs(median(known.map((time, n) => time - unknown[n])));
  return [
    { name: "login refused, wrong password, median of 200", value: median(known), unit: "ms", target: null },
    { name: "login refused, unknown user, median of 200", value: median(unknown), unit: "ms", target: null },
    { name: "login refused, median of the 200 differences", value: difference, unit: "ms", target: 5 },
  ];
}

async function pagesMeanwhile(site: TestSite, users: readonly string[], hosts: number): Promise<Figure[]> {
  const admin = await site.signIn("admin", { kind: "browser" });
  await seedFleet(site.database, admin.user_id, { ...READ_SIZE, hosts });
  const addressOf = (n: number) => `10.3.${n}.1`;
  for (const [n, username] of users.entries()) {
    await site.database.sql`
      insert into login_networks (user_id, network, last_success_at)
      select id, ${`${addressOf(n)}/32`}::text::cidr, app_now() from users where username = ${username}`;
  }
  const [{ id }] = await site.database.sql`select id from hosts order by fqdn limit 1`;
  const page = async (path: string) => {
    const { status } = await admin.get(path);
    if (status !== 200) throw new Error(`${path} answered ${status}`);
  };
  const host = () => page(`/hosts/${id}`);
  const list = () => page("/hosts");
  const alone = { host: await timeEach(LISTS, host), list: await timeEach(LISTS, list) };
  let going = true;
  const logins: number[] = [];
  const people = users.map(async (username, n) => {
    while (going) {
      const started = performance.now();
      await signIn(site, username, TEST_PASSWORD, addressOf(n), 200);
      logins.push(performance.now() - started);
    }
  });
  using delay = new LoopDelay();
  const meanwhile = { host: await timeEach(PAGES, host), list: await timeEach(LISTS, list) };
  const late = delay.figures("the manager while 20 log in");
  going = false;
  await Promise.all(people);
  const figure = (name: string, times: number[], share: number, target: number | null = null): Figure => ({
    name: `${name}, ${share === 0.5 ? "median" : "p99"}`,
    value: percentile(times, share),
    unit: "ms",
    target,
  });
  const all = `page of ${hosts.toLocaleString("en")} hosts`;
  return [
    figure("page of one host, nobody logs in", alone.host, 0.99),
    figure("page of one host, 20 log in at once", meanwhile.host, 0.5),
    figure("page of one host, 20 log in at once", meanwhile.host, 0.99, 100),
    figure(`${all}, nobody logs in`, alone.list, 0.99),
    figure(`${all}, 20 log in at once`, meanwhile.list, 0.99),
    ...late,
    ...spread("login while 19 others log in", logins.sort((a, b) => a - b), null),
  ];
}
