import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { addSceneHost, fleetScene } from "../../testing/fleet_scene.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { AppError } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import { claimDuePolls } from "./claim_due_polls.ts";
import { finishPoll, parkPoll, returnPoll } from "./finish_poll.ts";
import { recordPollFailure } from "./record_poll_failure.ts";
import { requestRefresh } from "./request_refresh.ts";
import { pollOffset } from "./rules.ts";

const interval = 300_000;
const all = { limit: 100, lease_ms: 60_000 };

Deno.test("two workers never get the same poll; a lease that ran out is given on, and its late end changes nothing", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  await database.setNow(clock.now());
  for (let i = 0; i < 10; i++) await addSceneHost(database, clock, `h${i}`);
  const shares = await Promise.all([1, 2, 3].map(() => claimDuePolls(database.fleet, { limit: 7, lease_ms: 60_000 })));
  const keys = shares.flat().map((poll) => poll.host_id + poll.kind);
  assert.equal(keys.length, 20);
  assert.equal(new Set(keys).size, 20);
  assert.deepEqual(await claimDuePolls(database.fleet, all), []);
  await database.setNow(clock.advance({ seconds: 61 }));
  const again = await claimDuePolls(database.fleet, all);
  assert.equal(again.length, 20, "nothing is lost with a dead worker");
  const late = shares[0][0];
  assert.equal(await finishPoll(database.fleet, late, { ok: true, duration_ms: 5 }, interval, clock), false);
  const [row] = await database.sql`
    select last_at, lease_until from host_polls where host_id = ${late.host_id} and kind = ${late.kind}`;
  assert.equal(row.last_at, null);
  assert.equal(row.lease_until.since(clock.now()).total("seconds"), 60);
});

Deno.test("after success the own slot, after failures 1, 5, 30, 30 minutes, and success begins anew", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  await database.setNow(clock.now());
  const host = await addSceneHost(database, clock, "h");
  const turn = async (error: string | null) => {
    const [poll] = (await claimDuePolls(database.fleet, all)).filter((poll) => poll.kind === "health");
    const result = error === null
      ? { ok: true as const, duration_ms: 1.6 }
      : { ok: false as const, duration_ms: 1, error };
    assert.equal(await finishPoll(database.fleet, poll, result, interval, clock), true);
    const [row] = await database.sql`select * from host_polls where kind = 'health'`;
    const wait = row.next_at.since(clock.now()).total("seconds");
    await database.setNow(clock.advance({ seconds: Math.ceil(wait) }));
    return { wait, failures: row.failures, error: row.last_error };
  };
  for (const [i, wait] of [60, 300, 1800, 1800].entries()) {
    assert.deepEqual(await turn("refused\u001b"), { wait, failures: i + 1, error: "refused" });
  }
  const good = await turn(null);
  assert.deepEqual([good.failures, good.error], [0, null]);
  const [row] = await database.sql`select next_at from host_polls where kind = 'health'`;
  assert.equal(row.next_at.epochMilliseconds % interval, pollOffset(host, interval));
});

Deno.test("what a person asks for comes first, wakes the fleet, and is answered by data read after it", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { clock } = scene;
  const claimed = await claimDuePolls(database.fleet, all);
  for (const poll of claimed) await finishPoll(database.fleet, poll, { ok: true, duration_ms: 1 }, interval, clock);
  await database.setNow(clock.advance({ minutes: 10 }));
  const heard = Promise.withResolvers<string>();
  const listener = await database.fleet.listen("wake_fleet", (payload) => heard.resolve(payload));
  const asked = await requestRefresh(database.web, scene.users.admin.id, [scene.hosts.free], { max_index_age: 0 });
  assert.deepEqual(asked, { hosts: 1, polls: 2 });
  assert.deepEqual(JSON.parse(await heard.promise), { kind: "poll", id: scene.hosts.free });
  await listener.unlisten();
  const first = await claimDuePolls(database.fleet, { limit: 2, lease_ms: 60_000 });
  assert.deepEqual(first.map((poll) => [poll.host_id, poll.requested]), [[scene.hosts.free, true], [
    scene.hosts.free,
    true,
  ]]);
  assert.deepEqual(
    new Map(first.map((poll) => [poll.kind, poll.max_index_age])),
    new Map([["health", null], ["patches", 0]]),
  );
  // Asked again while the first is on its way: that one does not answer it.
  await database.setNow(clock.advance({ seconds: 1 }));
  await requestRefresh(database.web, scene.users.admin.id, [scene.hosts.free]);
  for (const poll of first) await finishPoll(database.fleet, poll, { ok: true, duration_ms: 1 }, interval, clock);
  const second = await claimDuePolls(database.fleet, { limit: 2, lease_ms: 60_000 });
  assert.deepEqual(second.map((poll) => [poll.host_id, poll.requested, poll.max_index_age]), [
    [scene.hosts.free, true, null],
    [scene.hosts.free, true, null],
  ]);
  for (const poll of second) await finishPoll(database.fleet, poll, { ok: true, duration_ms: 1 }, interval, clock);
  const rest = await claimDuePolls(database.fleet, all);
  assert.ok(rest.length > 0 && rest.every((poll) => poll.host_id !== scene.hosts.free && !poll.requested));
});

Deno.test("a poll that breaks the loop is parked, the loop goes on, and asking takes it back", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const polls = await claimDuePolls(database.fleet, all);
  const bad = polls.find((poll) => poll.host_id === scene.hosts.free)!;
  assert.equal(await parkPoll(database.fleet, bad, "TypeError: x is not a function"), true);
  await database.setNow(scene.clock.advance({ hours: 2 }));
  const later = await claimDuePolls(database.fleet, all);
  assert.equal(later.length, polls.length - 1);
  await database.setNow(scene.clock.advance({ hours: 2 }));
  await requestRefresh(database.web, scene.users.admin.id, [scene.hosts.free]);
  assert.equal((await claimDuePolls(database.fleet, all)).length, polls.length);
});

Deno.test("a poll given back is due again when it says, as if nobody had asked; late ones give nothing back", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  await database.setNow(clock.now());
  const host = await addSceneHost(database, clock, "h");
  const claim = async () => (await claimDuePolls(database.fleet, all)).find((poll) => poll.kind === "patches")!;
  const row = async () =>
    (await database.sql`
      select failures, last_at, last_ok_at, last_error, lease_until, parked_reason, requested_at, next_at
      from host_polls where host_id = ${host} and kind = 'patches'`)[0];
  await finishPoll(database.fleet, await claim(), { ok: false, duration_ms: 1, error: "silent" }, interval, clock);
  await database.setNow(clock.advance({ minutes: 2 }));
  const before = await row();
  const poll = await claim();
  assert.equal(await returnPoll(database.fleet, poll, 10_000), true);
  assert.deepEqual({ ...await row() }, { ...before, next_at: clock.now().add({ seconds: 10 }) });
  assert.equal(await returnPoll(database.fleet, poll, 10_000), false, "it is not the caller's any more");
  await database.setNow(clock.advance({ seconds: 9 }));
  assert.equal(await claim(), undefined, "not before its time");
  await database.setNow(clock.advance({ seconds: 1 }));
  const again = await claim();
  assert.equal(again.failures, 1, "what was known of the host is known still");
  await database.setNow(clock.advance({ seconds: 61 }));
  const other = await claim();
  assert.equal(await returnPoll(database.fleet, again, 0), false, "somebody else has it");
  assert.equal((await row()).lease_until.equals(other.lease_until), true);
});

Deno.test("refreshing outside one's groups, and nonsense", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { operator_b, operator_none } = scene.users;
  const table: [string, string[], object, string][] = [
    [operator_b.id, [scene.hosts.alpha], {}, "host_not_found"],
    [operator_b.id, [scene.hosts.beta, scene.hosts.alpha], {}, "host_not_found"],
    [operator_none.id, [scene.hosts.both], {}, "host_not_found"],
    [operator_b.id, [uuidv7()], {}, "host_not_found"],
    [operator_b.id, ["' or true"], {}, "host_not_found"],
    [operator_b.id, [scene.hosts.beta], { max_index_age: -1 }, "validation_failed"],
    [operator_b.id, [scene.hosts.beta], { max_index_age: 1.5 }, "validation_failed"],
    [operator_b.id, Array.from({ length: 5001 }, () => uuidv7()), {}, "validation_failed"],
  ];
  for (const [viewer, hosts, options, code] of table) {
    await assert.rejects(
      async () => await requestRefresh(database.web, viewer, hosts, options),
      (error: AppError) => error.code === code,
    );
  }
  const asked = await database.sql`select from host_polls where requested_at is not null`;
  assert.equal(asked.length, 0, "all or nothing");
});

Deno.test("only the health poll decides about health; a silent patch poll makes it due", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { clock, hosts } = scene;
  for (const poll of await claimDuePolls(database.fleet, all)) {
    await finishPoll(database.fleet, poll, { ok: true, duration_ms: 1 }, interval, clock);
  }
  const health = async () => (await database.sql`select health, health_reason from hosts where id = ${hosts.free}`)[0];
  await recordPollFailure(database.fleet, hosts.free, "patches", "timed out", clock);
  assert.equal((await health()).health, "healthy");
  const due = await claimDuePolls(database.fleet, all);
  assert.deepEqual(due.map((poll) => [poll.host_id, poll.kind]), [[hosts.free, "health"]]);
  await recordPollFailure(database.fleet, hosts.free, "health", "connection refused", clock);
  assert.deepEqual({ ...await health() }, { health: "healthy", health_reason: "Not answering: connection refused." });
  clock.advance({ minutes: 1 });
  const judged = await recordPollFailure(database.fleet, hosts.free, "health", "connection refused", clock);
  assert.equal(judged?.health, "unreachable");
  const kinds = await database.sql`select topic, kind from live_events order by seq desc limit 2`;
  assert.deepEqual(kinds.map((row) => row.topic).sort(), ["hosts", `host:${hosts.free}`].sort());
  await database.sql`update hosts set removed_at = app_now() where id = ${hosts.free}`;
  assert.equal(await recordPollFailure(database.fleet, hosts.free, "health", "x", clock), null);
});
