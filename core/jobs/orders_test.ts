import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { addGroup, addHost, addUser, callerContext, offer, type TestUser } from "../../testing/job_scenario.ts";
import { AppError, type ErrorCode } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import { createJob } from "./create_job.ts";
import { createReboot } from "./create_reboot.ts";
import { createRepair } from "./create_repair.ts";
import { createRollback } from "./create_rollback.ts";
import { retryFailed } from "./retry_failed.ts";
import type { RebootOrderInput, RepairOrderInput, RollbackOrderInput } from "./types.ts";

const NOBODY = "018f0000-0000-7000-8000-000000000000";

function refused(code: ErrorCode, words?: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    if (words) assert.match(JSON.stringify([error.message, error.hint, error.details]), words);
    return true;
  };
}

/** The three orders for one host, under the same hand. */
function hands({ web }: TestDatabase, user: TestUser) {
  const context = callerContext(user);
  return {
    repair: (id: string, input: RepairOrderInput = {}, key: string | null = null) =>
      createRepair(web, user, id, input, key, context),
    reboot: (id: string, input: RebootOrderInput = {}, key: string | null = null) =>
      createReboot(web, user, id, input, key, context),
    rollback: (job: string, input: RollbackOrderInput = {}, key: string | null = null) =>
      createRollback(web, user, job, input, key, context),
  };
}

interface EndedHost {
  host_id?: string;
  state?: string;
  agent_job_id?: string | null;
  /** What the agent says; null when it says nothing. */
  possible?: boolean | null;
  reason?: string;
  applied?: boolean;
}

/** A deployment that has ended on hosts, as the fleet role leaves it. */
async function endedJob({ sql }: TestDatabase, user: TestUser, hosts: EndedHost[], kind = "apply") {
  const job_id = uuidv7();
  await sql`
    insert into patch_jobs (id, kind, requested_by, requested_at, deadline_at, ended_at)
    values (${job_id}, ${kind}, ${user.id}, app_now(), app_now(), app_now())`;
  const ids: string[] = [];
  for (const { host_id, state = "succeeded", agent_job_id = "a1", possible = true, reason, applied = true } of hosts) {
    const id = host_id ?? await addHost(sql);
    ids.push(id);
    const rollback = possible === null ? null : { possible, reason: reason ?? null, missing_versions: [] };
    const ended = !["running", "queued"].includes(state);
    await sql`
      insert into patch_job_hosts
        (job_id, host_id, run_id, state, next_at, deadline_at, queued_at, ended_at, agent_job_id, report)
      values (${job_id}, ${id}, ${uuidv7()}, ${state}, app_now(), app_now(), app_now(),
        case when ${ended} then app_now() end, ${agent_job_id},
        ${sql.json({ restart: null, conffiles_kept: [], rollback })})`;
    await sql`
      insert into patch_job_patches (job_id, host_id, name, arch, from_version, to_version, origin, outcome)
      values (${job_id}, ${id}, 'bash', 'amd64', '1', '2', 'ordered', ${applied ? "applied" : "failed"}),
        (${job_id}, ${id}, 'bash-data', 'all', null, '2', 'dependency', 'applied')`;
  }
  return { job_id, ids };
}

Deno.test("who may not, what is no host and what is out of scope is refused, and nothing is stored", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const admin = await addUser(sql, "admin");
  const operator = await addUser(sql, "operator", [await addGroup(sql)]);
  const auditor = await addUser(sql, "auditor");
  const foreign = await addHost(sql, { groups: [await addGroup(sql)] });
  const { job_id } = await endedJob(database, admin, [{ host_id: foreign }]);
  const before = (await sql`select count(*)::int as n from patch_jobs`)[0].n;
  for (const id of [foreign, NOBODY]) {
    await assert.rejects(hands(database, operator).repair(id), refused("host_not_found"));
    await assert.rejects(hands(database, operator).reboot(id), refused("host_not_found"));
    await assert.rejects(hands(database, auditor).repair(id), refused("forbidden"));
    await assert.rejects(hands(database, auditor).reboot(id), refused("forbidden"));
  }
  await assert.rejects(hands(database, auditor).rollback(job_id), refused("forbidden"));
  for (const id of [job_id, NOBODY]) {
    await assert.rejects(hands(database, operator).rollback(id), refused("job_not_found"));
  }
  await assert.rejects(
    hands(database, admin).rollback(job_id, { host_ids: [NOBODY] }),
    refused("host_not_found", /no host of this job/),
  );
  assert.equal((await sql`select count(*)::int as n from patch_jobs`)[0].n, before);
  assert.equal((await sql`select count(*)::int as n from audit_log`)[0].n, 0);
});

Deno.test("input that is not as expected is refused with its field", async () => {
  await using database = await testDatabase();
  const admin = await addUser(database.sql, "admin");
  const id = await addHost(database.sql);
  const { repair, reboot, rollback } = hands(database, admin);
  const table: [string, () => Promise<unknown>][] = [
    ["delay_seconds", () => reboot(id, { delay_seconds: -1 })],
    ["delay_seconds", () => reboot(id, { delay_seconds: 86_401 })],
    ["delay_seconds", () => reboot(id, { delay_seconds: NaN })],
    ["deadline_minutes", () => repair(id, { deadline_minutes: 4 })],
    ["reason", () => repair(id, { reason: "a\u0000b" })],
    ["force", () => reboot(id, { force: true } as never)],
    ["host_ids", () => rollback(NOBODY, { host_ids: [] })],
    ["host_ids.0", () => rollback(NOBODY, { host_ids: ["web1"] })],
    ["Idempotency-Key", () => repair(id, {}, "a b")],
  ];
  for (const [field, order] of table) {
    await assert.rejects(order(), refused("validation_failed", new RegExp(field)), field);
  }
});

Deno.test("a repair and a restart are jobs like any other: stored, audited, once under a key", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const admin = await addUser(sql, "admin");
  const id = await addHost(sql);
  const { repair, reboot } = hands(database, admin);
  const made = await repair(id, { reason: "interrupted" }, "k1");
  assert.deepEqual([made.hosts, made.patches, made.repeated], [1, 0, false]);
  assert.deepEqual((await repair(id, { reason: "interrupted" }, "k1")).job_id, made.job_id);
  await assert.rejects(repair(id, { reason: "another" }, "k1"), refused("idempotency_conflict"));
  await assert.rejects(reboot(id, {}, "k1"), refused("idempotency_conflict"));
  const restart = await reboot(id, { delay_seconds: 300 });
  const rows = await sql`
    select kind, reboot, reboot_delay_seconds as delay from patch_jobs order by requested_at, id`;
  assert.deepEqual(rows.map((row) => ({ ...row })), [
    { kind: "repair", reboot: "never", delay: 60 },
    { kind: "reboot", reboot: "always", delay: 300 },
  ]);
  const audited = await sql`select action, convert_from(payload, 'UTF8')::jsonb -> 'details' as details, object_id
    from audit_log order by seq`;
  assert.deepEqual(audited.map(({ action, object_id, details }) => [action, object_id, details.kind, details.hosts]), [
    ["job.create", made.job_id, "repair", [id]],
    ["job.create", restart.job_id, "reboot", [id]],
  ]);
  assert.equal(audited[1].details.reboot_delay_seconds, 300);
});

Deno.test("a rollback takes back what was changed, on all hosts that can", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const admin = await addUser(sql, "admin");
  const { job_id, ids } = await endedJob(database, admin, [{}, { possible: false, reason: "a kernel" }, {
    possible: null,
  }, { state: "failed" }]);
  const made = await hands(database, admin).rollback(job_id, { reason: "broken" });
  assert.deepEqual([made.hosts, made.patches, made.left_out.toSorted()], [2, 2, [ids[1], ids[2]].sort()]);
  const [job] = await sql`select kind, original_job_id from patch_jobs where id = ${made.job_id}`;
  assert.deepEqual({ ...job }, { kind: "rollback", original_job_id: job_id });
  const hosts = await sql`
    select host_id, original_agent_job_id as original from patch_job_hosts where job_id = ${made.job_id} order by host_id`;
  assert.deepEqual(hosts.map((row) => [row.host_id, row.original]), [ids[0], ids[3]].sort().map((id) => [id, "a1"]));
  const [patch] = await sql`
    select name, from_version, to_version, action, outcome from patch_job_patches
    where job_id = ${made.job_id} and host_id = ${ids[0]}`;
  assert.deepEqual({ ...patch }, {
    name: "bash",
    from_version: "2",
    to_version: "1",
    action: "downgrade",
    outcome: "pending",
  });
});

const IMPOSSIBLE: [string, EndedHost, string, RegExp][] = [
  ["the agent says why not", { possible: false, reason: "A kernel is not taken back." }, "apply", /A kernel is not/],
  ["the agent says no more than no", { possible: false }, "apply", /says that it cannot/],
  ["nothing was changed", { applied: false }, "apply", /No package was changed/],
  ["nothing was begun", { agent_job_id: null, state: "missed" }, "apply", /Nothing was begun/],
  ["it still runs", { state: "running" }, "apply", /has not ended/],
  ["it was a repair", {}, "repair", /Only a deployment/],
  ["it was a dry run", {}, "dry_run", /Only a deployment/],
];
for (const [what, host, kind, words] of IMPOSSIBLE) {
  Deno.test(`no rollback where ${what}`, async () => {
    await using database = await testDatabase();
    const admin = await addUser(database.sql, "admin");
    const { job_id, ids } = await endedJob(database, admin, [host], kind);
    const { rollback } = hands(database, admin);
    await assert.rejects(rollback(job_id, { host_ids: ids }), refused("conflict", words));
    await assert.rejects(rollback(job_id), refused("nothing_to_do", words));
  });
}

Deno.test("a chosen host whose agent says nothing of rollback is asked; one is not taken back twice", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const admin = await addUser(sql, "admin");
  const { job_id, ids } = await endedJob(database, admin, [{ possible: null }]);
  const { rollback } = hands(database, admin);
  await assert.rejects(rollback(job_id), refused("nothing_to_do", /does not say that it can/));
  const first = await rollback(job_id, { host_ids: ids });
  await assert.rejects(rollback(job_id, { host_ids: ids }), refused("conflict", /on its way/));
  const end = (state: string) =>
    sql`update patch_job_hosts set state = ${state}, ended_at = app_now() where job_id = ${first.job_id}`;
  await end("succeeded");
  await assert.rejects(rollback(job_id, { host_ids: ids }), refused("conflict", /rolled back already/));
  await end("failed");
  assert.equal((await rollback(job_id, { host_ids: ids })).hosts, 1);
});

Deno.test("a deployment carries its restart and the new packages that were seen; a dry run does not", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const [one, two] = [await addHost(sql), await addHost(sql)];
  for (const id of [one, two]) await offer(sql, id, { name: "bash", to: "2" }, { name: "curl", to: "3" });
  await sql`
    update host_patches set new_dependencies = array['bash-data', '--allow-all', 'bash-data']
    where host_id = ${one} and package_id = (select id from packages where name = 'bash')`;
  const order = { kind: "apply" as const, host_ids: [one, two], reboot: "always" as const, reboot_delay_seconds: 5 };
  const made = await createJob(web, admin, order, null, callerContext(admin));
  const rows = await sql`select host_id, new_packages from patch_job_hosts where job_id = ${made.job_id}`;
  const seen = new Map(rows.map((row) => [row.host_id, row.new_packages]));
  assert.deepEqual([seen.get(one), seen.get(two)], [["bash-data"], []]);
  const [job] = await sql`select reboot, reboot_delay_seconds as delay from patch_jobs where id = ${made.job_id}`;
  assert.deepEqual({ ...job }, { reboot: "always", delay: 5 });
  const dry = await createJob(web, admin, { ...order, kind: "dry_run", reboot: "never" }, null, callerContext(admin));
  const [{ new_packages }] = await sql`select new_packages from patch_job_hosts where job_id = ${dry.job_id}`;
  assert.equal(new_packages, null);
});

Deno.test("only deployments and dry runs are ordered again as a whole", async () => {
  await using database = await testDatabase();
  const admin = await addUser(database.sql, "admin");
  for (const kind of ["repair", "rollback", "reboot"]) {
    const { job_id } = await endedJob(database, admin, [{ state: "failed" }], kind);
    await assert.rejects(
      retryFailed(database.web, admin, job_id, callerContext(admin)),
      refused("conflict", /on the page of the host/),
    );
  }
});
