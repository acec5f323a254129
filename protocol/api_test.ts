import assert from "node:assert/strict";
import { Job, JobEvent } from "./api.ts";

Deno.test("numbers of events are what the database can hold", () => {
  for (const [seq, taken] of [[0, true], [2 ** 31 - 1, true], [2 ** 31, false], [-1, false], [1.5, false]] as const) {
    assert.equal(Job.safeParse({ job_id: "j", status: "running", seq }).success, taken, `job, ${seq}`);
    assert.equal(JobEvent.safeParse({ event: "job_status", seq }).success, taken, `event, ${seq}`);
  }
});
