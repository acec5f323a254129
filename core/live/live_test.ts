import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { addGroup, addHost, addUser, callerContext, offer, type TestUser } from "../../testing/job_scenario.ts";
import { transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { sha256, uuidv7 } from "../ids.ts";
import { createJob } from "../jobs/create_job.ts";
import { appendEvent } from "./append_event.ts";
import { pruneEvents } from "./prune_events.ts";
import { lastEvent, readEvents, readEventsAfter, visibleTo } from "./read_events.ts";
import { issueTicket, redeemTicket } from "./tickets.ts";
import { Subscription, Topic } from "./types.ts";

const tell = (database: TestDatabase, topic: string, n: number, host_id: string | null = null) =>
  appendEvent(database.fleet, { topic, host_id, kind: "test", data: { n } });

async function sessionOf(database: TestDatabase, user: TestUser): Promise<{ session_id: string; user_id: string }> {
  const id = uuidv7();
  await database.sql`
    insert into sessions (id, user_id, family, kind, current_hash, rotated_at, created_at, last_used_at, reauthenticated_at, idle_until,
      expires_at)
    values (${id}, ${user.id}, ${id}, 'browser', ${new TextEncoder().encode(id)}, app_now(), app_now(), app_now(),
      app_now(), app_now() + interval '1 hour', app_now() + interval '8 hours')`;
  return { session_id: id, user_id: user.id };
}

Deno.test("what a page may not call a topic", () => {
  const id = "018f0000-0000-7000-8000-000000000000";
  for (const good of ["jobs", "hosts", "enrolments", `job:${id}`, `host:${id}`]) {
    assert.ok(Topic.safeParse(good).success);
  }
  for (
    const bad of ["", "job:", "users", `jobs:${id}`, `job:${id} `, `job:${id.toUpperCase()}x`, "host:*", "job:' or 1=1"]
  ) {
    assert.equal(Topic.safeParse(bad).success, false, bad);
  }
  for (const after_seq of [-1, 1.5, "7", Infinity]) {
    assert.equal(Subscription.safeParse({ topic: "jobs", after_seq }).success, false, String(after_seq));
  }
});

Deno.test("a page reads each topic after its own number, in order, in portions", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  for (let n = 1; n <= 6; n++) await tell(database, n % 2 ? "jobs" : "hosts", n);
  const all = await readEventsAfter(web, 0, 100);
  const seq = (n: number) => all.find((event) => event.data.n === n)!.seq;
  const topics = [{ topic: "jobs", after_seq: seq(1) }, { topic: "hosts", after_seq: seq(4) }];
  const page = await readEvents(web, admin.id, topics, 2);
  assert.deepEqual(page.events.map((event) => event.data.n), [3, 5]);
  assert.deepEqual([page.more, page.next_after_seq, page.reload], [true, seq(5), false]);
  const rest = await readEvents(web, admin.id, topics.map((one) => ({ ...one, after_seq: page.next_after_seq })), 2);
  assert.deepEqual([rest.events.map((event) => event.data.n), rest.more], [[6], false]);
  assert.equal(rest.next_after_seq, await lastEvent(web));
  const fresh = await readEvents(web, admin.id, [{ topic: "jobs", after_seq: null }], 10);
  assert.deepEqual([fresh.events, fresh.next_after_seq], [[], seq(6)]);
});

Deno.test("whoever has seen a number never misses a smaller one that commits later", async () => {
  await using database = await testDatabase();
  const { sql, fleet, web } = database;
  const admin = await addUser(sql, "admin");
  const slow = Promise.withResolvers<void>();
  const appended = Promise.withResolvers<void>();
  // The driver's own transaction, so that the event is written at once and the lock is held on.
  const first = fleet.begin(async (tx) => {
    await appendEvent(tx, { topic: "jobs", kind: "slow", data: {} });
    appended.resolve();
    await slow.promise;
  });
  await appended.promise;
  const second = tell(database, "jobs", 2);
  assert.deepEqual((await readEvents(web, admin.id, [{ topic: "jobs", after_seq: 0 }], 10)).events, []);
  slow.resolve();
  await Promise.all([first, second]);
  const { events } = await readEvents(web, admin.id, [{ topic: "jobs", after_seq: 0 }], 10);
  assert.deepEqual(events.map((event) => event.kind), ["slow", "test"]);
});

Deno.test("nobody waits for the other work of a transaction that tells something", async () => {
  await using database = await testDatabase();
  const { fleet, web } = database;
  const slow = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  const first = transaction(fleet, async (tx) => {
    for (const n of [1, 2, 3]) await appendEvent(tx, { topic: "jobs", kind: "slow", data: { n } });
    told.resolve();
    await slow.promise;
  });
  await told.promise;
  await tell(database, "jobs", 4);
  assert.deepEqual((await readEventsAfter(web, 0, 10)).map((event) => event.data.n), [4]);
  slow.resolve();
  await first;
  const events = await readEventsAfter(web, 0, 10);
  assert.deepEqual(events.map((event) => event.data.n), [4, 1, 2, 3], "and its own stay in their order");
});

Deno.test("an event that cannot be told takes its transaction with it", async () => {
  await using database = await testDatabase();
  const admin = await addUser(database.sql, "admin");
  const work = transaction(database.web, async (tx) => {
    await tx`update users set display_name = 'changed' where id = ${admin.id}`;
    await appendEvent(tx, { topic: "jobs", kind: "k".repeat(41), data: {} });
  });
  await assert.rejects(work, /live_events_kind_check/);
  const [user] = await database.sql`select display_name from users where id = ${admin.id}`;
  assert.notEqual(user.display_name, "changed");
});

Deno.test("a transaction that fails tells nothing, and neither does one that is repeated tell twice", async () => {
  await using database = await testDatabase();
  const { fleet, web } = database;
  const fails = transaction(fleet, async (tx) => {
    await appendEvent(tx, { topic: "jobs", kind: "lost", data: {} });
    throw new Error("given up");
  });
  await assert.rejects(fails, /given up/);
  let attempts = 0;
  await transaction(fleet, async (tx) => {
    await appendEvent(tx, { topic: "jobs", kind: "told", data: { attempt: ++attempts } });
    if (attempts === 1) throw Object.assign(new Error("deadlock detected"), { code: "40P01" });
  });
  assert.deepEqual((await readEventsAfter(web, 0, 10)).map((event) => event.data), [{ attempt: 2 }]);
});

Deno.test("events of hosts and jobs out of scope are not told, by either way of reading", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const [mine, theirs] = [await addGroup(sql), await addGroup(sql)];
  const admin = await addUser(sql, "admin");
  const operator = await addUser(sql, "operator", [mine]);
  const own = await addHost(sql, { groups: [mine] });
  const foreign = await addHost(sql, { groups: [theirs] });
  for (const id of [own, foreign]) await offer(sql, id, { name: "bash", to: "2" });
  await createJob(web, admin, { kind: "apply", host_ids: [foreign] }, null, callerContext(admin));
  await createJob(web, admin, { kind: "apply", host_ids: [own, foreign] }, null, callerContext(admin));
  await tell(database, "hosts", 1, own);
  await tell(database, "hosts", 2, foreign);
  const topics = ["jobs", "hosts"].map((topic) => ({ topic, after_seq: 0 }));
  const told = async (user: TestUser) => (await readEvents(web, user.id, topics, 100)).events;
  assert.equal((await told(admin)).length, 4);
  const seen = await told(operator);
  assert.deepEqual(seen.map((event) => event.topic), ["jobs", "hosts"]);
  assert.deepEqual(seen[1].data, { n: 1 });
  const all = await readEventsAfter(web, 0, 100);
  const wanted = (event: { topic: string }) => topics.some((one) => one.topic === event.topic);
  assert.deepEqual(await visibleTo(web, operator.id, all.filter(wanted)), seen);
  assert.deepEqual(seen[0].data, { job_id: seen[0].job_id, counts: {} }, "numbers over hosts of others are not told");
  assert.deepEqual((await told(admin))[1].data.counts, { queued: 2 });
  await sql`insert into user_groups (user_id, group_id) values (${operator.id}, ${theirs})`;
  assert.deepEqual((await told(operator))[1].data.counts, { queued: 2 }, "who sees all hosts gets all numbers");
});

Deno.test("of a machine that waits hears who may decide about it", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const [mine, theirs] = [await addGroup(sql), await addGroup(sql)];
  const waits = async (group: string | null): Promise<string> => {
    const [id, token] = [uuidv7(), group && uuidv7()];
    if (token) {
      await sql`
        insert into enrolment_tokens (id, hash, created_at, expires_at)
        values (${token}, ${await sha256(token)}, app_now(), app_now() + interval '1 day')`;
      await sql`insert into enrolment_token_groups (token_id, group_id) values (${token}, ${group})`;
    }
    await sql`
      insert into enrolments (id, polling_hash, machine_hash, fqdn, address, port, source_address, token_id, state,
        created_at, expires_at)
      values (${id}, ${await sha256(id)}, ${id}, 'waits.example', '10.0.0.1', 12443, '10.0.0.1', ${token}, 'pending',
        app_now(), app_now() + interval '1 day')`;
    await appendEvent(sql, { topic: "enrolments", kind: "requested", data: { id } });
    return id;
  };
  const ids = [await waits(null), await waits(mine), await waits(theirs)];
  const table: [string, TestUser, string[]][] = [
    ["an admin", await addUser(sql, "admin"), ids],
    ["an auditor", await addUser(sql, "auditor"), ids],
    ["an operator of one group", await addUser(sql, "operator", [mine]), ids.slice(0, 2)],
    ["an operator of none", await addUser(sql, "operator"), ids.slice(0, 1)],
  ];
  const stored = await readEventsAfter(web, 0, 100);
  for (const [who, user, expected] of table) {
    const { events } = await readEvents(web, user.id, [{ topic: "enrolments", after_seq: 0 }], 100);
    assert.deepEqual(events.map(({ data }) => data.id), expected, who);
    assert.deepEqual(await visibleTo(web, user.id, stored), events, who);
  }
});

Deno.test("a page that slept too long, or comes from another database, reads everything anew", async (t) => {
  await using database = await testDatabase();
  const { sql, web, fleet } = database;
  const admin = await addUser(sql, "admin");
  for (let n = 1; n <= 3; n++) await tell(database, "jobs", n);
  const head = await lastEvent(web);
  const ask = (after_seq: number) => readEvents(web, admin.id, [{ topic: "jobs", after_seq }], 10);
  await t.step("a number from the future", async () => {
    assert.deepEqual(await ask(head + 1), { events: [], next_after_seq: head, more: false, reload: true });
  });
  await sql`update live_events set at = app_now() - interval '25 hours' where seq < ${head}`;
  await t.step("old events are removed in portions, young ones stay", async () => {
    assert.equal(await pruneEvents(fleet, 86_400, 1), 2);
    assert.equal(await pruneEvents(fleet, 86_400, 1), 0);
  });
  await t.step("a gap", async () => assert.equal((await ask(head - 2)).reload, true));
  await t.step("no gap", async () => assert.equal((await ask(head - 1)).reload, false));
  await t.step("nothing is left to compare with", async () => {
    await sql`delete from live_events`;
    assert.equal((await ask(head)).reload, true);
    assert.equal((await ask(0)).reload, false);
  });
});

Deno.test("a ticket works once, whoever asks at the same time, and is stored as a hash", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const session = await sessionOf(database, await addUser(sql, "operator"));
  const ticket = await issueTicket(web, session);
  assert.match(ticket, /^[A-Za-z0-9_-]{43}$/);
  const [stored] = await sql`select hash from ws_tickets`;
  assert.equal(stored.hash.length, 32);
  const tries = await Promise.allSettled(Array.from({ length: 5 }, () => redeemTicket(web, ticket)));
  const won = tries.filter((one) => one.status === "fulfilled");
  assert.deepEqual(won.map((one) => one.value), [session]);
});

const SPOILED: [string, string][] = [
  ["a minute passed", "update ws_tickets set expires_at = app_now() - interval '1 ms'"],
  ["the session was ended", "update sessions set revoked_at = app_now()"],
  ["the session idled away", "update sessions set idle_until = app_now() - interval '1 ms'"],
  ["the session expired", "update sessions set expires_at = app_now() - interval '1 ms'"],
  ["the user was disabled", "update users set disabled_at = app_now()"],
  ["it was used", "update ws_tickets set used_at = app_now()"],
];
for (const [what, statement] of SPOILED) {
  Deno.test(`a ticket is refused when ${what}`, async () => {
    await using database = await testDatabase();
    const { sql, web } = database;
    const ticket = await issueTicket(web, await sessionOf(database, await addUser(sql, "admin")));
    await sql.unsafe(statement);
    await assert.rejects(
      redeemTicket(web, ticket),
      (error) => error instanceof AppError && error.code === "ticket_refused",
    );
  });
}

Deno.test("what was never a ticket is refused in the same words", async () => {
  await using database = await testDatabase();
  for (const wrong of ["", "x", "a".repeat(43), "a".repeat(10_000), "' or 1=1 --", "\u0000"]) {
    await assert.rejects(
      redeemTicket(database.web, wrong),
      (error) => error instanceof AppError && error.code === "ticket_refused",
    );
  }
});

Deno.test("the fleet role cannot read or use tickets", async () => {
  await using database = await testDatabase();
  await assert.rejects(database.fleet`select * from ws_tickets`, /permission denied/);
});
