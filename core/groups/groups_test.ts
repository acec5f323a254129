import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { migrateUntil } from "../../testing/migrate_until.ts";
import { type FleetScene, fleetScene } from "../../testing/fleet_scene.ts";
import { callerContext } from "../../testing/job_scenario.ts";
import { AppError } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import { deleteImpact, groupDetail, groupUsers, hostIdsOf, listGroups, usersOutside } from "../views/groups.ts";
import { addMembers, removeMembers } from "./change_members.ts";
import { changeGroup } from "./change_group.ts";
import { createGroup } from "./create_group.ts";
import { deleteGroup } from "./delete_group.ts";
import { leaveGroups } from "./leave_groups.ts";

async function refused(work: () => Promise<unknown>, code: string): Promise<AppError> {
  let thrown: unknown;
  await assert.rejects(async () => await work(), (error) => (thrown = error, true));
  assert.ok(thrown instanceof AppError, String(thrown));
  assert.equal(thrown.code, code, thrown.message);
  return thrown;
}

/** Names of the hosts that somebody sees. */
async function sees({ sql }: TestDatabase, viewer: string): Promise<string> {
  const rows = await sql`
    select split_part(h.fqdn, '.', 1) as name from visible_hosts(${viewer}) v join hosts h on h.id = v.host_id order by 1`;
  return rows.map(({ name }) => name).join(" ");
}

async function lastAudit({ sql }: TestDatabase): Promise<{ action: string; details: Record<string, unknown> }> {
  const [row] = await sql`
    select action, convert_from(payload, 'UTF8')::jsonb -> 'details' as details from audit_log order by seq desc limit 1`;
  return row as never;
}

const context = ({ users, clock }: FleetScene) => callerContext(users.admin, clock);

Deno.test("bad names: a reason each, nothing stored", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const table: [string, unknown, string, RegExp][] = [
    ["nothing", undefined, "", /./],
    ["text", "web", "", /./],
    ["no name", {}, "name", /./],
    ["a number", { name: 7 }, "name", /./],
    ["empty", { name: "" }, "name", /The name must not be empty/],
    ["spaces", { name: " \u00a0 " }, "name", /must not be empty/],
    ["65 characters", { name: "x".repeat(65) }, "name", /at most 64/],
    ["65 characters beyond the first plane", { name: "😀".repeat(65) }, "name", /at most 64/],
    ["NUL", { name: "a\u0000b" }, "name", /control characters/],
    ["an escape sequence", { name: "\u001b[2J" }, "name", /control characters/],
    ["writing that turns round", { name: "a\u2066b" }, "name", /control characters/],
    ["two lines", { name: "a\nb" }, "name", /control characters/],
    ["half a character", { name: "a\ud800" }, "name", /well-formed/],
    ["a long description", { name: "a", description: "x".repeat(1_001) }, "description", /1000/],
    ["NUL in the description", { name: "a", description: "\u0000" }, "description", /control characters/],
    ["a field that is not ours", { name: "a", id: uuidv7() }, "", /./],
  ];
  for (const [words, order, field, problem] of table) {
    const error = await refused(
      () => createGroup(database.web, scene.users.admin.id, order, context(scene)),
      "validation_failed",
    );
    assert.equal(error.details[0].field, field, words);
    assert.match(error.details[0].problem, problem, words);
    if (field === "name" && typeof order === "object" && order !== null && "name" in order) {
      await refused(() => changeGroup(database.web, scene.groups.a, order, context(scene)), "validation_failed");
    }
  }
  const [{ groups, audits }] = await database.sql`
    select (select count(*)::int from groups) as groups, (select count(*)::int from audit_log) as audits`;
  assert.deepEqual({ groups, audits }, { groups: 2, audits: 0 });
});

Deno.test("names are trimmed, told apart without capitals, and free again after a change", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { admin } = scene.users;
  const make = (name: string) => createGroup(database.web, admin.id, { name }, context(scene));
  const made = await make("  Web   tier ");
  assert.equal(made.name, "Web tier");
  assert.deepEqual(await lastAudit(database), { action: "group.create", details: { description: "" } });
  const error = await refused(() => make("WEB TIER"), "group_exists");
  assert.match(error.message, /“Web tier”/);
  assert.equal(error.details[0].field, "name");
  assert.equal((await make("😀".repeat(64))).name.length, 128, "64 characters, however they are stored");
  assert.equal((await make("Cafe\u0301")).name, "Café");
  await refused(() => make("café"), "group_exists");
  // A to Z are all that the embedded database's own locale knows.
  await make("żółw");
  await refused(() => make("ŻÓŁW"), "group_exists");
  await assert.rejects(
    database.sql`insert into groups (id, name, created_at) values (gen_random_uuid(), 'Żółw', app_now())`,
    { constraint_name: "groups_name" },
  );
  const renamed = await changeGroup(database.web, made.id, { name: "web TIER" }, context(scene));
  assert.equal(renamed.name, "web TIER", "its own name in other capitals is free");
  await changeGroup(database.web, made.id, { name: "Front", description: " the shop " }, context(scene));
  assert.deepEqual((await lastAudit(database)).details, {
    before: { name: "web TIER", description: "" },
    after: { name: "Front", description: "the shop" },
  });
  await make("Web tier");
  await refused(() => changeGroup(database.web, made.id, { name: "web tier" }, context(scene)), "group_exists");
  for (const id of [uuidv7(), "x", ""]) {
    await refused(() => changeGroup(database.web, id, { name: "y" }, context(scene)), "group_not_found");
  }
});

Deno.test("two who take one name at once: one gets it, the other hears why", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const names = Array.from({ length: 6 }, (_, n) => n % 2 ? "Twin" : "tWIN");
  const all = await Promise.allSettled(
    names.map((name) => createGroup(database.web, scene.users.admin.id, { name }, context(scene))),
  );
  assert.equal(all.filter(({ status }) => status === "fulfilled").length, 1);
  for (const one of all) if (one.status === "rejected") assert.equal((one.reason as AppError).code, "group_exists");
});

Deno.test("members come and go, and with them who sees what", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { users, groups, hosts } = scene;
  const web = database.web;
  const add = (kind: "hosts" | "users", ...ids: string[]) =>
    addMembers(web, users.admin.id, groups.a, kind, ids, context(scene));
  const remove = (kind: "hosts" | "users", ...ids: string[]) => removeMembers(web, groups.a, kind, ids, context(scene));

  assert.equal(await sees(database, users.operator_none.id), "free");
  assert.equal(await sees(database, users.operator_a.id), "alpha both free");

  assert.deepEqual(await add("hosts", hosts.free, hosts.free, hosts.alpha), { changed: 1, opened_hosts: 0 });
  assert.deepEqual(await lastAudit(database), { action: "group.add_hosts", details: { hosts: [hosts.free] } });
  assert.equal(await sees(database, users.operator_none.id), "", "the first group hides a host from all others");
  assert.equal(await sees(database, users.operator_b.id), "beta both");

  assert.deepEqual(await remove("hosts", hosts.both, hosts.alpha), { changed: 2, opened_hosts: 1 });
  assert.deepEqual((await lastAudit(database)).details, {
    hosts: [hosts.both, hosts.alpha].sort(),
    opened_hosts: 1,
  });
  assert.equal(await sees(database, users.operator_none.id), "alpha");
  assert.deepEqual(await remove("hosts", hosts.beta, uuidv7()), { changed: 0, opened_hosts: 0 });

  assert.deepEqual(await add("users", users.operator_none.id), { changed: 1, opened_hosts: 0 });
  assert.equal(await sees(database, users.operator_none.id), "alpha free");
  assert.deepEqual(await remove("users", users.operator_none.id, users.admin.id), { changed: 1, opened_hosts: 0 });
  assert.equal((await lastAudit(database)).action, "group.remove_users");
  assert.equal(await sees(database, users.operator_none.id), "alpha");

  const table: [string, () => Promise<unknown>, string][] = [
    ["no such host", () => add("hosts", hosts.beta, uuidv7()), "host_not_found"],
    ["no such user", () => add("users", uuidv7()), "user_not_found"],
    ["a host as user", () => add("users", hosts.beta), "user_not_found"],
    ["no id", () => add("hosts", "x"), "validation_failed"],
    ["too many", () => add("hosts", ...Array(10_001).fill(hosts.beta)), "validation_failed"],
    [
      "no group",
      () => addMembers(web, users.admin.id, uuidv7(), "hosts", [hosts.beta], context(scene)),
      "group_not_found",
    ],
    ["no group to leave", () => removeMembers(web, "x", "hosts", [hosts.beta], context(scene)), "group_not_found"],
  ];
  for (const [words, work, code] of table) {
    await refused(work, code);
    assert.equal(await sees(database, users.operator_a.id), "alpha free", words);
  }
});

Deno.test("open lists hear that groups changed, and nothing of which", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { users, groups, hosts } = scene;
  const told = async () =>
    (await database.sql`select host_id, data from live_events where topic = 'hosts' and kind = 'groups' order by seq`)
      .map(({ host_id, data }) => ({ host_id, data }));
  await addMembers(database.web, users.admin.id, groups.a, "hosts", [hosts.alpha], context(scene));
  assert.deepEqual(await told(), [], "nothing changed");
  await addMembers(database.web, users.admin.id, groups.a, "hosts", [hosts.beta], context(scene));
  await removeMembers(database.web, groups.a, "users", [users.operator_a.id], context(scene));
  await deleteGroup(database.web, groups.b, null, context(scene));
  assert.deepEqual(await told(), Array(3).fill({ host_id: null, data: {} }));
});

Deno.test("deleting says before and after how many hosts every operator will see", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { users, groups } = scene;
  const token = uuidv7(scene.clock);
  await database.sql`
    insert into enrolment_tokens (id, hash, created_at, expires_at)
    values (${token}, '\\x01', app_now(), app_now() + interval '1 day')`;
  await database.sql`insert into enrolment_token_groups (token_id, group_id) values (${token}, ${groups.a})`;
  await database.sql`
    insert into enrolments (id, polling_hash, machine_hash, fqdn, address, port, source_address, state, token_id,
      created_at, expires_at)
    values (${uuidv7()}, '\\x02', 'm', 'new.example', '10.0.0.1', 12443, '10.0.0.1', 'pending', ${token}, app_now(),
      app_now() + interval '1 day')`;
  assert.deepEqual({ ...await deleteImpact(database.web, groups.a) }, {
    opened_hosts: 1,
    operators: 2,
    members: 1,
    tokens: 1,
    waiting: 1,
  });
  const stale = await refused(() => deleteGroup(database.web, groups.a, 0, context(scene)), "conflict");
  assert.match(stale.message, /1 of its hosts would become visible to every operator, not 0/);
  assert.equal(await sees(database, users.operator_none.id), "free");
  assert.deepEqual(await deleteGroup(database.web, groups.a, 1, context(scene)), { id: groups.a, opened_hosts: 1 });
  assert.deepEqual(await lastAudit(database), {
    action: "group.delete",
    details: { hosts: 2, users: 1, opened_hosts: 1 },
  });
  assert.equal(await sees(database, users.operator_none.id), "alpha free");
  assert.equal(await sees(database, users.operator_b.id), "alpha beta both free");
  const [{ hosts: left, people }] = await database.sql`
    select (select count(*)::int from hosts where removed_at is null) as hosts,
      (select count(*)::int from users) as people`;
  assert.deepEqual({ left, people }, { left: 4, people: 6 });
  await refused(() => deleteGroup(database.web, groups.a, null, context(scene)), "group_not_found");
});

Deno.test("a host leaves one group or all, for who may see it", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { users, groups, hosts } = scene;
  const leave = (host: string, group: string | null, viewer = users.admin.id) =>
    leaveGroups(database.web, viewer, host, group, context(scene));
  assert.deepEqual(await leave(hosts.both, groups.b), [groups.b]);
  assert.equal(await sees(database, users.operator_b.id), "beta free");
  await refused(() => leave(hosts.both, groups.b), "group_not_found");
  await refused(() => leave(hosts.both, "x"), "group_not_found");
  assert.deepEqual(await leave(hosts.both, null), [groups.a]);
  assert.deepEqual(await lastAudit(database), { action: "host.leave_groups", details: { groups: [groups.a] } });
  assert.deepEqual(await leave(hosts.free, null), [], "it is in none");
  await refused(() => leave(hosts.beta, null, users.operator_a.id), "host_not_found");
  await refused(() => leave(uuidv7(), null), "host_not_found");
});

Deno.test("groups as each role reads them", async () => {
  await using database = await testDatabase();
  const { users, groups, hosts } = await fleetScene(database);
  const names = async (viewer: string) => (await listGroups(database.web, viewer)).map(({ name }) => name).join(" ");
  assert.equal(await names(users.admin.id), "group-alpha group-beta");
  assert.equal(await names(users.auditor.id), "group-alpha group-beta");
  assert.equal(await names(users.operator_a.id), "group-alpha");
  assert.equal(await names(users.operator_none.id), "");
  assert.equal(await names(users.disabled.id), "");
  const alpha = await groupDetail(database.web, users.operator_a.id, groups.a);
  assert.deepEqual([alpha.hosts, alpha.only_here, alpha.users], [2, 1, 1]);
  assert.deepEqual((await groupUsers(database.web, users.auditor.id, groups.a)).map(({ id }) => id), [
    users.operator_a.id,
  ]);
  for (const [viewer, id] of [[users.operator_b.id, groups.a], [users.admin.id, uuidv7()], [users.admin.id, "x"]]) {
    await refused(() => groupDetail(database.web, viewer, id), "group_not_found");
    await refused(() => groupUsers(database.web, viewer, id), "group_not_found");
  }
  const outside = await usersOutside(database.web, groups.a);
  assert.deepEqual(
    outside.slice(0, 2).map(({ role }) => role),
    ["operator", "operator"],
    "those that it matters for first",
  );
  assert.ok(!outside.some(({ id }) => id === users.operator_a.id || id === users.disabled.id));
  await database.sql`update hosts set removed_at = app_now() where id = ${hosts.alpha}`;
  const after = await groupDetail(database.web, users.admin.id, groups.a);
  assert.deepEqual([after.hosts, after.only_here], [1, 0], "a removed host counts nowhere");
  assert.deepEqual(await hostIdsOf(database.web, users.operator_a.id, { group: groups.a }, 10), [hosts.both]);
  const all = await hostIdsOf(database.web, users.operator_a.id, {}, 10);
  assert.deepEqual(all.toSorted(), [hosts.both, hosts.free].sort(), "those of the group and those of none");
  assert.deepEqual(await hostIdsOf(database.web, users.operator_a.id, {}, 1), [all[0]], "no more than asked for");
});

Deno.test("names that have become one: the oldest group keeps it, the others stay apart by their ids", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const runMigration = await migrateUntil(database, "group_names");
  const names = ["żółw", "ŻÓŁW", "Żółw", "Ł".repeat(100), "ł".repeat(100), "Front"];
  const ids = names.map(() => uuidv7());
  for (const [n, name] of names.entries()) {
    await sql`insert into groups (id, name, created_at) values (${ids[n]}, ${name}, app_now())`;
  }
  await runMigration();
  const now = Object.fromEntries((await sql`select id, name from groups`).map(({ id, name }) => [id, name]));
  assert.deepEqual(ids.map((id) => now[id]), [
    ...["żółw", `ŻÓŁW ${ids[1]}`, `Żółw ${ids[2]}`],
    ...["Ł".repeat(100), `${"ł".repeat(60)} ${ids[4]}`, "Front"],
  ]);
});
