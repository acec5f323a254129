import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { addSceneJob, answer, fleetScene } from "../../testing/fleet_scene.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { addGroup, addHost, addUser, callerContext } from "../../testing/job_scenario.ts";
import type { Sql } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import { findHost } from "./find_host.ts";
import { registerHost, type Resolve } from "./register_host.ts";
import { removeHost } from "./remove_host.ts";

const never: Resolve = () => Promise.reject(new Error("nobody was to be asked"));

async function refused(work: () => Promise<unknown>, code: string): Promise<AppError> {
  let thrown: unknown;
  await assert.rejects(async () => await work(), (error) => (thrown = error, true));
  assert.ok(thrown instanceof AppError, String(thrown));
  assert.equal(thrown.code, code, thrown.message);
  return thrown;
}

const stored = async (sql: Sql) =>
  (await sql`
  select (select count(*)::int from hosts) as hosts, (select count(*)::int from host_polls) as polls,
    (select count(*)::int from audit_log) as audits, (select count(*)::int from live_events) as events`)[0];

Deno.test("bad registrations: clear words, nothing stored", async () => {
  await using database = await testDatabase();
  const admin = await addUser(database.sql, "admin");
  const context = callerContext(admin, fakeClock());
  const table: [string, unknown, string][] = [
    ["nothing", undefined, ""],
    ["text", "web1", ""],
    ["no address", {}, "address"],
    ["empty", { address: "" }, "address"],
    ["a URL", { address: "https://x" }, "address"],
    ["a shell", { address: "$(id)" }, "address"],
    ["too long", { address: "a".repeat(256) }, "address"],
    ["port 0", { address: "10.0.0.1", port: 0 }, "port"],
    ["port 65536", { address: "10.0.0.1", port: 65536 }, "port"],
    ["port as text", { address: "10.0.0.1", port: "1" }, "port"],
    ["half a port", { address: "10.0.0.1", port: 1.5 }, "port"],
    ["a long name", { address: "10.0.0.1", display_name: "x".repeat(201) }, "display_name"],
    ["an escape sequence", { address: "10.0.0.1", display_name: "\u001b[2J" }, "display_name"],
    ["NUL", { address: "10.0.0.1", notes: "\u0000" }, "notes"],
    ["33 tags", { address: "10.0.0.1", tags: Array(33).fill("x") }, "tags"],
    ["an empty tag", { address: "10.0.0.1", tags: [""] }, "tags.0"],
    ["no group id", { address: "10.0.0.1", group_ids: ["x"] }, "group_ids.0"],
    ["no such group", { address: "10.0.0.1", group_ids: [uuidv7()] }, "group_ids"],
    ["a field that is not ours", { address: "10.0.0.1", simulated: true }, ""],
  ];
  for (const [words, input, field] of table) {
    const error = await refused(() => registerHost(database.web, admin.id, input, never, context), "validation_failed");
    assert.equal(error.details[0].field, field, words);
  }
  const answers: [string, Resolve][] = [
    ["no such name", () => Promise.reject(new Error("NXDOMAIN"))],
    ["no address", () => Promise.resolve([])],
    ["garbage", () => Promise.resolve(["<script>", "example.org"])],
    ["no machine's address", () => Promise.resolve(["0.0.0.0", "ff02::1"])],
  ];
  for (const [words, resolve] of answers) {
    const input = { address: "web1.example" };
    const error = await refused(
      () => registerHost(database.web, admin.id, input, resolve, context),
      "address_unresolvable",
    );
    assert.match(error.message, /web1\.example/, words);
  }
  assert.deepEqual({ ...await stored(database.sql) }, { hosts: 0, polls: 0, audits: 0, events: 0 });
});

Deno.test("registered by name and by address, as the web's login", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const admin = await addUser(database.sql, "admin");
  const context = callerContext(admin, clock);
  const heard = Promise.withResolvers<string>();
  const listener = await database.fleet.listen("wake_fleet", (payload) => heard.resolve(payload));
  const named = await registerHost(
    database.web,
    admin.id,
    { address: "WEB1.Example.", display_name: "Shop", tags: ["a", "a"], notes: "two\nlines" },
    (name) => Promise.resolve(name === "web1.example" ? ["2001:DB8::0:1", "10.0.0.1"] : []),
    context,
  );
  assert.deepEqual(named, {
    id: named.id,
    fqdn: "web1.example",
    address: "2001:db8::1",
    port: 12443,
    tls_name: "web1.example",
  });
  assert.deepEqual(JSON.parse(await heard.promise), { kind: "poll", id: named.id });
  await listener.unlisten();
  const byAddress = await registerHost(database.web, admin.id, { address: "::ffff:10.0.0.9", port: 1 }, never, context);
  assert.deepEqual([byAddress.fqdn, byAddress.address, byAddress.tls_name], ["10.0.0.9", "10.0.0.9", "10.0.0.9"]);
  const summary = await findHost(database.web, admin.id, named.id);
  assert.deepEqual([summary.display_name, summary.health, summary.source, summary.simulated], [
    "Shop",
    "pending",
    "manual",
    false,
  ]);
  assert.deepEqual({ ...await stored(database.sql) }, { hosts: 2, polls: 4, audits: 2, events: 2 });
  const due = await database.sql`select from host_polls where next_at <= ${clock.now()}`;
  assert.equal(due.length, 4, "asked at once");
});

Deno.test("a duplicate is refused and the existing host named, also when two register at once", async () => {
  await using database = await testDatabase();
  const admin = await addUser(database.sql, "admin");
  const context = callerContext(admin, fakeClock());
  const resolve: Resolve = (name) => Promise.resolve([name === "web1.example" ? "10.0.0.1" : "10.0.0.2"]);
  const register = (input: unknown) => registerHost(database.web, admin.id, input, resolve, context);
  await register({ address: "web1.example", display_name: "Shop" });
  for (const input of [{ address: "Web1.EXAMPLE." }, { address: "web1.example", port: 5 }, { address: "10.0.0.1" }]) {
    const error = await refused(() => register(input), "host_exists");
    assert.match(error.message, /Shop \(10\.0\.0\.1, port 12443\)/);
  }
  await register({ address: "10.0.0.1", port: 5 });
  const both = await Promise.allSettled([1, 2, 3].map(() => register({ address: "web2.example" })));
  assert.equal(both.filter((result) => result.status === "fulfilled").length, 1);
  for (const result of both) if (result.status === "rejected") assert.equal(result.reason.code, "host_exists");
});

Deno.test("a duplicate out of an operator's scope is refused without a word of it", async () => {
  await using database = await testDatabase();
  const [mine, other] = [await addGroup(database.sql), await addGroup(database.sql)];
  const admin = await addUser(database.sql, "admin");
  const operator = await addUser(database.sql, "operator", [mine]);
  const resolve: Resolve = () => Promise.resolve(["10.0.0.1"]);
  const register = (user: typeof admin, input: unknown) =>
    registerHost(database.web, user.id, input, resolve, callerContext(user, fakeClock()));
  const host = await register(admin, { address: "web1.example", display_name: "Secret shop", group_ids: [other] });
  for (const input of [{ address: "10.0.0.1" }, { address: "web1.example", port: 5 }]) {
    const error = await refused(() => register(operator, input), "host_exists");
    const words = JSON.stringify([error.message, error.hint, error.details]);
    assert.doesNotMatch(words, /Secret|web1|10\.0\.0\.1|12443/);
    assert.match(words, /out of your scope.*in the audit log/);
    assert.match((await refused(() => register(admin, input), "host_exists")).message, /Secret shop/);
  }
  // One that they know of is named, and the other not, whichever is older.
  await register(operator, { address: "10.0.0.1", port: 7, group_ids: [mine] });
  const both = await refused(() => register(operator, { address: "web1.example", port: 7 }), "host_exists");
  assert.match(both.message, /already registered: 10\.0\.0\.1/);
  assert.doesNotMatch(JSON.stringify([both.message, both.hint, both.details]), /Secret|web1/);
  // What the operator tried is seen by who may know of the host; what the admin typed twice is no row.
  const rows = await database.sql`
    select action, outcome, actor_id, object_id from audit_log where outcome <> 'success'`;
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    Array(2).fill({ action: "host.create", outcome: "denied", actor_id: operator.id, object_id: host.id }),
  );
});

Deno.test("operators put hosts into their own groups only", async () => {
  await using database = await testDatabase();
  const [mine, other] = [await addGroup(database.sql), await addGroup(database.sql)];
  const operator = await addUser(database.sql, "operator", [mine]);
  const context = callerContext(operator, fakeClock());
  await refused(
    () => registerHost(database.web, operator.id, { address: "10.0.0.1", group_ids: [mine, other] }, never, context),
    "validation_failed",
  );
  const { id } = await registerHost(
    database.web,
    operator.id,
    { address: "10.0.0.1", group_ids: [mine, mine] },
    never,
    context,
  );
  await findHost(database.web, operator.id, id);
  const stranger = await addUser(database.sql, "operator", [other]);
  for (const host of [id, uuidv7(), "x", ""]) {
    await refused(() => findHost(database.web, stranger.id, host), "host_not_found");
  }
});

Deno.test("removing: no more polls, open work ended, certificates revoked, audited; the address is free again", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { admin, operator_b } = scene.users;
  const context = callerContext(admin, scene.clock);
  const host = scene.hosts.alpha;
  const job = await addSceneJob(database, scene, [host, scene.hosts.beta]);
  await database.sql`
    insert into certificates (id, kind, serial, fingerprint, subject, pem, host_id, not_before, not_after, issued_at)
    values (${uuidv7()}, 'agent', 'aa01', 'f1', 'CN=x', 'pem', ${host}, app_now(), app_now(), app_now())`;
  await refused(
    () => removeHost(database.web, operator_b.id, host, callerContext(operator_b, scene.clock)),
    "host_not_found",
  );
  const removed = await removeHost(database.web, admin.id, host, context);
  assert.deepEqual(removed, { id: host, cancelled_jobs: 1, revoked_serials: ["aa01"] });
  await refused(() => removeHost(database.web, admin.id, host, context), "host_not_found");
  await refused(() => findHost(database.web, admin.id, host), "host_not_found");
  const states = await database.sql`select host_id, state from patch_job_hosts where job_id = ${job}`;
  assert.deepEqual(
    new Map(states.map((row) => [row.host_id, row.state])),
    new Map([[host, "cancelled"], [scene.hosts.beta, "queued"]]),
  );
  const [row] = await database.sql`
    select (select count(*)::int from host_polls where host_id = ${host}) as polls,
      (select revoked_at is not null from certificates) as revoked, (select action from audit_log order by seq desc limit 1) as action`;
  assert.deepEqual({ ...row }, { polls: 0, revoked: true, action: "host.remove" });
  const [before] = await database.sql`select host(address) as address from hosts where id = ${host}`;
  await registerHost(database.web, admin.id, { address: before.address }, never, context);
});

Deno.test("two people remove the same host at once: one does", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { admin } = scene.users;
  const both = await Promise.allSettled(
    [1, 2].map(() => removeHost(database.web, admin.id, scene.hosts.free, callerContext(admin, scene.clock))),
  );
  assert.deepEqual(both.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
});

Deno.test("an answer writes only what changed, and simulated never goes away", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const host = scene.hosts.free;
  const version = async () =>
    (await database.sql`select ctid::text || xmin::text as v from hosts where id = ${host}`)[0].v;
  const events = async () => (await database.sql`select count(*)::int as n from live_events`)[0].n;
  const [v, n] = [await version(), await events()];
  const same = [{ name: "only-free", size_bytes: 10 }];
  await answer(database, scene.clock, host, same);
  const afterReport = await events();
  assert.equal(await version(), v, "the host's row is not written again");
  assert.equal(afterReport, n + 2, "told of the report, which lost openssl");
  await answer(database, scene.clock, host, same, {
    health: { agent: { simulated: true } },
    info: { pending_reboot: true, reboot_reasons: ["linux-image"] },
  });
  await answer(database, scene.clock, host, same, { health: { agent: { simulated: false } } });
  const [row] = await database
    .sql`select simulated, reboot_required, reboot_reasons, health, os_id from hosts where id = ${host}`;
  assert.deepEqual({ ...row }, {
    simulated: true,
    reboot_required: false,
    reboot_reasons: [],
    health: "healthy",
    os_id: "debian",
  });
});

Deno.test("the fleet's login makes and removes no host", async () => {
  await using database = await testDatabase();
  const admin = await addUser(database.sql, "admin");
  const context = callerContext(admin, fakeClock());
  const host = await addHost(database.sql);
  const denied = (error: { code?: string }) => error.code === "42501";
  await assert.rejects(() => registerHost(database.fleet, admin.id, { address: "10.0.0.1" }, never, context), denied);
  await assert.rejects(() => removeHost(database.fleet, admin.id, host, context), denied);
  await assert.rejects(() => database.fleet`update hosts set address = '10.0.0.1' where id = ${host}`, denied);
  await assert.rejects(
    () => database.fleet`select fqdn from visible_hosts(${admin.id}) v join hosts h on h.id = v.host_id`,
    denied,
  );
});
