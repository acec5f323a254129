import assert from "node:assert/strict";
import { createServer } from "node:net";
import { systemClock } from "../core/clock.ts";
import { requestRefresh } from "../core/hosts/request_refresh.ts";
import { silentLog } from "../core/log.ts";
import { client_options } from "../testing/agent_listener.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { addUser } from "../testing/job_scenario.ts";
import { addAgentHost } from "../testing/simulated_agent.ts";
import { listening } from "../testing/tls.ts";
import { createAgentClient } from "./agent_client.ts";
import { PollPace } from "./poll_pace.ts";
import { createPoller } from "./poller.ts";

/** Hosts that take connections and say nothing: every poll of them holds its place until the test is done. */
async function openScene(database: TestDatabase, hosts: number) {
  const cleanup = new AsyncDisposableStack();
  const ids: string[] = [];
  for (let index = 0; index < hosts; index++) {
    ids.push(await addAgentHost(database.sql, cleanup.use(await listening(createServer(() => {})))));
  }
  await database.sql`update host_polls set next_at = app_now() - interval '10 minutes'`;
  const agents = createAgentClient({ ...client_options, connect_timeout_ms: 60_000 });
  const cut = new AbortController();
  let now = 0;
  const poller = createPoller({
    ...{ sql: database.fleet, agents, clock: systemClock, log: silentLog, signal: cut.signal },
    stopping: new AbortController().signal,
    pace: new PollPace(() => now),
  });
  cleanup.defer(async () => {
    cut.abort(new Error("the test is done"));
    agents.close();
    await poller.idle();
  });
  const leased = async () =>
    await database.sql`
      select p.host_id, p.kind, p.failures from host_polls p where p.lease_until is not null`;
  return {
    ids,
    poller,
    leased,
    advance: (ms: number) => void (now += ms),
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
}

async function limitPlaces(database: TestDatabase, places: number): Promise<void> {
  await database.sql`
    insert into system_config (key, value, changed_at)
    values ('poll.concurrency', ${database.sql.json(places)}, app_now())`;
}

Deno.test("a backlog begins slowly and goes on with time, health before patches; what a person asks for does not wait", async () => {
  await using database = await testDatabase();
  await using scene = await openScene(database, 30);
  const { poller, leased } = scene;
  await poller.turn();
  assert.equal(poller.running, 4, "not all sixty at once");
  await poller.turn();
  assert.equal(poller.running, 4, "no time has passed");
  scene.advance(500);
  await poller.turn();
  assert.equal(poller.running, 8);
  assert.ok((await leased()).every(({ kind }) => kind === "health"));
  const admin = await addUser(database.sql, "admin");
  const busy = new Set((await leased()).map(({ host_id }) => host_id));
  const asked = scene.ids.filter((id) => !busy.has(id)).slice(0, 15);
  await requestRefresh(database.web, admin.id, asked);
  await poller.turn();
  assert.equal(poller.running, 8 + 30, "both polls of fifteen hosts, at once");
});

Deno.test("hosts that did not answer hold half of the places at most", async () => {
  await using database = await testDatabase();
  await limitPlaces(database, 8);
  await using scene = await openScene(database, 20);
  const failing = scene.ids.slice(0, 15);
  await database.sql`
    update host_polls set failures = 2, last_at = app_now(), next_at = next_at - interval '1 hour'
    where host_id = any(${failing}::uuid[])`;
  const { poller, leased } = scene;
  for (let turn = 0; turn < 6; turn++) {
    scene.advance(1_000);
    await poller.turn();
  }
  const held = await leased();
  assert.equal(held.length, 8);
  assert.equal(held.filter(({ failures }) => failures > 0).length, 4, "although they were due long before the others");
});

Deno.test("a failing host that somebody asked for goes first once, and not again until it is asked for again", async () => {
  await using database = await testDatabase();
  await limitPlaces(database, 8);
  await using scene = await openScene(database, 20);
  const admin = await addUser(database.sql, "admin");
  const { sql } = database;
  await sql`update host_polls set failures = 2, last_at = app_now() - interval '1 minute'`;
  await requestRefresh(database.web, admin.id, scene.ids.slice(0, 3));
  await scene.poller.turn();
  assert.equal(scene.poller.running, 6 + 2, "both polls of three hosts; of the others what may begin and fit");
  const asked = await sql`
    select host_id from host_polls where host_id = any(${scene.ids.slice(0, 3)}::uuid[]) and lease_until is not null`;
  assert.equal(asked.length, 6);
  await sql`
    update host_polls set lease_until = null, next_at = app_now() - interval '1 minute',
      last_at = case when requested_at is null then last_at else requested_at + interval '1 second' end`;
  await using again = await openScene(database, 0);
  await sql`update host_polls set failures = 2`;
  again.advance(0);
  await again.poller.turn();
  const [{ count }] = await sql`select count(*)::int from host_polls where lease_until is not null`;
  assert.equal(count, 4, "all of them failing now: half of the places");
});
