import assert from "node:assert/strict";
import { verifyAudit } from "../../core/audit/verify_audit.ts";
import { isFinal, mayMove } from "../../core/jobs/rules.ts";
import type { HostState } from "../../core/jobs/types.ts";
import { waitFor } from "../wait_for.ts";
import { type FaultBed, type JobHost, ok } from "./bed.ts";

/** What must be true whatever was killed, once a job has ended. */
export interface Expected {
  state: HostState;
  /** What the page says of the host. */
  message: RegExp;
  /** Packages that dpkg upgraded. Each by one transaction, each once. */
  upgraded: readonly string[];
  /** How often the package manager was started for the job. Default 1. */
  starts?: number;
}

/** Waits for the job's end, then compares manager, agent and package manager. */
export async function proveEnd(bed: FaultBed, job_id: string, expected: Expected): Promise<JobHost> {
  const host = await bed.end(job_id);
  assert.deepEqual([host.state, expected.message.test(host.message)], [expected.state, true], host.message);
  await bed.sandbox.idle();
  await proveStarts(bed, job_id, expected);
  await proveBooks(bed, job_id, expected.state);
  await proveEvents(bed, job_id, expected.state);
  return host;
}

/** apt's and dpkg's own logs: one transaction, under the job's run id, and each package once. */
async function proveStarts(bed: FaultBed, job_id: string, { starts = 1, upgraded }: Expected): Promise<void> {
  const rows = await bed.database.sql`select run_id, attempt from patch_job_hosts where job_id = ${job_id}`;
  const transactions = await bed.sandbox.transactions();
  assert.equal(Object.values(transactions).reduce((sum, count) => sum + count, 0), starts, "starts of apt");
  // One start per run at most; a second attempt is a run of its own.
  for (const [run_id, count] of Object.entries(transactions)) assert.equal(count, 1, `starts of run ${run_id}`);
  if (rows[0].attempt === 1 && starts > 0) assert.ok(rows[0].run_id in transactions, "apt began this very run");
  const names = (await bed.sandbox.upgrades()).map((line) => line.split(" ")[0]);
  assert.deepEqual(names.toSorted(), upgraded.toSorted(), "what dpkg upgraded");
  for (const name of upgraded) assert.ok(await bed.sandbox.configured(name) <= 1, `${name} was configured twice`);
}

/** The database: the job has ended once, nobody holds anything, the audit log says so and is intact. */
async function proveBooks(bed: FaultBed, job_id: string, state: HostState): Promise<void> {
  const { sql } = bed.database;
  const job = ok(await bed.client.get(`/api/v1/jobs/${job_id}`));
  assert.deepEqual([job.state, job.counts, job.progress, job.ended_at !== null], [state, { [state]: 1 }, 100, true]);
  const held = await sql`
    select state from patch_job_hosts where lease_until is not null or (ended_at is null) <> (state <> all(
      array['succeeded', 'failed', 'cancelled', 'missed', 'rolled_back', 'unknown']))`;
  assert.deepEqual([...held], [], "rows that somebody holds");
  const audited = await sql`
    select action, count(*)::int as n from audit_log where object_id = ${job_id} group by action order by action`;
  assert.deepEqual(audited.map((row) => [row.action, row.n]), [["job.create", 1], ["job.end", 1]]);
  assert.equal((await verifyAudit(sql)).intact, true);
}

/** The live events: numbers grow, states follow the machine and end once, the log has no hole and no double. */
async function proveEvents(bed: FaultBed, job_id: string, state: HostState): Promise<void> {
  const events = await eventsOf(bed, job_id);
  const states = events.filter((event) => event.kind === "host_state").map((event) => event.data.state as HostState);
  const changes = states.filter((one, index) => one !== states[index - 1]);
  let before: HostState = "queued";
  for (const next of changes) {
    if (next !== before) assert.ok(mayMove(before, next), `an event says ${before} → ${next}`);
    before = next;
  }
  assert.equal(before, state);
  assert.equal(states.filter(isFinal).length, 1, "final states told");
  const ends = events.filter((event) => event.kind === "job_state" && isFinal(event.data.state as HostState));
  assert.equal(ends.length, 1, "ends of the job told");
  const pieces = await bed.database.sql`select position from job_logs where job_id = ${job_id} order by position`;
  assert.deepEqual(pieces.map((row) => row.position), pieces.map((_, index) => index + pieces[0].position));
  const log = await bed.log(job_id);
  const said = log.split("\n").filter((line) => /^(Unpacking|Setting up) |^heron-database: /.test(line));
  assert.equal(new Set(said).size, said.length, `the log says something twice:\n${log}`);
}

/** The stored events of a job's topic. */
export function eventsOf(bed: FaultBed, job_id: string) {
  return bed.database.sql<{ seq: number; kind: string; data: Record<string, unknown> }[]>`
    select seq, kind, data from live_events where topic = ${`job:${job_id}`} order by seq`;
}

/** The host's own word and the manager's about what is installed are the same, after a fresh report. */
export async function proveSameVersions(bed: FaultBed): Promise<void> {
  await bed.reported();
  const { items } = ok(await bed.client.get(`/api/v1/hosts/${bed.host_id}/packages?limit=1000`));
  const known = Object.fromEntries(items.map((item: { name: string; version: string }) => [item.name, item.version]));
  assert.deepEqual(known, await bed.sandbox.versions());
}

/** Waits until the job's log shows a line, so that a fault comes after it was written. */
export async function untilLogged(bed: FaultBed, job_id: string, line: RegExp): Promise<void> {
  await waitFor(`${line} in the log`, async () => line.test(await bed.log(job_id)), { deadline_ms: 20_000 });
}
