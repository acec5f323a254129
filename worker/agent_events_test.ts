import assert from "node:assert/strict";
import { WebSocketServer } from "ws";
import type { Job, JobEvent } from "../protocol/api.ts";
import { systemClock } from "../core/clock.ts";
import { claimDueRuns } from "../core/jobs/claim_runs.ts";
import { createJob } from "../core/jobs/create_job.ts";
import { LostRun } from "../core/jobs/move_run.ts";
import type { Run } from "../core/jobs/types.ts";
import { silentLog } from "../core/log.ts";
import { agentServer, client_options } from "../testing/agent_listener.ts";
import { testDatabase } from "../testing/database.ts";
import { addHost, addUser, callerContext, offer } from "../testing/job_scenario.ts";
import { waitFor } from "../testing/wait_for.ts";
import { createAgentClient } from "./agent_client.ts";
import { MAX_PENDING_BYTES, openFeed, ProgressWriter } from "./agent_events.ts";

const JOB = "job-1";

async function openRow(change: Partial<Run> = {}) {
  const database = await testDatabase();
  const { sql, web, fleet } = database;
  const admin = await addUser(sql, "admin");
  const host_id = await addHost(sql);
  await offer(sql, host_id, { name: "bash", to: "2" });
  await createJob(web, admin, { kind: "apply", host_ids: [host_id] }, null, callerContext(admin));
  const [claimed] = await claimDueRuns(fleet, 1);
  const run: Run = { ...claimed, agent_job_id: JOB, ...change };
  return {
    database,
    run,
    writer: new ProgressWriter(fleet, run),
    log: async () => (await sql`select text from job_logs order by position`).map((row) => row.text),
    row: async () => (await sql`select progress, phase, message, agent_seq, log_bytes from patch_job_hosts`)[0],
    events: async () => (await sql`select count(*)::int as n from live_events where kind = 'progress'`)[0].n,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

function pushed(seq: number | undefined, output = "", change: Partial<JobEvent> = {}): JobEvent {
  return { event: "job_status", job_id: JOB, status: "running", seq, output, progress_percent: seq ?? 0, ...change };
}

function known(seq: number, output: string, change: Partial<Job> = {}): Job {
  return { job_id: JOB, status: "running", seq, output, progress_percent: seq, ...change };
}

Deno.test("many events become one write, in order", async () => {
  await using open = await openRow();
  for (let seq = 1; seq <= 50; seq++) {
    assert.equal(open.writer.add(pushed(seq, `${seq}\n`, { phase: "install" })), true);
  }
  await open.writer.flush();
  assert.equal(await open.events(), 1);
  assert.deepEqual(await open.log(), [Array.from({ length: 50 }, (_, i) => `${i + 1}\n`).join("")]);
  assert.equal((await open.row()).agent_seq, 50);
  await open.writer.flush();
  assert.equal(await open.events(), 1, "nothing new, nothing written");
});

Deno.test("a repeated event is dropped, a gap asks for a snapshot, which fills it without doubles", async () => {
  await using open = await openRow();
  const { writer } = open;
  writer.clearNeeds();
  writer.add(pushed(1, "a"));
  assert.equal(writer.add(pushed(1, "a")), false);
  assert.equal(writer.needs.snapshot, false);
  writer.add(pushed(4, "d"));
  assert.equal(writer.needs.snapshot, true);
  await writer.flush();
  writer.clearNeeds();
  await writer.snapshot(known(4, "abcd"));
  assert.equal((await open.log()).join(""), "abcd");
  assert.equal(writer.needs.snapshot, false);
  writer.add(pushed(5, "e"));
  await writer.flush();
  assert.equal((await open.log()).join(""), "abcde");
});

Deno.test("what is pushed while the host is being asked is kept exactly when the answer lacks it", async () => {
  await using open = await openRow();
  const { writer } = open;
  writer.add(pushed(1, "a"));
  await writer.flush();
  writer.clearNeeds();
  for (const [seq, output] of [[2, "b"], [3, "c"]] as const) writer.add(pushed(seq, output));
  await writer.snapshot(known(2, "ab"));
  await writer.flush();
  assert.equal((await open.log()).join(""), "abc");
});

Deno.test("an end that is pushed while the host is being asked is not forgotten", async () => {
  await using open = await openRow();
  const { writer } = open;
  writer.clearNeeds();
  writer.add(pushed(1, "", { status: "completed" }));
  await writer.snapshot(known(0, ""));
  assert.equal(writer.needs.ended, true);
});

Deno.test("an agent that was restarted counts from an earlier number on, and is heard again", async () => {
  await using open = await openRow();
  const { writer } = open;
  for (let seq = 1; seq <= 9; seq++) writer.add(pushed(seq, "x"));
  await writer.flush();
  await writer.snapshot(known(4, "xxxxxxxxx"));
  writer.clearNeeds();
  assert.equal(writer.add(pushed(5, "y")), true);
  await writer.flush();
  assert.equal((await open.log()).join(""), "xxxxxxxxxy");
});

Deno.test("after a crash the log goes on where it was, also in the second attempt, also with long characters", async () => {
  await using open = await openRow({ log_start: 3, log_bytes: 7, agent_seq: 5 });
  await open.database.sql`update patch_job_hosts set log_start = 3, log_bytes = 7, agent_seq = 5`;
  // Four bytes of this attempt were written: "ää".
  await open.writer.snapshot(known(8, "ää→€!"));
  assert.deepEqual(await open.log(), ["→€!"]);
  assert.equal(open.writer.log_bytes, 3 + new TextEncoder().encode("ää→€!").length);
});

Deno.test("events of other jobs and of unknown kinds change nothing; events without a number ask for a snapshot", async () => {
  await using open = await openRow();
  const { writer } = open;
  writer.clearNeeds();
  assert.equal(writer.add(pushed(1, "x", { job_id: "job-2" })), false);
  assert.equal(writer.add({ event: "connected" }), false);
  assert.equal(writer.add({ event: "error", error: "x" }), false);
  assert.deepEqual(writer.needs, { snapshot: false, ended: false });
  assert.equal(writer.add(pushed(undefined, "from a public agent")), true);
  assert.equal(writer.needs.snapshot, true);
  await writer.flush();
  assert.deepEqual(await open.log(), []);
});

Deno.test("a public agent's list of lines is a log too", async () => {
  await using open = await openRow();
  await open.writer.snapshot({ job_id: JOB, status: "running", logs: ["one", "two"], progress: 30 });
  await open.writer.snapshot({ job_id: JOB, status: "running", logs: ["one", "two", "three"], progress: 60 });
  assert.deepEqual(await open.log(), ["one\ntwo", "\nthree"]);
  assert.equal((await open.row()).progress, 60);
});

Deno.test("what waits to be written is bounded in bytes; what is dropped comes with a snapshot, once", async () => {
  await using open = await openRow();
  const { writer } = open;
  writer.clearNeeds();
  const piece = "x".repeat(2 ** 16);
  let taken = 0;
  for (let seq = 1; seq <= 2_000; seq++) {
    writer.add(pushed(seq, piece));
    assert.ok(writer.waiting_bytes <= MAX_PENDING_BYTES);
    if (!writer.needs.snapshot) taken = seq;
  }
  assert.ok(taken >= 16 && taken < 40, `${taken} pieces of 64 KiB were kept`);
  await writer.flush();
  assert.equal(writer.waiting_bytes, 0);
  assert.equal((await open.row()).agent_seq, taken);
  writer.add(pushed(2_001, "late"));
  assert.equal(writer.waiting_bytes, 0, "behind the gap nothing is kept before the host was asked");
  // The host itself keeps 1 MiB.
  await writer.snapshot(known(2_001, piece.repeat(16)));
  writer.clearNeeds();
  writer.add(pushed(2_002, "end"));
  await writer.flush();
  assert.equal((await open.row()).agent_seq, 2_002);
  assert.equal(writer.needs.snapshot, false);
});

Deno.test("events without any text are not free either", async () => {
  await using open = await openRow();
  open.writer.clearNeeds();
  let seq = 0;
  while (!open.writer.needs.snapshot && seq < 100_000) open.writer.add(pushed(++seq));
  assert.ok(seq < 10_000, `${seq} empty events were kept`);
});

Deno.test("whoever lost the row writes nothing more", async () => {
  await using open = await openRow();
  await open.database.sql`update patch_job_hosts set fence = fence + 1`;
  open.writer.add(pushed(1, "late"));
  await assert.rejects(open.writer.flush(), LostRun);
  assert.deepEqual(await open.log(), []);
});

Deno.test("a socket that ends or misbehaves is opened again, and only the pushes stop meanwhile", async () => {
  await using open = await openRow();
  const sockets = new WebSocketServer({ noServer: true });
  await using agent = await agentServer((_request, response) => response.end());
  let opened = 0;
  agent.server.on("upgrade", (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (peer) => {
      opened++;
      // The first one is hostile, the second one good.
      peer.send(opened === 1 ? "{]" : JSON.stringify(pushed(1, "a")));
    });
  });
  const agents = createAgentClient({ ...client_options, clock: systemClock });
  const run = { ...open.run, address: "127.0.0.1", port: agent.port, tls_name: "127.0.0.1" };
  const heard: JobEvent[] = [];
  const changes: boolean[] = [];
  const feed = openFeed(
    { agents, log: silentLog, signal: new AbortController().signal },
    run,
    (event) => void heard.push(event),
    () => void changes.push(feed.live),
  );
  await waitFor("the second socket's event", () => heard.length === 1);
  assert.deepEqual(changes, [true, false, true]);
  feed.close();
  await waitFor("the end", () => !feed.live);
  agents.close();
  sockets.close();
});

Deno.test("a host without an event socket is not asked for one again", async () => {
  await using open = await openRow();
  let upgrades = 0;
  await using agent = await agentServer((_request, response) => response.end());
  agent.server.on("upgrade", (_request, socket) => {
    upgrades++;
    socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  const agents = createAgentClient({ ...client_options });
  const run = { ...open.run, address: "127.0.0.1", port: agent.port, tls_name: "127.0.0.1" };
  const feed = openFeed({ agents, log: silentLog, signal: new AbortController().signal }, run, () => {}, () => {});
  await waitFor("the refusal", () => upgrades === 1);
  assert.equal(feed.live, false);
  feed.close();
  agents.close();
});
