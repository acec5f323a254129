import assert from "node:assert/strict";
import { createServer } from "node:net";
import { rfc3339, systemClock } from "../core/clock.ts";
import { requestRefresh } from "../core/hosts/request_refresh.ts";
import { silentLog } from "../core/log.ts";
import { agentServer, client_options, envelope, type Handler } from "../testing/agent_listener.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { addUser } from "../testing/job_scenario.ts";
import { addAgentHost, startTestAgent } from "../testing/simulated_agent.ts";
import { listening } from "../testing/tls.ts";
import { waitFor } from "../testing/wait_for.ts";
import { createAgentClient } from "./agent_client.ts";
import { createPoller } from "./poller.ts";

function startPoller(database: TestDatabase, options: { stopping?: AbortSignal; connect_timeout_ms?: number } = {}) {
  const cut = new AbortController();
  const { connect_timeout_ms } = options;
  const agents = createAgentClient({ ...client_options, ...(connect_timeout_ms && { connect_timeout_ms }) });
  const poller = createPoller({
    ...{ sql: database.fleet, agents, clock: systemClock, log: silentLog },
    signal: cut.signal,
    stopping: options.stopping ?? new AbortController().signal,
  });
  return {
    poller,
    async round() {
      await poller.turn();
      await poller.idle();
    },
    [Symbol.asyncDispose]: async () => {
      cut.abort(new Error("the test is done"));
      await poller.idle();
      agents.close();
    },
  };
}

/** An agent whose every answer is the test's choice, by path. */
const answering = (answers: Record<string, string>, asked: string[] = []): Handler => (request, response) => {
  asked.push(request.url!);
  const text = answers[request.url!.split("?")[0]];
  response.writeHead(text === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(text ?? JSON.stringify({ success: false, data: null, error: { code: "NOT_FOUND", message: "no" } }));
};

const HEALTHY = envelope({ status: "healthy", uptime_seconds: 100 });
const INFO = envelope({ hostname: "web1", os: "Debian GNU/Linux", boot_id: "boot-1" });
const NO_PATCHES = envelope({ patches: [], total: 0, state: "ok" });
const NO_PACKAGES = envelope({ packages: [], total: 0 });
const GOOD = {
  "/api/v1/health": HEALTHY,
  "/api/v1/system/info": INFO,
  "/api/v1/patches": NO_PATCHES,
  "/api/v1/packages": NO_PACKAGES,
};

Deno.test("a poll lands health, system, packages and patches of a real agent", async () => {
  await using database = await testDatabase();
  await using agent = await startTestAgent();
  const { sql } = database;
  const id = await addAgentHost(sql, agent);
  await using running = startPoller(database);
  await running.round();
  const [host] = await sql`
    select health, simulated, os_name, kernel, health_reason, certificate_expires_at > app_now() as certified
    from hosts where id = ${id}`;
  assert.equal(host.health, "healthy", host.health_reason);
  assert.equal(host.simulated, true);
  assert.equal(host.certified, true, "when its certificate ends was read off the connection");
  assert.equal(host.os_name, agent.traits.distribution.os);
  const [counted] = await sql`select installed, installable from host_counters where host_id = ${id}`;
  assert.ok(counted.installed > 0 && counted.installable > 0);
  const polls = await sql`
    select kind, failures, last_ok_at is not null as ok, lease_until, next_at > app_now() as later from host_polls order by kind`;
  assert.deepEqual(polls.map((row) => ({ ...row })), [
    { kind: "health", failures: 0, ok: true, lease_until: null, later: true },
    { kind: "patches", failures: 0, ok: true, lease_until: null, later: true },
  ]);
});

/** What an answer is, by path; then what becomes of the host. */
const HOSTILE: [string, Record<string, string>, { health: string; refused: RegExp | null; reason: RegExp | null }][] = [
  ["no JSON", { "/api/v1/patches": "<html>" }, { health: "healthy", refused: /JSON/, reason: null }],
  ["off schema", { "/api/v1/patches": envelope({ patches: "all" }) }, {
    health: "healthy",
    refused: /patches/,
    reason: null,
  }],
  ["a package named like an option", {
    "/api/v1/packages": envelope({ packages: [{ name: "--root=/", version: "1" }] }),
  }, { health: "healthy", refused: /not a package name/, reason: null }],
  ["too deep", { "/api/v1/patches": "[".repeat(100) + "]".repeat(100) }, {
    health: "healthy",
    refused: /refused/,
    reason: null,
  }],
  ["a health that is no health", { "/api/v1/health": envelope({ status: "fine" }) }, {
    health: "degraded",
    refused: null,
    reason: /refused/,
  }],
];
for (const [what, answers, expected] of HOSTILE) {
  Deno.test(`${what} is refused for that host alone, with the reason shown`, async () => {
    await using database = await testDatabase();
    const { sql } = database;
    await using bad = await agentServer(answering({ ...GOOD, ...answers }));
    await using good = await startTestAgent();
    const bad_id = await addAgentHost(sql, bad);
    const good_id = await addAgentHost(sql, good);
    await using running = startPoller(database);
    await running.round();
    const [host] = await sql`
      select h.health, h.health_reason, d.refused_reason from hosts h join host_patch_data d on d.host_id = h.id
      where h.id = ${bad_id}`;
    assert.equal(host.health, expected.health);
    if (expected.refused) assert.match(host.refused_reason, expected.refused);
    else assert.equal(host.refused_reason, null);
    if (expected.reason) assert.match(host.health_reason, expected.reason);
    const [{ parked }] = await sql`select count(parked_reason)::int as parked from host_polls`;
    assert.equal(parked, 0);
    const [other] = await sql`select received_at from host_patch_data where host_id = ${good_id}`;
    assert.ok(other.received_at);
  });
}

Deno.test("an error answer to the patch poll is shown and asked again in a minute", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await using agent = await agentServer(answering({ "/api/v1/health": HEALTHY, "/api/v1/system/info": INFO }));
  const id = await addAgentHost(sql, agent);
  await using running = startPoller(database);
  await running.round();
  const [row] = await sql`
    select p.failures, extract(epoch from p.next_at - app_now())::int as seconds, d.refused_reason
    from host_polls p join host_patch_data d on d.host_id = p.host_id where p.host_id = ${id} and p.kind = 'patches'`;
  assert.equal(row.failures, 1);
  assert.ok(row.seconds > 50 && row.seconds <= 60, `${row.seconds} s`);
  assert.match(row.refused_reason, /HTTP 404/);
});

Deno.test("silent hosts hold their own place and nobody else's", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await using silent = await listening(createServer(() => {}));
  await using good = await startTestAgent();
  const silent_id = await addAgentHost(sql, silent);
  const good_id = await addAgentHost(sql, good);
  await using running = startPoller(database, { connect_timeout_ms: 60_000 });
  await running.poller.turn();
  await waitFor("the good host", async () => {
    const [row] = await sql`select health from hosts where id = ${good_id}`;
    return row.health === "healthy";
  });
  const [row] = await sql`select health from hosts where id = ${silent_id}`;
  assert.equal(row.health, "pending", "it is still being asked");
});

Deno.test("a host that refuses connections is not answering, then unreachable; its pauses grow", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const agent = await startTestAgent();
  const id = await addAgentHost(sql, agent);
  await using running = startPoller(database);
  await running.round();
  await agent.kill();
  const look = async () =>
    (await sql`
    select h.health, h.not_answering_since, p.failures, p.last_error,
      round(extract(epoch from p.next_at - app_now()) / 10) * 10 as seconds
    from hosts h join host_polls p on p.host_id = h.id and p.kind = 'health' where h.id = ${id}`)[0];
  await sql`update host_polls set next_at = app_now() where kind = 'health'`;
  await running.round();
  const once = await look();
  assert.equal(once.health, "healthy", "one failure is not yet unreachable");
  assert.ok(once.not_answering_since);
  assert.match(once.last_error, /refused|listens/i);
  assert.deepEqual([once.failures, Number(once.seconds)], [1, 60]);
  await sql`update hosts set not_answering_since = app_now() - interval '1 minute'`;
  await sql`update host_polls set next_at = app_now() where kind = 'health'`;
  await running.round();
  const twice = await look();
  assert.deepEqual([twice.health, twice.failures, Number(twice.seconds)], ["unreachable", 2, 300]);
});

Deno.test("system facts are asked once, and again after a reboot or on demand", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const asked: string[] = [];
  const answers: Record<string, string> = { ...GOOD };
  await using agent = await agentServer(answering(answers, asked));
  const id = await addAgentHost(sql, agent);
  const admin = await addUser(sql, "admin");
  await using running = startPoller(database);
  const infos = async () => {
    asked.length = 0;
    await running.round();
    return asked.filter((path) => path === "/api/v1/system/info").length;
  };
  const dueAgain = () => sql`update host_polls set next_at = app_now() where kind = 'health'`;
  assert.equal(await infos(), 1);
  await dueAgain();
  assert.equal(await infos(), 0);
  await dueAgain();
  answers["/api/v1/health"] = envelope({ status: "healthy", uptime_seconds: 5 });
  answers["/api/v1/system/info"] = envelope({ hostname: "web1", os: "Debian GNU/Linux", boot_id: "boot-2" });
  assert.equal(await infos(), 1, "its uptime fell");
  assert.equal((await sql`select boot_id from hosts where id = ${id}`)[0].boot_id, "boot-2");
  await requestRefresh(database.web, admin.id, [id], { kinds: ["health"] });
  assert.equal(await infos(), 1, "somebody asked");
});

Deno.test("unchanged content is not sent again, and a refresh on demand passes the age on", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  await using agent = await startTestAgent();
  const id = await addAgentHost(sql, agent);
  const admin = await addUser(sql, "admin");
  await using running = startPoller(database);
  await running.round();
  const [first] = await sql`select patches_etag, packages_etag, content_hash, received_at from host_patch_data`;
  assert.ok(first.patches_etag && first.packages_etag);
  await sql`update host_polls set next_at = app_now()`;
  await running.round();
  const [second] = await sql`select content_hash, received_at from host_patch_data`;
  assert.deepEqual(second.content_hash, first.content_hash);
  assert.ok(Temporal.Instant.compare(second.received_at, first.received_at) > 0, "304 is an answer");
  await requestRefresh(web, admin.id, [id], { kinds: ["patches"], max_index_age: 0 });
  await running.round();
  const [age] = await sql`
    select extract(epoch from app_now() - index_refreshed_at)::float8 as seconds from host_patch_data`;
  assert.ok(age.seconds < 60, `the index is ${age.seconds} s old`);
});

Deno.test("a host that says “not modified” to what it never sent has reported nothing", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const fresh = rfc3339(systemClock.now());
  await using agent = await agentServer((request, response) => {
    const health = request.url === "/api/v1/health";
    const list = /\/(patches|packages)$/.test(request.url!);
    response.writeHead(list ? 304 : 200, { "content-type": "application/json", etag: '"made-up"' });
    response.end(list ? "" : health ? envelope({ status: "healthy", last_cache_update: fresh }) : INFO);
  });
  await addAgentHost(sql, agent);
  await using running = startPoller(database);
  for (let round = 1; round <= 2; round++) {
    await running.round();
    await sql`update host_polls set next_at = app_now()`;
    const [row] = await sql`
      select d.received_at, d.patches_etag, d.refused_reason,
        host_compliance(d.received_at, d.index_refreshed_at, d.state, c.security, c.security_unknown, false, (select oldest_report()), (select oldest_index())) as compliance
      from host_patch_data d join host_counters c using (host_id)`;
    assert.deepEqual([row.received_at, row.patches_etag, row.compliance], [null, null, "unknown"], `round ${round}`);
    assert.match(row.refused_reason, /not modified/);
  }
});

Deno.test("a poll that breaks by our own fault is parked, and shown, and the others go on", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await using one = await startTestAgent();
  await using two = await startTestAgent();
  const [broken, good] = [await addAgentHost(sql, one), await addAgentHost(sql, two)];
  await sql.unsafe(`alter table host_health_data add constraint broken check (host_id <> '${broken}')`);
  await using running = startPoller(database);
  await running.round();
  const rows = await sql`select host_id, parked_reason from host_polls where parked_reason is not null`;
  assert.deepEqual(rows.map((row) => row.host_id), [broken]);
  assert.match(rows[0].parked_reason, /broken/);
  assert.equal((await sql`select health from hosts where id = ${good}`)[0].health, "healthy");
});

Deno.test("two pollers never ask the same host twice", async () => {
  await using database = await testDatabase();
  const asked: string[] = [];
  await using agent = await agentServer(answering(GOOD, asked));
  await addAgentHost(database.sql, agent);
  await using one = startPoller(database);
  await using two = startPoller(database);
  await Promise.all([one.round(), two.round()]);
  assert.deepEqual(asked.toSorted(), Object.keys(GOOD).toSorted());
});

Deno.test("a poller that is told to stop takes nothing more", async () => {
  await using database = await testDatabase();
  const asked: string[] = [];
  await using agent = await agentServer(answering(GOOD, asked));
  await addAgentHost(database.sql, agent);
  const stopping = new AbortController();
  await using running = startPoller(database, { stopping: stopping.signal });
  stopping.abort();
  assert.equal(await running.poller.turn(), false);
  assert.deepEqual(asked, []);
});
