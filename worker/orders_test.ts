import assert from "node:assert/strict";
import { createRepair } from "../core/jobs/create_repair.ts";
import { createRollback } from "../core/jobs/create_rollback.ts";
import { jobHostDetail } from "../core/views/job_hosts.ts";
import { callerContext } from "../testing/job_scenario.ts";
import { type Bench, openBench, runToEnd, starts } from "./run_fixture_test.ts";

function repair(bench: Bench): Promise<string> {
  const { database, admin, host_id } = bench;
  return createRepair(database.web, admin, host_id, {}, null, callerContext(admin)).then(({ job_id }) => job_id);
}

async function rollback(bench: Bench, job_id: string): Promise<string> {
  const { database, admin } = bench;
  return (await createRollback(database.web, admin, job_id, {}, null, callerContext(admin))).job_id;
}

/** Names of updates that can be taken back: no kernel is. */
async function ordinary(bench: Bench, count: number): Promise<{ name: string }[]> {
  const rows = await bench.database.sql`
    select p.name from host_patches hp join packages p on p.id = hp.package_id
    where hp.state = 'installable' and p.name !~ '^(linux|kernel)' order by p.name limit ${count}`;
  return rows.map(({ name }) => ({ name }));
}

async function installed({ database }: Bench): Promise<string> {
  const rows = await database.sql`
    select p.name, hp.version from host_packages hp join packages p on p.id = hp.package_id order by p.name, p.arch`;
  return JSON.stringify(rows);
}

Deno.test("an interrupted host refuses updates, is repaired as a job, and takes them", async () => {
  await using bench = await openBench({ trouble: "interrupted" });
  const { sql } = bench.database;
  const state = async () => (await sql`select state from host_patch_data`)[0].state;
  assert.equal(await state(), "interrupted");
  const refused = await runToEnd(bench, await bench.order());
  assert.equal(refused.state, "failed");
  const end = await runToEnd(bench, await repair(bench));
  assert.deepEqual(
    [end.state, end.message],
    ["succeeded", "The package manager is in order again, as read from the host."],
  );
  assert.equal(await state(), "ok");
  const [{ text }] = await sql`select string_agg(text, '') as text from job_logs where job_id = ${
    (await sql`select id from patch_jobs where kind = 'repair'`)[0].id
  }`;
  assert.match(text, /Setting up/);
  assert.equal((await runToEnd(bench, await bench.order())).state, "succeeded");
});

Deno.test("a repair that the host forgot is judged by how the host stands now", async () => {
  await using bench = await openBench({ trouble: "interrupted" });
  const job_id = await repair(bench);
  // The order is refused for its state folder, so nothing has begun, and the host stays as it is.
  await bench.agent.kill();
  await bench.agent.revive({ forget: true });
  const end = await runToEnd(bench, job_id);
  assert.equal(end.state, "succeeded");
  assert.equal(end.attempt, 1);
});

Deno.test("a deployment is rolled back: former versions, as read from the host", async () => {
  await using bench = await openBench();
  const { database, admin, host_id } = bench;
  const before = await installed(bench);
  const job_id = await bench.order({ packages: await ordinary(bench, 2) });
  assert.equal((await runToEnd(bench, job_id)).state, "succeeded");
  assert.notEqual(await installed(bench), before);
  const done = await jobHostDetail(database.web, admin.id, job_id, host_id);
  assert.deepEqual([done.rollback_possible, done.rollback_job], [true, null]);
  assert.deepEqual(done.report?.rollback, { possible: true, reason: null, missing_versions: [] });
  const back = await rollback(bench, job_id);
  const end = await runToEnd(bench, back);
  assert.equal(end.state, "succeeded", end.message);
  assert.equal(await installed(bench), before);
  assert.equal(await starts(bench.agent), 1);
  const now = await jobHostDetail(database.web, admin.id, job_id, host_id);
  assert.deepEqual(now.rollback_job, { job_id: back, state: "succeeded" });
  const { packages } = await jobHostDetail(database.web, admin.id, back, host_id);
  assert.ok(packages.length === 2 && packages.every((one) => one.action === "downgrade" && one.outcome === "applied"));
});

Deno.test("a host that lost the job it should take back says so, and nothing is repeated", async () => {
  await using bench = await openBench();
  const job_id = await bench.order({ packages: await ordinary(bench, 1) });
  await runToEnd(bench, job_id);
  const [job] = await bench.agent.host.jobs();
  await bench.agent.host.remove(job.job_id);
  const end = await runToEnd(bench, await rollback(bench, job_id));
  assert.deepEqual([end.state, end.error_code], ["failed", "JOB_NOT_FOUND"]);
  assert.match(end.message, /no such job any more, or cannot roll back/);
});

Deno.test("what changed since is not taken back, with the host's reason", async () => {
  await using bench = await openBench();
  const job_id = await bench.order({ packages: await ordinary(bench, 1) });
  await runToEnd(bench, job_id);
  const first = await rollback(bench, job_id);
  await runToEnd(bench, first);
  // As if nobody knew of the first one.
  await bench.database.sql`update patch_jobs set original_job_id = null where id = ${first}`;
  const end = await runToEnd(bench, await rollback(bench, job_id));
  assert.deepEqual([end.state, end.error_code], ["failed", "ROLLBACK_NOT_ALLOWED"]);
  assert.match(end.message, /cannot be taken back|changed since/);
});

Deno.test("what a failing script left behind is kept with its package", async () => {
  await using bench = await openBench({ trouble: "failing" });
  const end = await runToEnd(bench, await bench.order());
  assert.equal(end.state, "failed");
  const { database, admin, host_id } = bench;
  const [{ job_id }] = await database.sql`select job_id from patch_job_hosts`;
  const { packages, report } = await jobHostDetail(database.web, admin.id, job_id, host_id);
  assert.equal(packages.filter((one) => one.outcome === "failed").length, 1);
  assert.ok(report !== null);
});
