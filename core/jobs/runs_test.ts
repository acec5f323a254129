import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { addHost, addUser, callerContext, offer } from "../../testing/job_scenario.ts";
import { systemClock } from "../clock.ts";
import { claimDueRuns, releaseLeases, renewLease } from "./claim_runs.ts";
import { createJob } from "./create_job.ts";
import { HostBusy, LostRun, moveRun, noteRun } from "./move_run.ts";
import { parkRun } from "./park_run.ts";
import { MAX_LOG_BYTES, recordProgress } from "./record_progress.ts";
import type { HostState, Run } from "./types.ts";

const clock = systemClock;

/** A job on so many hosts with one update each. */
async function jobOn(
  database: TestDatabase,
  hosts: number,
  host_ids: string[] = [],
): Promise<{ job_id: string; host_ids: string[] }> {
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  for (let i = host_ids.length; i < hosts; i++) {
    const id = await addHost(sql);
    await offer(sql, id, { name: "bash", to: "2.0" });
    host_ids.push(id);
  }
  const { job_id } = await createJob(web, admin, { kind: "apply", host_ids }, null, callerContext(admin));
  return { job_id, host_ids };
}

async function claimOne(database: TestDatabase): Promise<Run> {
  const [run] = await claimDueRuns(database.fleet, 1);
  return run;
}

Deno.test("twenty claims at once give every row to exactly one", async () => {
  await using database = await testDatabase();
  await jobOn(database, 30);
  const claims = await Promise.all(Array.from({ length: 20 }, () => claimDueRuns(database.fleet, 4)));
  const claimed = claims.flat().map((run) => run.host_id);
  assert.equal(claimed.length, 30);
  assert.equal(new Set(claimed).size, 30);
  assert.ok(claims.every((runs) => runs.length <= 4));
  assert.deepEqual(await claimDueRuns(database.fleet, 100), []);
});

Deno.test("a lease ends after 30 s by the database's clock, and the fence rises with every claim", async () => {
  await using database = await testDatabase();
  const start = Temporal.Instant.from("2027-01-01T10:00:00Z");
  await database.setNow(start);
  await jobOn(database, 1);
  const first = await claimOne(database);
  assert.deepEqual([first.fence, first.state], [1, "queued"]);
  await database.setNow(start.add({ seconds: 29 }));
  assert.equal(await claimOne(database), undefined);
  await renewLease(database.fleet, first);
  await database.setNow(start.add({ seconds: 31 }));
  assert.equal(await claimOne(database), undefined, "it was renewed");
  await database.setNow(start.add({ seconds: 60 }));
  const second = await claimOne(database);
  assert.equal(second.fence, 2);
  await assert.rejects(renewLease(database.fleet, first), LostRun);
  await assert.rejects(noteRun(database.fleet, first, { message: "late" }), LostRun);
  await assert.rejects(recordProgress(database.fleet, first, { progress: 5 }), LostRun);
  await renewLease(database.fleet, second);
});

Deno.test("the database refuses a second active row for a host, whatever the scheduler believes", async () => {
  await using database = await testDatabase();
  const { fleet } = database;
  const { host_ids } = await jobOn(database, 1);
  await jobOn(database, 1, host_ids);
  const [one, two] = await claimDueRuns(fleet, 2);
  const running = await moveRun(fleet, one, "dispatching", {}, clock);
  await assert.rejects(moveRun(fleet, two, "dispatching", {}, clock), HostBusy);
  await noteRun(fleet, two, { release_for_seconds: 0 });
  assert.deepEqual(await claimDueRuns(fleet, 2), [], "it stays while its host is busy");
  await moveRun(fleet, running, "failed", { message: "over" }, clock);
  const [next] = await claimDueRuns(fleet, 2);
  assert.equal(next.job_id, two.job_id);
});

Deno.test("only transitions of the table are made, and each of them tells open pages", async () => {
  await using database = await testDatabase();
  const { sql, fleet } = database;
  const { job_id } = await jobOn(database, 1);
  let run = await claimOne(database);
  await assert.rejects(moveRun(fleet, run, "succeeded", {}, clock), TypeError);
  const path: HostState[] = ["dispatching", "running", "verifying", "succeeded"];
  for (const to of path) run = await moveRun(fleet, run, to, { message: to }, clock);
  await assert.rejects(moveRun(fleet, run, "failed", {}, clock), TypeError);
  const events = await sql`select data from live_events where kind = 'host_state' order by seq`;
  assert.deepEqual(events.map((event) => event.data.state), path);
  const [job] = await sql`select ended_at is not null as ended from patch_jobs where id = ${job_id}`;
  assert.equal(job.ended, true);
});

Deno.test("a move that cannot be told is not made", async () => {
  await using database = await testDatabase();
  const { sql, fleet } = database;
  await jobOn(database, 1);
  const run = await claimOne(database);
  await sql`alter table live_events add constraint broken check (kind <> 'host_state')`;
  await assert.rejects(moveRun(fleet, run, "dispatching", {}, clock), /broken/);
  const [{ state }] = await sql`select state from patch_job_hosts`;
  assert.equal(state, "queued");
});

Deno.test("of many hosts that end at once exactly one ends the job, with one audit row", async () => {
  await using database = await testDatabase();
  const { sql, fleet } = database;
  await jobOn(database, 12);
  const runs = await claimDueRuns(fleet, 12);
  const moved = await Promise.all(runs.map((run) => moveRun(fleet, run, "dispatching", {}, clock)));
  await Promise.all(moved.map((run, i) => moveRun(fleet, run, i === 3 ? "unknown" : "failed", {}, clock)));
  const ends = await sql`
    select convert_from(payload, 'UTF8')::jsonb -> 'details' as details from audit_log where action = 'job.end'`;
  assert.deepEqual(ends.map((row) => row.details), [{ state: "unknown", hosts: { failed: 11, unknown: 1 } }]);
  const [last] = await sql`select data from live_events where topic = 'jobs' order by seq desc limit 1`;
  assert.equal(last.data.state, "unknown");
});

Deno.test("progress never goes back, and only what is said is changed", async () => {
  await using database = await testDatabase();
  const { sql, fleet } = database;
  await jobOn(database, 1);
  const run = await claimOne(database);
  await recordProgress(fleet, run, { progress: 40, phase: "download", message: "two", seq: 7 });
  await recordProgress(fleet, run, { progress: 10, seq: 3 });
  await recordProgress(fleet, run, { progress: 1e9 });
  await recordProgress(fleet, run, { progress: -5 });
  const [row] = await sql`select progress, phase, message, agent_seq from patch_job_hosts`;
  assert.deepEqual({ ...row }, { progress: 100, phase: "download", message: "two", agent_seq: 7 });
});

Deno.test("the log keeps 1 MiB of a host, says where it ends, and never cuts a character in two", async () => {
  await using database = await testDatabase();
  const { sql, fleet } = database;
  await jobOn(database, 1);
  const run = await claimOne(database);
  const piece = "ä".repeat(99_999) + "\n";
  for (let i = 0; i < 8; i++) await recordProgress(fleet, run, { output: piece });
  const { log_bytes } = await recordProgress(fleet, run, { output: "too late" });
  assert.ok(log_bytes > MAX_LOG_BYTES);
  const pieces = await sql`select position, text from job_logs order by position`;
  const log = pieces.map((row) => row.text).join("");
  assert.deepEqual(pieces.map((row) => row.position), [1, 2, 3, 4, 5, 6]);
  assert.match(log, /\[The log ends here: 1 MiB is kept for one host\. The rest is on the host itself\.\]\n$/);
  assert.ok(!log.includes("\ufffd"));
  assert.ok(new TextEncoder().encode(log).length <= MAX_LOG_BYTES + 100);
  const [event] = await sql`select data from live_events where kind = 'progress' order by seq limit 1`;
  assert.deepEqual(event.data.log, { position: 1, text: null }, "a page reads long pieces from the log");
});

Deno.test("what a hostile host says is stored as text", async () => {
  await using database = await testDatabase();
  const { sql, fleet } = database;
  await jobOn(database, 1);
  const run = await claimOne(database);
  await recordProgress(fleet, run, { output: "a\u0000b\ud800c'; drop table hosts; --", message: "m".repeat(9_000) });
  const [row] = await sql`select text from job_logs`;
  assert.equal(row.text, "a\ufffdb\ufffdc'; drop table hosts; --");
  const [{ length }] = await sql`select length(message) as length from patch_job_hosts`;
  assert.equal(length, 4_096);
});

Deno.test("a parked row is judged by how far it came in the database", async (t) => {
  for (
    const [what, dispatched, state] of [["nothing sent", false, "failed"], ["maybe begun", true, "unknown"]] as const
  ) {
    await t.step(what, async () => {
      await using database = await testDatabase();
      const { sql, fleet } = database;
      await jobOn(database, 1);
      const claimed = await claimOne(database);
      const begun = await moveRun(fleet, claimed, "dispatching", {}, clock);
      if (dispatched) await noteRun(fleet, begun, { dispatched: true });
      await parkRun(fleet, claimed, "broke", clock);
      const [row] = await sql`select state, error, error_code from patch_job_hosts`;
      assert.deepEqual({ ...row }, { state, error: "broke", error_code: "INTERNAL" });
      await assert.rejects(parkRun(fleet, claimed, "again", clock), LostRun);
    });
  }
});

Deno.test("handed over rows are due at once; rows that went on are left alone", async () => {
  await using database = await testDatabase();
  const { fleet } = database;
  await jobOn(database, 3);
  const runs = await claimDueRuns(fleet, 3);
  await moveRun(fleet, runs[0], "failed", {}, clock);
  const stale = { ...runs[1], fence: runs[1].fence - 1 };
  assert.equal(await releaseLeases(fleet, []), 0);
  assert.equal(await releaseLeases(fleet, [runs[0], stale, runs[2]]), 1);
  assert.deepEqual((await claimDueRuns(fleet, 3)).map((run) => run.host_id), [runs[2].host_id]);
});

Deno.test("the fleet role may work on jobs but not make or remove them", async () => {
  await using database = await testDatabase();
  const { fleet } = database;
  const { job_id } = await jobOn(database, 1);
  await assert.rejects(fleet`delete from patch_jobs where id = ${job_id}`, /permission denied/);
  await assert.rejects(fleet`delete from patch_job_hosts`, /permission denied/);
  await assert.rejects(fleet`insert into patch_jobs select * from patch_jobs`, /permission denied/);
  await assert.rejects(fleet`select * from users`, /permission denied/);
  await assert.rejects(fleet`delete from job_logs`, /permission denied/);
});
