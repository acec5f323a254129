import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { addGroup, addHost, addUser, callerContext, offer, type TestUser } from "../../testing/job_scenario.ts";
import { systemClock } from "../clock.ts";
import { transaction } from "../database/connection.ts";
import { AppError, type ErrorCode } from "../errors.ts";
import { cancelJob, cancelWorkOfHost } from "./cancel_job.ts";
import { claimDueRuns } from "./claim_runs.ts";
import { createJob } from "./create_job.ts";
import { endFinishedJobs } from "./end_finished_jobs.ts";
import { LostRun, moveRun } from "./move_run.ts";
import { retryFailed } from "./retry_failed.ts";
import type { FinalState, Run } from "./types.ts";

const NOBODY = "018f0000-0000-7000-8000-000000000000";

function refused(code: ErrorCode) {
  return (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

async function place(database: TestDatabase, user: TestUser, host_ids: string[], kind: "apply" | "dry_run" = "apply") {
  return (await createJob(database.web, user, { kind, host_ids, reason: "why" }, null, callerContext(user))).job_id;
}

async function hostsWithWork(database: TestDatabase, count: number, groups: string[] = []): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const id = await addHost(database.sql, { groups });
    await offer(database.sql, id, { name: "bash", to: "2.0" }, { name: "curl", to: "8.1" });
    ids.push(id);
  }
  return ids;
}

/** Ends all hosts of what is due, each in the given state. */
async function endAs(database: TestDatabase, states: Record<string, FinalState>): Promise<void> {
  for (const run of await claimDueRuns(database.fleet, 100)) {
    const begun = await moveRun(database.fleet, run, "dispatching", {}, systemClock);
    const to = states[run.host_id];
    if (to !== "succeeded") await moveRun(database.fleet, begun, to, {}, systemClock);
    else {
      const running = await moveRun(database.fleet, begun, "running", {}, systemClock);
      await moveRun(database.fleet, running, to, {}, systemClock);
    }
  }
}

Deno.test("cancelling ends what has not begun and asks what has, once, with who and why", async () => {
  await using database = await testDatabase();
  const { sql, web, fleet } = database;
  const admin = await addUser(sql, "admin");
  const job_id = await place(database, admin, await hostsWithWork(database, 3));
  const [first] = await claimDueRuns(fleet, 1);
  await moveRun(fleet, first, "dispatching", {}, systemClock);
  const asked = await cancelJob(web, admin, job_id, "wrong version", callerContext(admin));
  assert.deepEqual(asked, { cancelled: 2, asked: 1, too_late: 0 });
  const rows = await sql`select state, cancel_requested_at is not null as asked from patch_job_hosts order by state`;
  assert.deepEqual(rows.map((row) => [row.state, row.asked]), [
    ["cancelled", true],
    ["cancelled", true],
    ["dispatching", true],
  ]);
  const [job] = await sql`select cancelled_by, cancel_reason, ended_at from patch_jobs`;
  assert.deepEqual({ ...job }, { cancelled_by: admin.id, cancel_reason: "wrong version", ended_at: null });
  const [audit] = await sql`
    select convert_from(payload, 'UTF8')::jsonb as entry from audit_log where action = 'job.cancel'`;
  assert.equal(audit.entry.details.reason, "wrong version");
  assert.equal(audit.entry.actor.id, admin.id);
});

Deno.test("cancelling everything ends the job at once; after that it is final", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const job_id = await place(database, admin, await hostsWithWork(database, 2));
  await cancelJob(web, admin, job_id, "", callerContext(admin));
  const [last] = await sql`select data from live_events where topic = 'jobs' order by seq desc limit 1`;
  assert.deepEqual(last.data, { job_id, state: "cancelled", counts: { cancelled: 2 } });
  assert.ok((await sql`select ended_at from patch_jobs`)[0].ended_at);
  await assert.rejects(cancelJob(web, admin, job_id, "", callerContext(admin)), refused("job_final"));
  assert.deepEqual(await claimDueRuns(database.fleet, 5), []);
});

Deno.test("an executor that has just claimed a cancelled row finds out before it sends anything", async () => {
  await using database = await testDatabase();
  const { sql, web, fleet } = database;
  const admin = await addUser(sql, "admin");
  const job_id = await place(database, admin, await hostsWithWork(database, 1));
  const [run] = await claimDueRuns(fleet, 1);
  await cancelJob(web, admin, job_id, "", callerContext(admin));
  await assert.rejects(moveRun(fleet, run, "dispatching", {}, systemClock), LostRun);
});

Deno.test("what is being read again is too late to cancel", async () => {
  await using database = await testDatabase();
  const { sql, web, fleet } = database;
  const admin = await addUser(sql, "admin");
  const job_id = await place(database, admin, await hostsWithWork(database, 1));
  let [run]: Run[] = await claimDueRuns(fleet, 1);
  for (const to of ["dispatching", "running", "verifying"] as const) {
    run = await moveRun(fleet, run, to, {}, systemClock);
  }
  const asked = await cancelJob(web, admin, job_id, "", callerContext(admin));
  assert.deepEqual(asked, { cancelled: 0, asked: 0, too_late: 1 });
});

Deno.test("an operator cancels and retries on the hosts of the own groups, and knows of no others", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const [mine, theirs] = [await addGroup(sql), await addGroup(sql)];
  const admin = await addUser(sql, "admin");
  const [operator, stranger, auditor] = [
    await addUser(sql, "operator", [mine]),
    await addUser(sql, "operator"),
    await addUser(sql, "auditor"),
  ];
  const [own] = await hostsWithWork(database, 1, [mine]);
  const [foreign] = await hostsWithWork(database, 1, [theirs]);
  const job_id = await place(database, admin, [own, foreign]);
  const call = (user: TestUser, id = job_id) => cancelJob(web, user, id, "", callerContext(user));
  await assert.rejects(call(stranger), refused("job_not_found"));
  await assert.rejects(call(auditor), refused("forbidden"));
  await assert.rejects(call(operator, NOBODY), refused("job_not_found"));
  await assert.rejects(retryFailed(web, stranger, job_id, callerContext(stranger)), refused("job_not_found"));
  await assert.rejects(retryFailed(web, auditor, job_id, callerContext(auditor)), refused("forbidden"));
  assert.deepEqual(await call(operator), { cancelled: 1, asked: 0, too_late: 0 });
  const rows = await sql`select host_id, state from patch_job_hosts`;
  assert.equal(rows.find((row) => row.host_id === own)!.state, "cancelled");
  assert.equal(rows.find((row) => row.host_id === foreign)!.state, "queued");
});

Deno.test("failed and missed hosts are ordered again in a new job; unknown ones never", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const [good, failed, missed, unknown] = await hostsWithWork(database, 4);
  const job_id = await place(database, admin, [good, failed, missed, unknown]);
  await assert.rejects(retryFailed(web, admin, job_id, callerContext(admin)), refused("conflict"));
  await endAs(database, { [good]: "succeeded", [failed]: "failed", [missed]: "missed", [unknown]: "unknown" });
  // One of the two packages arrived on the failed host.
  await sql`update patch_job_patches set outcome = 'applied' where host_id = ${failed} and name = 'bash'`;
  const again = await retryFailed(web, admin, job_id, callerContext(admin));
  assert.equal(again.hosts, 2);
  const rows = await sql`
    select host_id, name, to_version from patch_job_patches where job_id = ${again.job_id} order by host_id, name`;
  assert.deepEqual(rows.map((row) => Object.values(row)), [
    [failed, "curl", "8.1"],
    [missed, "bash", "2.0"],
    [missed, "curl", "8.1"],
  ]);
  const [audit] = await sql`
    select convert_from(payload, 'UTF8')::jsonb -> 'details' as details from audit_log
    where action = 'job.create' and object_id = ${again.job_id}`;
  assert.equal(audit.details.retry_of, job_id);
});

Deno.test("what is on offer in another version by now is not ordered again by a click on retry", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const [host] = await hostsWithWork(database, 1);
  const job_id = await place(database, admin, [host]);
  await endAs(database, { [host]: "failed" });
  await offer(sql, host, { name: "bash", to: "2.1" }, { name: "curl", to: "8.2" });
  await assert.rejects(retryFailed(web, admin, job_id, callerContext(admin)), (error) => {
    refused("nothing_to_do")(error);
    assert.match((error as AppError).message, /not on offer any more in the version/);
    return true;
  });
});

Deno.test("a job in which nothing failed has nothing to retry", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const [host] = await hostsWithWork(database, 1);
  const job_id = await place(database, admin, [host], "dry_run");
  await endAs(database, { [host]: "succeeded" });
  await assert.rejects(retryFailed(web, admin, job_id, callerContext(admin)), refused("nothing_to_do"));
});

Deno.test("removing a host ends its queued work and with it the job, and asks nobody else", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const [gone, other] = await hostsWithWork(database, 2);
  const alone = await place(database, admin, [gone]);
  const shared = await place(database, admin, [gone, other]);
  assert.equal(await transaction(web, (tx) => cancelWorkOfHost(tx, gone, callerContext(admin))), 2);
  const ended = async (id: string) =>
    (await sql`select ended_at from patch_jobs where id = ${id}`)[0].ended_at !== null;
  assert.deepEqual([await ended(alone), await ended(shared)], [true, false]);
});

Deno.test("a host whose first attempt failed stays failed when the second is cancelled", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const job_id = await place(database, admin, await hostsWithWork(database, 1));
  await sql`update patch_job_hosts set state = 'waiting', attempt = 2`;
  assert.deepEqual(await cancelJob(web, admin, job_id, "", callerContext(admin)), {
    cancelled: 1,
    asked: 0,
    too_late: 0,
  });
  const [row] = await sql`select state, message from patch_job_hosts`;
  assert.equal(row.state, "failed");
  assert.match(row.message, /second attempt was cancelled/);
});

Deno.test("a job that ended unnoticed is ended by the sweep, once, and open ones are left alone", async () => {
  await using database = await testDatabase();
  const { sql, fleet } = database;
  const admin = await addUser(sql, "admin");
  const [one, two] = await hostsWithWork(database, 2);
  const done = await place(database, admin, [one, two]);
  const open = await place(database, admin, [one, two]);
  await sql`
    update patch_job_hosts set state = 'cancelled', ended_at = app_now() where job_id = ${done} or host_id = ${one}`;
  assert.equal(await endFinishedJobs(fleet, systemClock), 1);
  assert.equal(await endFinishedJobs(fleet, systemClock), 0);
  const rows = await sql`select id, ended_at is not null as ended from patch_jobs`;
  assert.deepEqual(Object.fromEntries(rows.map((row) => [row.id, row.ended])), { [done]: true, [open]: false });
});
