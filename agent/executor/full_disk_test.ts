import assert from "node:assert/strict";
import { waitFor } from "../../testing/wait_for.ts";
import { type Bed, isThere, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { type HostJobEvent, OperationError } from "../host_operations.ts";
import { endOf, openExecutor, order, runToEnd } from "./executor_fixture_test.ts";

/**
 * A record that cannot be written, as on a full disk: the file beside it, which every write goes through, is in the
 * way. A device that is really full would need root.
 */
const blocked = (bed: Bed, job_id: string) => `${bed.folder}/state/jobs/${job_id}/job.json.new`;

sandboxTest(
  "a disk that fills up while packages change: the job goes on, is told, and is written later",
  async (bed) => {
    await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
    const executor = openExecutor(bed);
    const events: HostJobEvent[] = [];
    executor.watch((event) => events.push(event));
    const { job_id } = await executor.start(order("full", { packages: ["heron-database", "curlew"] }));
    await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
    await Deno.mkdir(blocked(bed, job_id));
    await Deno.writeTextFile(`${bed.root}/gate`, "");
    const job = await endOf(executor, job_id);
    assert.equal(job.status, "completed", job.message);
    assert.equal(events.at(-1)?.status, "completed", "whoever watches is told all the same");
    const path = `${bed.folder}/state/jobs/${job_id}/job.json`;
    const stage = async () => JSON.parse(await Deno.readTextFile(path)).stage;
    assert.equal(await stage(), "started", "what is on disk is the last that could be written");
    await Deno.remove(blocked(bed, job_id));
    await waitFor("the record", async () => await stage() === "ended");
    await executor.close();
  },
);

sandboxTest("killed before the end could be written: judged anew, to the same result", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const first = openExecutor(bed);
  const { job_id } = await first.start(order("full", { packages: ["heron-database"] }));
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  await Deno.mkdir(blocked(bed, job_id));
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  assert.equal((await endOf(first, job_id)).status, "completed");
  await first.close();
  await Deno.remove(blocked(bed, job_id));
  const second = openExecutor(bed);
  const job = await endOf(second, job_id);
  assert.deepEqual([job.status, job.changes.length], ["completed", 1]);
  assert.equal(await bed.apt.transactionsOf("full"), 1);
  await second.close();
});

sandboxTest("nothing is started when the job cannot be written down before", async (bed) => {
  const executor = openExecutor(bed);
  const jobs = `${bed.folder}/state/jobs`;
  await Deno.rename(jobs, `${jobs}.away`);
  await Deno.writeTextFile(jobs, "");
  await assert.rejects(
    executor.start(order("none", { packages: ["curlew"] })),
    (error) => error instanceof OperationError && error.retryable && /was not started/.test(error.message),
  );
  await Deno.remove(jobs);
  await Deno.rename(`${jobs}.away`, jobs);
  assert.deepEqual(await executor.jobs(), []);
  assert.equal((await runToEnd(executor, order("none", { packages: ["curlew"] }))).status, "completed");
  await executor.close();
});

sandboxTest("nothing is started when the step before the start cannot be written", async (bed) => {
  const executor = openExecutor(bed);
  const removed = Promise.withResolvers<void>();
  executor.watch((event) => {
    // Told after the record was written and before the transaction's own record.
    if (event.message === "Planning") Deno.mkdirSync(blocked(bed, event.job_id));
    if (event.phase === "done") removed.resolve();
  });
  const { job_id } = await executor.start(order("step", { packages: ["curlew"] }));
  await removed.promise;
  const job = (await executor.job(job_id))!;
  assert.equal(job.status, "failed");
  assert.equal(await bed.apt.transactionsOf("step"), 0);
  assert.equal(await bed.version("curlew"), "7.88.1-10");
  await Deno.remove(blocked(bed, job_id));
  const stage = async () => JSON.parse(await Deno.readTextFile(`${bed.folder}/state/jobs/${job_id}/job.json`)).stage;
  await waitFor("the record", async () => await stage() === "ended");
  await executor.close();
});
