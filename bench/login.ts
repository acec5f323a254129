import { AT_ONCE, type LoginScene, loginScene, PASSWORD } from "./login_scene.ts";
import { LoopDelay } from "./loop_delay.ts";
import { type BenchOptions, type Figure, percentile, spread, timeEach } from "./measure.ts";
import { memoryOf } from "./process_memory.ts";

/** Tries of each kind whose times are compared. */
const TRIES = 200;
/** Pages that are asked for, one after the other: those of one host, and the largest there is. */
const PAGES = 400;
const LISTS = 60;
/** Asked for before anything is measured: what only the first ones pay has a figure of its own. */
const WARM = 20;

/**
 * A login over TLS, from the request to the answer; whether the time tells an unknown user from a wrong password; and how
 * long pages take while 20 people sign in at once, from networks that are known, so that both places for hashes are
 * taken all the time. The web role is a process of its own with its production permissions; it shares the machine's cores
 * with PostgreSQL and with this process, which is the clients.
 *
 * On a busy machine give it `nice`, never a real-time class: there a hash is not interrupted, and a page that waits for
 * some twenty turns of a core takes 200 instead of 35 ms (measured with SCHED_RR).
 */
export async function benchLogin({ hosts }: BenchOptions): Promise<Figure[]> {
  await using scene = await loginScene(TRIES, hosts);
  return [
    ...await firstRequests(scene),
    ...await oneClient(scene),
    ...await sameTime(scene),
    ...await pagesMeanwhile(scene, hosts),
  ];
}

/** What the first visitors after a start pay: code that was never run, statements that were never prepared. */
async function firstRequests({ signIn, page, host_id, users }: LoginScene): Promise<Figure[]> {
  const [host] = await timeEach(1, () => page(`/hosts/${host_id}`));
  const [list] = await timeEach(1, () => page("/hosts"));
  const [login] = await timeEach(1, () => signIn(users[0], PASSWORD, "192.0.2.1", 200));
  return [
    { name: "first request after the start, page of one host", value: host, unit: "ms", target: null },
    { name: "then the first page of hosts", value: list, unit: "ms", target: null },
    { name: "then the first login", value: login, unit: "ms", target: null },
  ];
}

async function oneClient({ signIn, users }: LoginScene): Promise<Figure[]> {
  const times = await timeEach(30, () => signIn(users[0], PASSWORD, "192.0.2.1", 200));
  return spread("login (Argon2id, 64 MiB, t = 3)", times, 500);
}

/**
 * Every try with an account and an address of its own, so that nothing is slowed down. Both kinds are tried in pairs, each
 * first in half of them, and a pair's difference is taken: what the machine does besides is in both.
 */
async function sameTime({ signIn, users }: LoginScene): Promise<Figure[]> {
  const known: number[] = [], unknown: number[] = [];
  for (let n = 0; n < TRIES; n++) {
    const timed = async (username: string, network: number) => {
      const started = performance.now();
      await signIn(username, "not the password", `10.${network}.${n}.1`, 401);
      return performance.now() - started;
    };
    const first = n % 2 === 0;
    if (first) known.push(await timed(users[AT_ONCE + n], 1));
    unknown.push(await timed(`nobody${n}`, 2));
    if (!first) known.push(await timed(users[AT_ONCE + n], 1));
  }
  const median = (times: number[]) => percentile(times.toSorted((a, b) => a - b), 0.5);
  const difference = Math.abs(median(known.map((time, n) => time - unknown[n])));
  return [
    { name: "login refused, wrong password, median of 200", value: median(known), unit: "ms", target: null },
    { name: "login refused, unknown user, median of 200", value: median(unknown), unit: "ms", target: null },
    { name: "login refused, median of the 200 differences", value: difference, unit: "ms", target: 5 },
  ];
}

async function pagesMeanwhile(scene: LoginScene, hosts: number): Promise<Figure[]> {
  const host = () => scene.page(`/hosts/${scene.host_id}`);
  const list = () => scene.page("/hosts");
  await timeEach(WARM, host);
  await timeEach(WARM, list);
  const alone = { host: await timeEach(PAGES, host), list: await timeEach(LISTS, list) };
  let going = true;
  const logins: number[] = [];
  const people = scene.users.slice(0, AT_ONCE).map(async (username, n) => {
    while (going) {
      const started = performance.now();
      await scene.signIn(username, PASSWORD, scene.addressOf(n), 200);
      logins.push(performance.now() - started);
    }
  });
  using delay = new LoopDelay();
  const meanwhile = { host: await timeEach(PAGES, host), list: await timeEach(LISTS, list) };
  const late = delay.figures("the clients while 20 log in");
  going = false;
  await Promise.all(people);
  const figure = (name: string, times: number[], share: number, target: number | null = null): Figure => ({
    name: `${name}, ${share === 0.5 ? "median" : `p${share * 100}`}`,
    value: percentile(times, share),
    unit: "ms",
    target,
  });
  const all = `page of ${hosts.toLocaleString("en")} hosts`;
  return [
    figure("page of one host, nobody logs in", alone.host, 0.5),
    figure("page of one host, nobody logs in", alone.host, 0.99),
    figure("page of one host, 20 log in at once", meanwhile.host, 0.5),
    figure("page of one host, 20 log in at once", meanwhile.host, 0.99, 100),
    figure(`${all}, nobody logs in`, alone.list, 0.95),
    figure(`${all}, 20 log in at once`, meanwhile.list, 0.95),
    ...late,
    ...spread("login while 19 others log in", logins.sort((a, b) => a - b), null),
    { name: "web role at its end", value: memoryOf(scene.pid), unit: "MiB", target: null },
  ];
}
