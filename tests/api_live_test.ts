import assert from "node:assert/strict";
import { appendEvent } from "../core/live/append_event.ts";
import { addGroup, addHost } from "../testing/job_scenario.ts";
import { type LiveClient, openLive } from "../testing/live_client.ts";
import { type TestCaller, type TestSite, testSite } from "../testing/site.ts";

async function ticketOf(caller: TestCaller): Promise<string> {
  const { status, json, text } = await caller.post("/api/v1/ws/ticket");
  assert.equal(status, 200, text);
  assert.match(json.ticket, /^[A-Za-z0-9_-]{43}$/);
  assert.equal(json.expires_in_seconds, 60);
  return json.ticket;
}

async function opened(site: TestSite, ticket: string, headers?: Record<string, string>): Promise<LiveClient> {
  const live = await openLive(site, ticket, headers);
  assert.ok(!("refused" in live), JSON.stringify(live));
  return live;
}

async function refused(site: TestSite, ticket: string, headers?: Record<string, string>): Promise<string> {
  const live = await openLive(site, ticket, headers);
  if (!("refused" in live)) live[Symbol.dispose]();
  assert.ok("refused" in live, "the socket was opened");
  assert.equal(live.refused, 403, live.body);
  return JSON.parse(live.body).error.code;
}

const following = (frame: { kind: string }) => frame.kind === "following";
const tell = (site: TestSite, n: number, more: Record<string, unknown> = {}) =>
  appendEvent(site.database.sql, { topic: "enrolments", kind: "requested", data: { n }, ...more });
const numbers = (live: LiveClient) => live.frames.flatMap(({ data }) => data ? [data.n] : []);

Deno.test("a ticket opens one socket; used, expired, unknown or of a session that ended it opens none", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const used = await ticketOf(admin);
  using _live = await opened(site, used);
  assert.equal(await refused(site, used), "ticket_refused");
  for (const ticket of ["", "short", "x".repeat(43), `${await ticketOf(admin)}x`]) {
    assert.equal(await refused(site, ticket), "ticket_refused", ticket);
  }
  const expired = await ticketOf(admin);
  await site.database.sql`update ws_tickets set expires_at = app_now() - interval '1 millisecond'`;
  assert.equal(await refused(site, expired), "ticket_refused");
  const orphan = await ticketOf(admin);
  assert.equal((await admin.post("/api/v1/auth/logout")).status, 200);
  assert.equal(await refused(site, orphan), "ticket_refused");
});

Deno.test("of twenty sockets that bring one ticket at once one is opened", async () => {
  await using site = await testSite();
  const ticket = await ticketOf(await site.signIn("auditor"));
  const answers = await Promise.all(Array.from({ length: 20 }, () => openLive(site, ticket)));
  const sockets = answers.filter((answer): answer is LiveClient => !("refused" in answer));
  for (const socket of sockets) socket[Symbol.dispose]();
  assert.equal(sockets.length, 1);
});

Deno.test("a browser's ticket works from our own origin and with its own cookie only", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const other = await site.signIn("admin", { kind: "browser" });
  const cookie = (caller: TestCaller) => `__Host-access=${caller.token}`;
  for (const origin of ["https://evil.example", "null", `http://localhost:${site.port}`, "https://localhost"]) {
    const headers = { origin, cookie: cookie(admin) };
    assert.equal(await refused(site, await ticketOf(admin), headers), "origin_refused", origin);
    assert.equal(await refused(site, await ticketOf(admin), { origin }), "origin_refused", `${origin}, no cookie`);
  }
  assert.equal(
    await refused(site, await ticketOf(admin), { cookie: cookie(admin) }),
    "origin_refused",
    "a cookie without Origin",
  );
  const stolen = await ticketOf(admin);
  assert.equal(await refused(site, stolen, { origin: site.origin, cookie: cookie(other) }), "ticket_refused");
  using live = await opened(site, await ticketOf(admin), { origin: site.origin, cookie: cookie(admin) });
  live.subscribe({ topic: "enrolments" });
  await live.frame("the subscription", following);
});

Deno.test("events reach who follows their topic, in order, once; others do not", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  using live = await opened(site, await ticketOf(admin));
  using idle = await opened(site, await ticketOf(admin));
  live.subscribe({ topic: "enrolments" });
  idle.subscribe({ topic: "jobs" });
  await Promise.all([live, idle].map((one) => one.frame("the subscription", following)));
  for (let n = 1; n <= 50; n++) await tell(site, n);
  await live.frame("the last event", ({ data }) => data?.n === 50);
  assert.deepEqual(numbers(live), Array.from({ length: 50 }, (_, i) => i + 1));
  assert.deepEqual(numbers(idle), []);
  const seqs = live.frames.flatMap(({ seq, data }) => data ? [seq] : []);
  assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
});

Deno.test("a page that was away gets what it missed after its number, then what follows", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  for (let n = 1; n <= 3; n++) await tell(site, n);
  const [first] = await site.database.sql`select min(seq) as seq from live_events`;
  using live = await opened(site, await ticketOf(admin));
  live.subscribe({ topic: "enrolments", after_seq: first.seq });
  await live.frame("the subscription", following);
  assert.deepEqual(numbers(live), [2, 3]);
  await tell(site, 4);
  await live.frame("the fourth", ({ data }) => data?.n === 4);
  assert.deepEqual(numbers(live), [2, 3, 4]);
});

Deno.test("a page that was away for too long, or saw another database, is told to reload", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  for (let n = 1; n <= 3; n++) await tell(site, n);
  const [{ last }] = await site.database.sql`select max(seq) as last from live_events`;
  await site.database.sql`delete from live_events where seq < ${last}`;
  using old = await opened(site, await ticketOf(admin));
  old.subscribe({ topic: "enrolments", after_seq: 1 });
  await old.frame("the reload", ({ kind }) => kind === "reload");
  using foreign = await opened(site, await ticketOf(admin));
  foreign.subscribe({ topic: "enrolments", after_seq: last + 1_000 });
  await foreign.frame("the reload", ({ kind }) => kind === "reload");
  assert.deepEqual([...numbers(old), ...numbers(foreign)], []);
});

Deno.test("an operator hears of hosts in scope only, also when catching up", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const [ours, theirs] = [await addGroup(sql), await addGroup(sql)];
  const mine = await addHost(sql, { groups: [ours] });
  const foreign = await addHost(sql, { groups: [theirs] });
  const operator = await site.signIn("operator", { groups: [ours] });
  using live = await opened(site, await ticketOf(operator));
  const about = (host_id: string, n: number) => tell(site, n, { topic: "hosts", host_id });
  await about(foreign, 1);
  await about(mine, 2);
  live.subscribe({ topic: "hosts", after_seq: 0 }, { topic: `host:${foreign}`, after_seq: 0 });
  await live.frame("the subscription", following);
  await tell(site, 3, { topic: `host:${foreign}`, host_id: foreign });
  await about(foreign, 4);
  await about(mine, 5);
  await live.frame("the last event", ({ data }) => data?.n === 5);
  assert.deepEqual(numbers(live), [2, 5]);
});

Deno.test("the end of a session closes its sockets and no others", async () => {
  await using site = await testSite();
  const [leaver, stayer] = [await site.signIn("admin"), await site.signIn("admin")];
  using gone = await opened(site, await ticketOf(leaver));
  using stays = await opened(site, await ticketOf(stayer));
  stays.subscribe({ topic: "enrolments" });
  await stays.frame("the subscription", following);
  await leaver.post("/api/v1/auth/logout");
  assert.equal(await gone.closed, 4401);
  await tell(site, 1);
  await stays.frame("an event", ({ data }) => data?.n === 1);
});

Deno.test("what is no subscription closes the socket, and nothing else happens", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const wrong = [
    "",
    "{}",
    "null",
    "[".repeat(4_000),
    '{"action":"subscribe","topics":"hosts"}',
    '{"action":"subscribe","topics":[{"topic":"users"}]}',
    `{"action":"subscribe","topics":[{"topic":"hosts","after_seq":-1}]}`,
    `{"action":"subscribe","topics":[{"topic":"hosts","after_seq":1e30}]}`,
    `{"action":"subscribe","topics":[{"topic":"host:' or 1=1--"}]}`,
    JSON.stringify({ action: "subscribe", topics: Array(21).fill({ topic: "hosts" }) }),
  ];
  for (const text of wrong) {
    using live = await opened(site, await ticketOf(admin));
    live.send(text);
    assert.equal(await live.closed, 4400, text.slice(0, 60));
  }
  using large = await opened(site, await ticketOf(admin));
  large.send("x".repeat(10_000));
  assert.equal(await large.closed, 1009, "larger than the listener takes");
});

Deno.test("a ticket is in no line of the log", async () => {
  await using site = await testSite();
  const ticket = await ticketOf(await site.signIn("admin"));
  using _live = await opened(site, ticket);
  await refused(site, ticket);
  assert.ok(site.log_lines.some((line) => line.includes("/api/v1/ws/jobs")));
  assert.ok(!site.log_lines.some((line) => line.includes(ticket)));
});
