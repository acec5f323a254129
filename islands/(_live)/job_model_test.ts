import assert from "node:assert/strict";
import { applyEvent, isFinalState, type JobModel, overallProgress, startModel } from "./job_model.ts";
import type { LiveFrame } from "./live.ts";

type Row = JobModel["hosts"][number];

const row = (host_id: string, changes: Partial<Row> = {}) =>
  ({ host_id, job_id: "j", name: host_id, state: "running", progress: 10, message: "", attempt: 1, ...changes }) as Row;

function model(hosts: Row[], changes: Partial<JobModel["job"]> = {}): JobModel {
  const job = { id: "j", state: "running", counts: { running: hosts.length }, hosts: hosts.length, ...changes };
  const shown = { ...hosts[0], packages: [] };
  return startModel(job as never, hosts, shown as never, { text: "first\n", next: 2, more: false, ended: false });
}

const event = (kind: string, host_id: string | null, data: unknown): LiveFrame => ({
  seq: 1,
  topic: "job:j",
  kind,
  job_id: "j",
  host_id,
  data,
});
const said = (position: number, text: string | null, host_id = "a") =>
  event("progress", host_id, { progress: 20, phase: "install", message: "m", log: { position, text } });

Deno.test("events that say nothing for this page leave it as it is", () => {
  const before = model([row("a"), row("b")]);
  const frozen = structuredClone(before);
  for (
    const [what, frame] of [
      ["an unknown kind, from a newer manager", event("weather", "a", { progress: 99 })],
      ["a step without its host", event("host_state", null, { state: "failed" })],
      ["progress without its host", event("progress", null, { progress: 99, phase: null, message: "", log: null })],
      ["a host that is not shown", event("progress", "z", { progress: 99, phase: null, message: "", log: null })],
      [
        "counts of more hosts than this viewer sees",
        event("job_state", null, { state: "failed", counts: { failed: 9 } }),
      ],
    ] as const
  ) {
    assert.deepEqual(applyEvent(before, frame), before, what);
  }
  assert.deepEqual(before, frozen, "the model itself is never changed");
});

Deno.test("pieces of the log: in order once, repeated ones ignored, gaps and large ones read later", () => {
  let now = model([row("a"), row("b")]);
  now = applyEvent(now, said(2, "sec"));
  now = applyEvent(now, said(3, "ond\n"));
  assert.equal(now.log!.text, "first\nsecond\n");
  assert.equal(now.log!.next, 4);
  assert.equal(applyEvent(now, said(3, "ond\n")).log!.text, "first\nsecond\n", "sent again after a new socket");
  assert.equal(applyEvent(now, said(4, "other\n", "b")).log!.text, "first\nsecond\n", "another host's");
  const gap = applyEvent(now, said(6, "later\n"));
  assert.equal(gap.log_behind, true);
  assert.equal(gap.log!.text, "first\nsecond\n", "nothing is shown out of order");
  assert.equal(applyEvent(now, said(4, null)).log_behind, true, "too large for the event");
  assert.equal(
    applyEvent(now, event("progress", "a", { progress: 5, phase: null, message: "", log: null })).log_behind,
    false,
  );
});

Deno.test("a log that was longer than one read is behind from the start", () => {
  const job = { id: "j", state: "running", counts: {}, hosts: 1 };
  assert.equal(startModel(job as never, [], null, { text: "", next: 9, more: true, ended: false }).log_behind, true);
  assert.equal(startModel(job as never, [], null, null).log_behind, false);
});

Deno.test("a step changes its row, the open host, and the counts of who sees all hosts", () => {
  const before = model([row("a"), row("b")]);
  const after = applyEvent(before, event("host_state", "a", { state: "verifying", message: "Reading.", error: null }));
  assert.equal(after.hosts[0].state, "verifying");
  assert.equal(after.hosts[0].message, "Reading.");
  assert.equal(after.shown!.state, "verifying");
  assert.deepEqual(after.job.counts, { verifying: 1, running: 1 });
  assert.equal(after.outdated, false);
  const part = applyEvent(
    model([row("a")], { hosts: 2, counts: { running: 2 } }),
    event("host_state", "a", { state: "failed" }),
  );
  assert.deepEqual(part.job.counts, { running: 2 }, "rows that are not loaded cannot be counted");
});

Deno.test("a step never changes what only the page's own read knows", () => {
  const after = applyEvent(
    model([row("a", { name: "web-01", patches: 3 })]),
    event("host_state", "a", { state: "running", name: "other", patches: 0, host_id: "b", packages: [1] }),
  );
  assert.equal(after.hosts[0].name, "web-01");
  assert.equal(after.hosts[0].patches, 3);
  assert.deepEqual(after.shown!.packages, []);
});

Deno.test("every final state makes the page read its results", () => {
  for (const state of ["succeeded", "failed", "cancelled", "missed", "rolled_back", "unknown"]) {
    assert.equal(isFinalState(state), true);
    assert.equal(applyEvent(model([row("a")]), event("host_state", "a", { state })).outdated, true, state);
  }
  for (const state of ["queued", "waiting", "dispatching", "running", "verifying", "rebooting"]) {
    assert.equal(isFinalState(state), false);
    assert.equal(applyEvent(model([row("a")]), event("host_state", "a", { state })).outdated, false, state);
  }
});

Deno.test("the job's own state counts when it is about the same hosts", () => {
  const after = applyEvent(
    model([row("a"), row("b")]),
    event("job_state", null, { state: "failed", counts: { succeeded: 1, failed: 1 } }),
  );
  assert.equal(after.job.state, "failed");
  assert.deepEqual(after.job.counts, { succeeded: 1, failed: 1 });
});

Deno.test("overall progress counts what has ended as whole, and is never rounded up to done", () => {
  const cases: [Partial<Row>[], number][] = [
    [[], 0],
    [[{ progress: 0 }], 0],
    [[{ progress: 99 }, { progress: 100 }], 99],
    [[{ state: "failed", progress: 3 }, { progress: 50 }], 75],
    [[{ state: "cancelled", progress: 0 }, { state: "succeeded", progress: 100 }], 100],
  ];
  for (const [rows, percent] of cases) {
    assert.equal(overallProgress(rows.map((one, index) => row(String(index), one))), percent);
  }
});
