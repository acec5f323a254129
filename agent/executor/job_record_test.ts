import assert from "node:assert/strict";
import { systemClock } from "../../core/clock.ts";
import { order, rebootOrder, repairOrder, rollbackOrder } from "./executor_fixture_test.ts";
import { newJobRecord, parseJobRecord } from "./job_record.ts";

/** A record as version 0.1.0 wrote it: one kind of order, and nothing of restarts or saved packages. */
function oldRecord(): Record<string, unknown> {
  const id = crypto.randomUUID();
  return {
    job: {
      ...{ job_id: id, run_id: "run-1", operation: "apply", status: "running", phase: "install" },
      ...{ progress_percent: 40, message: "Unpacking curlew", error: null, error_code: null, exit_code: null },
      ...{ created_at: "2026-10-01T00:00:00Z", started_at: "2026-10-01T00:00:01Z", completed_at: null },
      ...{ packages: ["curlew"], dry_run: false, changes: [], conffiles_kept: [], failed_packages: [] },
      ...{ rollback: { possible: false, reason: null, missing_versions: [] }, seq: 7 },
    },
    order: {
      ...{ run_id: "run-1", packages: ["curlew"], versions: {}, security_only: false, dry_run: false },
      ...{ reboot: "needed", reboot_delay_seconds: 0, deadline_ms: null, state_id: null },
    },
    ...{ stage: "started", created_ms: 1, pid: 4711, plan: null, output_offset: 12, removed: false },
  };
}

Deno.test("a record of the first version is read, with what it did not know left empty", () => {
  const record = parseJobRecord(oldRecord());
  assert.equal(record.order.operation, "apply");
  assert.deepEqual(record.order.operation === "apply" && record.order.new_packages, null);
  assert.deepEqual([record.stage, record.pid, record.output_offset], ["started", 4711, 12]);
  assert.deepEqual([record.step, record.command_line, record.saved, record.retried, record.reboot_due_ms], [
    ...["transaction", null, null, false, null],
  ]);
  const { restart, boot_id_before, boot_id_after, original_job_id, seq } = record.job;
  assert.deepEqual([restart, boot_id_before, boot_id_after, original_job_id, seq], [null, null, null, null, 7]);
});

const orders = [
  order("a"),
  order("b", { dry_run: true }),
  repairOrder("c"),
  rollbackOrder("d", crypto.randomUUID()),
  rebootOrder("e"),
];
for (const wanted of orders) {
  Deno.test(`a new record of ${wanted.operation} ${wanted.run_id} survives being written`, () => {
    const record = newJobRecord(wanted, systemClock);
    assert.deepEqual(parseJobRecord(JSON.parse(JSON.stringify(record))), record);
    assert.equal(record.job.operation, wanted.run_id === "b" ? "dry_run" : wanted.operation);
    assert.equal(record.job.rollback.possible, false);
    assert.ok(record.job.rollback.reason);
    assert.equal(record.job.original_job_id, wanted.operation === "rollback" ? wanted.job_id : null);
  });
}

const damages: [what: string, change: (record: Record<string, unknown>) => unknown][] = [
  ["no record", () => null],
  ["a list", () => []],
  ["no job", (record) => ({ ...record, job: undefined })],
  ["an order of another kind", (record) => ({ ...record, order: { operation: "exec", run_id: "a" } })],
  ["a stage from elsewhere", (record) => ({ ...record, stage: "elsewhere" })],
  ["a plan that is text", (record) => ({ ...record, plan: "x" })],
  [
    "an order with a path for a run",
    (record) => ({ ...record, order: { ...(record.order as object), run_id: "../x" } }),
  ],
];
for (const [what, change] of damages) {
  Deno.test(`not read as a record: ${what}`, () => assert.throws(() => parseJobRecord(change(oldRecord()))));
}
