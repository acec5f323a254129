import { Agent } from "node:https";
import { openSession } from "../core/auth/sessions.ts";
import { systemClock } from "../core/clock.ts";
import { connect, type Sql } from "../core/database/connection.ts";
import { requestRefresh } from "../core/hosts/request_refresh.ts";
import type { PollKind } from "../core/hosts/types.ts";
import { browserClient } from "../testing/browser_client.ts";
import { SESSION_COOKIE } from "../routes/(_role)/cookies.ts";
import { build } from "../scripts/build.ts";
import { type HttpClient, httpClient } from "../testing/http_client.ts";
import { SoakBed } from "../testing/soak/bed.ts";
import { sampleProcess } from "../testing/soak/process_figures.ts";
import { testFolder } from "../testing/test_folder.ts";
import { waitFor } from "../testing/wait_for.ts";
import { type BenchOptions, type Figure, spread, timeEach } from "./measure.ts";
import { processorTime } from "./process_time.ts";
import { startStatements, type StatementServer, topStatements } from "./statements.ts";

/** So seldom that during the bench nothing is due by itself: what is measured is what is asked for. */
const INTERVAL_S = 3_600;

/**
 * Whole sweeps of a fleet: the two roles with their production permissions, the simulated hosts and PostgreSQL are
 * processes of their own. Every host is asked for at once, as a person does it; 64 are asked at a time.
 */
export async function benchSweep({ hosts }: BenchOptions): Promise<Figure[]> {
  await build({ root: new URL("..", import.meta.url).pathname.replace(/\/$/, "") });
  await using folder = await testFolder("sweep-");
  await using server = await startStatements(folder.path);
  const sql = await connect({ url: server.url("patch_owner"), max: 3, application_name: "bench" });
  try {
    await using bed = await SoakBed.make({
      folder: folder.path,
      database: { sql, url: server.url },
      ...{ hosts, seed: 7, mix: ["--calm"] },
      ...{ health_seconds: INTERVAL_S, patches_seconds: INTERVAL_S },
    });
    const figures: Figure[] = [
      { name: "web role, start to serving with a new schema", value: startOf(bed), unit: "ms", target: 2_000 },
      { name: `${hosts} hosts enrolled`, value: bed.enrolled_ms / 1000, unit: "s", target: hosts * 300 / 2_500 },
    ];
    const began = performance.now();
    await bed.startFleet();
    figures.push({ name: "fleet role, start to working", value: performance.now() - began, unit: "ms", target: 2_000 });
    const browser = await signIn(sql, server.url("patch_web"), bed);
    figures.push(...await sweep("first health", hosts, sql, bed, server, "health", null, null));
    figures.push(...await sweep("first patch", hosts, sql, bed, server, "patches", 60, null));
    await sql`vacuum analyze`;
    await server.reset();
    figures.push(...await sweep("health", hosts, sql, bed, server, "health", 20, browser));
    figures.push(...await sweep("unchanged patch", hosts, sql, bed, server, "patches", null, browser));
    return [...figures, ...await topStatements(server)];
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** From the process's start to the first line that says it serves. */
function startOf(bed: SoakBed): number {
  const line = Deno.readTextFileSync(bed.web.log).split("\n").find((one) => one.includes('"server.started"'))!;
  return Date.parse(JSON.parse(line).time) - bed.web.started_ms;
}

/** Asks for every host, and measures until the last has answered. */
async function sweep(
  name: string,
  hosts: number,
  sql: Sql,
  bed: SoakBed,
  server: StatementServer,
  kind: PollKind,
  target_s: number | null,
  browser: HttpClient | null,
): Promise<Figure[]> {
  const [{ id: admin }] = await sql`select id from users where role = 'admin' order by created_at limit 1`;
  const ids = (await sql`select id from hosts`).map((row) => row.id as string);
  if (ids.length !== hosts) throw new Error(`${ids.length} hosts are enrolled, not ${hosts}.`);
  const first = (await sampleProcess(bed.fleet.pid, systemClock))!;
  let most = first.rss_mib;
  const processors = watchProcessors({
    "the web role": bed.web.pid,
    "the simulated hosts": bed.simulated.pid,
    PostgreSQL: server.pid,
  });
  const started = performance.now();
  await requestRefresh(sql, admin, ids.slice(0, 5_000), { kinds: [kind] });
  for (let at = 5_000; at < ids.length; at += 5_000) {
    await requestRefresh(sql, admin, ids.slice(at, at + 5_000), { kinds: [kind] });
  }
  let over = false;
  const pages = browser ? measurePages(browser, `${name} sweep`, () => over) : null;
  try {
    await waitFor(`the ${name} sweep`, async () => {
      const { rss_mib } = (await sampleProcess(bed.fleet.pid, systemClock))!;
      most = Math.max(most, rss_mib);
      const [{ left }] = await sql`
        select count(*)::int as left from host_polls
        where kind = ${kind} and (requested_at is not null and (last_at is null or last_at < requested_at))`;
      return left === 0;
    }, { deadline_ms: 240_000, every_ms: 100 });
  } finally {
    over = true;
  }
  const wall = (performance.now() - started) / 1000;
  const last = (await sampleProcess(bed.fleet.pid, systemClock))!;
  const read = await pages;
  const title = `${name} sweep of ${hosts}`;
  const [{ failed }] = await sql`select count(*)::int as failed from host_polls where kind = ${kind} and failures > 0`;
  return [
    { name: title, value: wall, unit: "s", target: target_s },
    { name: `${title}, processor time of the fleet role`, value: last.cpu_s - first.cpu_s, unit: "s", target: null },
    ...processors(title),
    { name: `${title}, most memory of the fleet role`, value: most, unit: "MiB", target: 400 },
    { name: `${title}, hosts that failed`, value: failed, unit: "times", target: 0 },
    ...read ? await read : [],
  ];
}

/** What else uses the machine's cores: figures from now until they are asked for. */
function watchProcessors(pids: Record<string, number>): (title: string) => Figure[] {
  const before = Object.entries(pids).map(([who, pid]) => ({ who, pid, used: processorTime(pid) }));
  return (title) =>
    before.map(({ who, pid, used }) => ({
      name: `${title}, processor time of ${who}`,
      value: processorTime(pid) - used,
      unit: "s",
      target: null,
    }));
}

/** What a person sees of a sweep: pages and the lightest request, one after another until it is over. */
async function measurePages(browser: HttpClient, during: string, over: () => boolean): Promise<Figure[]> {
  const paths = [["dashboard", "/dashboard", 100], ["host list", "/hosts", 100], [
    "lightest request",
    "/status/health",
    null,
  ]];
  const times = paths.map((): number[] => []);
  while (!over()) {
    for (const [n, [, path]] of paths.entries()) {
      times[n].push(
        ...await timeEach(1, async () => {
          const { status } = await browser.get(path as string);
          if (status !== 200 && status !== 503) throw new Error(`${path} answered ${status}`);
        }),
      );
    }
  }
  return paths.flatMap(([name, , target], n) =>
    times[n].length === 0
      ? []
      : spread(`during the ${during}: ${name}`, times[n].sort((a, b) => a - b), target as number | null)
  );
}

async function signIn(sql: Sql, url: string, bed: SoakBed): Promise<HttpClient> {
  const [user] = await sql`select id, username, role from users where role = 'admin' order by created_at limit 1`;
  const web = await connect({ url, max: 1 });
  try {
    const who = { id: user.id, must_change: false };
    const from = { address: "127.0.0.1", user_agent: "bench" };
    const { token } = await openSession(web, who as never, "browser", from, systemClock);
    await sql`update passwords set must_change = false`;
    const text = await Deno.readTextFile(`${bed.options.folder}/manager/config.toml`);
    const origin = /public_url = "([^"]+)"/.exec(text)![1];
    const ca = await Deno.readTextFile(`${bed.options.folder}/manager/pki/root.crt`);
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    return browserClient(httpClient(origin, ca, agent), origin, `${SESSION_COOKIE}=${token}`);
  } finally {
    await web.end({ timeout: 5 });
  }
}
