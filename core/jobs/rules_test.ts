import assert from "node:assert/strict";
import {
  communicationRetrySeconds,
  defaultDeadlineMinutes,
  deriveJobState,
  isActive,
  isFinal,
  MAX_ATTEMPTS,
  mayMove,
  overtimeMinutes,
  transitions,
  triesAgain,
} from "./rules.ts";
import { activeStates, finalStates, type HostState, hostStates, openStates, type StateCounts } from "./types.ts";

/** One line per state: what it may become. Written out, so that a change of the machine is seen here. */
const MACHINE: Record<HostState, string> = {
  queued: "cancelled dispatching failed missed",
  waiting: "cancelled dispatching failed missed",
  dispatching: "cancelled failed missed running unknown waiting",
  running: "cancelled failed rebooting succeeded unknown verifying waiting",
  verifying: "cancelled failed rebooting succeeded unknown waiting",
  rebooting: "failed running succeeded unknown verifying",
  succeeded: "",
  failed: "",
  cancelled: "",
  missed: "",
  rolled_back: "",
  unknown: "",
};

for (const from of hostStates) {
  Deno.test(`${from} becomes ${MACHINE[from] || "nothing: it is final"}`, () => {
    const reached = hostStates.filter((to) => mayMove(from, to)).sort().join(" ");
    assert.equal(reached, MACHINE[from]);
  });
}

Deno.test("final states have no way out, all others have one to an end", () => {
  for (const state of finalStates) assert.deepEqual(transitions[state], [], state);
  for (const state of openStates) {
    const seen = new Set<HostState>([state]);
    for (const at of seen) transitions[at].forEach((to) => seen.add(to));
    assert.ok([...seen].some(isFinal), `${state} reaches no end`);
  }
});

Deno.test("no state becomes itself, and every state is either open or final", () => {
  for (const state of hostStates) {
    assert.equal(mayMove(state, state), false, state);
    assert.notEqual((openStates as readonly string[]).includes(state), isFinal(state), state);
    assert.equal(isActive(state), (activeStates as readonly string[]).includes(state), state);
  }
});

Deno.test("nothing that may have started goes back to be sent again", () => {
  for (const state of ["running", "verifying", "rebooting"] as const) {
    assert.equal(mayMove(state, "dispatching"), false);
    assert.equal(mayMove(state, "queued"), false);
    assert.equal(mayMove(state, "missed"), false, "it did begin");
  }
});

const JOBS: [StateCounts, string][] = [
  [{ queued: 3 }, "queued"],
  [{ queued: 1, waiting: 2 }, "queued"],
  [{ waiting: 2 }, "waiting"],
  [{ queued: 2, dispatching: 1 }, "running"],
  [{ running: 1 }, "running"],
  [{ verifying: 1, succeeded: 9 }, "running"],
  [{ rebooting: 1 }, "running"],
  [{ queued: 1, succeeded: 1 }, "running"],
  [{ waiting: 1, failed: 1 }, "running"],
  [{ succeeded: 4 }, "succeeded"],
  [{ succeeded: 4, failed: 1 }, "failed"],
  [{ succeeded: 4, failed: 1, unknown: 1 }, "unknown"],
  [{ failed: 1, missed: 3 }, "failed"],
  [{ missed: 1, cancelled: 3, succeeded: 1 }, "missed"],
  [{ cancelled: 1, succeeded: 3 }, "cancelled"],
  [{ rolled_back: 1, succeeded: 3 }, "rolled_back"],
  [{ succeeded: 1, failed: 0, unknown: 0 }, "succeeded"],
];
for (const [counts, state] of JOBS) {
  Deno.test(`a job with ${JSON.stringify(counts)} is ${state}`, () => assert.equal(deriveJobState(counts), state));
}

Deno.test("a job without hosts is a defect", () => {
  assert.throws(() => deriveJobState({}), RangeError);
  assert.throws(() => deriveJobState({ queued: 0 }), RangeError);
});

Deno.test("a host that cannot be reached is tried again after 1, 5 and 30 minutes, then no more", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map(communicationRetrySeconds), [60, 300, 1_800, null, null]);
});

const minute = 60_000;
const RUN = { kind: "apply" as const, attempt: 1, deadline_ms: 100 * minute, cancel_requested: false };
const AGAIN: [string, Parameters<typeof triesAgain>, boolean][] = [
  ["a first failure with time left", [RUN, "PKG_MANAGER_ERROR", 0], true],
  ["a failure without code", [RUN, null, 0], true],
  ["a busy package manager", [RUN, "PKG_MANAGER_BUSY", 0], true],
  ["a second failure", [{ ...RUN, attempt: MAX_ATTEMPTS }, "PKG_MANAGER_ERROR", 0], false],
  ["a failure at the deadline", [RUN, "PKG_MANAGER_ERROR", 100 * minute], false],
  ["a failure so late that the pause passes the deadline", [RUN, null, 100 * minute - 5_000], false],
  ["a dry run", [{ ...RUN, kind: "dry_run" }, "PKG_MANAGER_ERROR", 0], false],
  ["a run that somebody cancels", [{ ...RUN, cancel_requested: true }, null, 0], false],
  ["what was cancelled on the host", [RUN, "CANCELLED", 0], false],
  ["a version that is not on offer", [RUN, "PKG_NOT_FOUND", 0], false],
  ["an agent without rights", [RUN, "PERMISSION_DENIED", 0], false],
];
for (const [what, call, expected] of AGAIN) {
  Deno.test(`${what} is ${expected ? "tried once more" : "not tried again"}`, () => {
    assert.equal(triesAgain(...call), expected);
  });
}

Deno.test("every job has a deadline, and every run an end", () => {
  assert.equal(defaultDeadlineMinutes("apply"), 120);
  assert.equal(defaultDeadlineMinutes("dry_run"), 15);
  assert.equal(overtimeMinutes("apply"), 60);
  assert.equal(overtimeMinutes("dry_run"), 5);
});
