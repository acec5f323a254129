import assert from "node:assert/strict";
import { EVERYTHING, type FaultBed, ok } from "../../testing/fault_bed/bed.ts";
import { faultRuns } from "../../testing/fault_bed/fault_runs.ts";
import { eventsOf, proveEnd, proveSameVersions, untilLogged } from "../../testing/fault_bed/proof.ts";
import { waitFor } from "../../testing/wait_for.ts";

const ORDER = ["heron-database", "curlew", "lumen-utils"];
const done = { state: "succeeded", message: /^3 of 3 packages are at the ordered version/, upgraded: ORDER } as const;

/** Orders the updates, and returns when dpkg stands still in the slow script and the manager has told so. */
async function inTheMiddle(bed: FaultBed): Promise<string> {
  await bed.fresh();
  const job_id = await bed.order(...ORDER);
  await bed.sandbox.atGate();
  await untilLogged(bed, job_id, /converting catalogue, part 1/);
  return job_id;
}

faultRuns("a host that is killed in the middle of an apply", [
  ["kill -9 of the agent: what happened meanwhile is told by the next one", async (bed) => {
    const job_id = await inTheMiddle(bed);
    await bed.processes.kill("agent");
    await bed.sandbox.openGate();
    await bed.sandbox.idle();
    await bed.processes.start("agent");
    await proveEnd(bed, job_id, done);
    assert.match(await bed.log(job_id), /Setting up heron-database.*part 0\n.*part 1\n/s);
  }],

  ["kill -9 of the executor while dpkg works: the next one follows it to its end", async (bed) => {
    const job_id = await inTheMiddle(bed);
    await bed.processes.kill("executor");
    assert.ok((await bed.sandbox.programs()).size > 0, "dpkg died with the executor");
    await bed.processes.start("executor");
    await waitFor("the job to be taken up", () => bed.processes.said("executor", "job.reattached"));
    await bed.sandbox.openGate();
    const host = await proveEnd(bed, job_id, done);
    assert.deepEqual([host.attempt, host.error], [1, null]);
    await proveSameVersions(bed);
  }],

  ["kill -9 of agent, executor and fleet role together, started again in the wrong order", async (bed) => {
    const job_id = await inTheMiddle(bed);
    await bed.processes.kill("executor", "fleet", "agent");
    await bed.processes.start("fleet");
    await bed.passTime(job_id, "lease");
    await bed.processes.start("agent");
    await bed.sandbox.openGate();
    await bed.sandbox.idle();
    await bed.processes.start("executor");
    await proveEnd(bed, job_id, done);
  }],

  ["kill -9 of the executor with the order accepted and nothing started: it begins again", async (bed) => {
    await bed.fresh({ SLOW_STEPS: 0 });
    await bed.sandbox.holdRefresh();
    const job_id = await bed.order("curlew", "lumen-utils");
    await bed.sandbox.atRefresh();
    await bed.untilState(job_id, "running");
    await bed.processes.kill("executor");
    assert.deepEqual(await bed.sandbox.transactions(), {});
    await bed.processes.start("executor");
    // The old refresh still holds the lists' lock; the new one has to wait for it.
    await bed.sandbox.releaseRefresh();
    const message = /^2 of 2 packages are at the ordered version/;
    await proveEnd(bed, job_id, { state: "succeeded", message, upgraded: ["curlew", "lumen-utils"] });
  }],

  ["kill -9 of the executor after apt had ended and before it was written down: judged by reading", async (bed) => {
    const job_id = await inTheMiddle(bed);
    bed.processes.halt("executor");
    await bed.sandbox.openGate();
    await bed.sandbox.idle();
    await bed.processes.kill("executor");
    await bed.processes.start("executor");
    await proveEnd(bed, job_id, done);
  }],

  ["the host loses its memory in the middle: unknown, with words, and never repeated", async (bed) => {
    const job_id = await inTheMiddle(bed);
    await bed.processes.kill("executor", "agent");
    await Deno.remove(bed.places.executor, { recursive: true });
    await bed.sandbox.openGate();
    await bed.sandbox.idle();
    await Deno.mkdir(bed.places.executor, { mode: 0o700 });
    await bed.processes.start("executor", "agent");
    const message = /lost its memory of this run: read it, do not repeat/;
    await proveEnd(bed, job_id, { state: "unknown", message, upgraded: ORDER });
    const again = await bed.client.post(`/api/v1/jobs/${job_id}/retry`);
    assert.deepEqual([again.status, again.json.error.code], [422, "nothing_to_do"]);
    await proveSameVersions(bed);
  }],

  ["kill -9 of apt and dpkg themselves: failed, with what is half done and what to do", async (bed) => {
    const job_id = await inTheMiddle(bed);
    await bed.sandbox.killPackageManager();
    const repair = "dpkg was interrupted in the middle of a change. Start a repair from the manager, or run " +
      "`dpkg --configure -a` on the host.";
    const host = await proveEnd(bed, job_id, { state: "failed", message: /^2 of 3 packages are at/, upgraded: ORDER });
    assert.equal(host.error, `The package manager was cut off in the middle of its work (SIGKILL). ${repair}`);
    assert.deepEqual([host.error_code, host.attempt], ["PKG_MANAGER_ERROR", 1]);
    assert.deepEqual(host.packages.map(({ name, outcome }) => `${name} ${outcome}`), [
      ...["heron-database failed", "curlew applied", "lumen-utils applied"],
    ]);
    assert.match(host.packages[0].reason!, /configuration failed half-way/);
    const shown = await bed.host();
    assert.deepEqual([shown.health, shown.health_reason, shown.package_state], ["degraded", repair, "interrupted"]);
    assert.deepEqual(shown.problems, [repair]);
  }],

  ["an agent that is dead when the order comes: asked again in a minute, under the same run id", async (bed) => {
    await bed.fresh({ SLOW_STEPS: 0 });
    await bed.processes.stop("agent");
    const job_id = await bed.order("curlew");
    const waiting = await bed.untilState(job_id, "waiting");
    assert.match(waiting.message, /^Not answering; asked again in 60 s\. Connection refused on port 12443/);
    assert.deepEqual([waiting.error_code, waiting.communication_failures], ["REFUSED", 1]);
    const run = async () =>
      (await bed.database.sql`
        select run_id, extract(epoch from next_at - app_now())::float8 as seconds
        from patch_job_hosts where job_id = ${job_id}`)[0];
    const { run_id, seconds } = await run();
    assert.ok(seconds > 40 && seconds <= 60, `${seconds} s`);
    await bed.processes.start("agent");
    await bed.passTime(job_id, "retry");
    const message = /^1 of 1 package is at the ordered version/;
    const host = await proveEnd(bed, job_id, { state: "succeeded", message, upgraded: ["curlew"] });
    assert.deepEqual([(await run()).run_id, host.communication_failures, host.error], [run_id, 0, null]);
  }],

  ["everything is killed again and again, whatever comes: one transaction, one true end", async (bed) => {
    let seed = 20_261_121;
    const random = () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
    await bed.fresh({ SLOW_STEPS: 8 });
    const job_id = await bed.order(...ORDER);
    for (let kill = 0; kill < 8 && (await bed.openRuns()).length > 0; kill++) {
      const before = (await eventsOf(bed, job_id)).length;
      const moved = async () => (await bed.openRuns()).length === 0 || (await eventsOf(bed, job_id)).length > before;
      await waitFor("the next step", moved, { every_ms: 5, deadline_ms: 60_000 });
      const name = EVERYTHING[Math.floor(random() * EVERYTHING.length)];
      await bed.processes.kill(name);
      if (name === "fleet") await bed.passTime(job_id, "lease");
      await bed.processes.start(name);
      await bed.passTime(job_id, "retry");
    }
    await waitFor("the end", async () => {
      await bed.passTime(job_id, "retry");
      return (await bed.openRuns()).length === 0;
    }, { every_ms: 500, deadline_ms: 60_000 });
    await proveEnd(bed, job_id, done);
    await proveSameVersions(bed);
  }],

  ["a host whose certificate was revoked: polls and jobs say so", async (bed) => {
    await bed.fresh({ SLOW_STEPS: 0 });
    // Nothing revokes the certificate of a host that stays, so far; removing the host is the next run.
    await bed.database.sql`update certificates set revoked_at = app_now() where host_id = ${bed.host_id}`;
    await bed.database.sql`
      select pg_notify('wake_fleet', json_build_object('kind', 'certificate', 'id', ${bed.host_id}::text)::text)`;
    const words = /certificate was revoked\. Enrol the host again/;
    await waitFor("the poll to say so", async () => {
      ok(await bed.client.post(`/api/v1/hosts/${bed.host_id}/refresh`, {}));
      return words.test((await bed.host()).health_reason ?? "");
    }, { every_ms: 200 });
    const job_id = await bed.order("curlew");
    const waiting = await bed.untilState(job_id, "waiting");
    assert.match(waiting.message, words);
    assert.equal(waiting.error_code, "REVOKED");
    ok(await bed.client.post(`/api/v1/jobs/${job_id}/cancel`, { reason: "the host is not trusted any more" }));
    assert.equal((await bed.end(job_id)).state, "cancelled");
    assert.deepEqual(await bed.sandbox.transactions(), {});
    await bed.database.sql`update certificates set revoked_at = null where host_id = ${bed.host_id}`;
    await bed.processes.stop("fleet");
  }],

  ["a host that is removed in the middle: the job ends as unknown, dpkg goes on to its end", async (bed) => {
    const job_id = await inTheMiddle(bed);
    const removed = ok(await bed.client.delete(`/api/v1/hosts/${bed.host_id}`));
    assert.deepEqual([removed.cancelled_jobs, removed.revoked_certificates], [1, 1]);
    const host = await bed.end(job_id);
    const words =
      "The host was removed while it was at work and may have been changed: look at it there, do not repeat.";
    assert.deepEqual([host.state, host.message, host.error_code], ["unknown", words, "REVOKED"]);
    await bed.sandbox.openGate();
    await proveEnd(bed, job_id, { state: "unknown", message: /do not repeat/, upgraded: ORDER });
    assert.equal((await bed.sandbox.versions())["heron-database"], "15.5-0");
  }],
]);
