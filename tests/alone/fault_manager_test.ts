import assert from "node:assert/strict";
import { connectAsSuperuser } from "../../testing/database_server.ts";
import { FaultBed } from "../../testing/fault_bed/bed.ts";
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

faultRuns("a manager that is killed in the middle of an apply", [
  ["kill -9 of the fleet role: the next one takes the work up within a minute", async (bed) => {
    const job_id = await inTheMiddle(bed);
    const killed = performance.now();
    await bed.processes.kill("fleet");
    await bed.processes.start("fleet");
    await bed.sandbox.openGate();
    // The lease of the dead is really waited for, here alone: decisions say 30 s, re-attached within 60 s.
    const host = await proveEnd(bed, job_id, done);
    const seconds = (performance.now() - killed) / 1_000;
    assert.ok(seconds > 15 && seconds < 60, `taken up after ${seconds} s`);
    assert.deepEqual(host.packages.map((one) => one.outcome), ["applied", "applied", "applied"]);
    assert.match(await bed.log(job_id), /Setting up heron-database.*part 0\n.*part 1\n/s);
    await proveSameVersions(bed);
  }],

  ["kill -9 of the web role: an open page goes on behind the last event it saw", async (bed) => {
    const job_id = await inTheMiddle(bed);
    await using page = bed.page(job_id);
    await page.connect();
    const seen = page.events.length;
    assert.ok(seen > 3, `${seen} events`);
    await bed.processes.kill("web");
    await page.untilCut();
    await bed.sandbox.openGate();
    // The whole end happens while nobody serves pages.
    await waitFor("the end in the database", async () => (await bed.openRuns()).length === 0, { deadline_ms: 30_000 });
    await bed.processes.start("web");
    await page.connect();
    await proveEnd(bed, job_id, done);
    const stored = await eventsOf(bed, job_id);
    assert.ok(stored.length > seen);
    assert.deepEqual(page.events.map((event) => event.seq), stored.map((event) => event.seq));
    assert.equal(page.reloads, 0);
    const text = page.events.map((event) => (event.data?.log as { text: string } | undefined)?.text ?? "").join("");
    assert.equal(text, await bed.log(job_id));
  }],

  ["the database throws everybody out, again and again: nothing is lost", async (bed) => {
    const job_id = await inTheMiddle(bed);
    await using page = bed.page(job_id);
    await page.connect();
    const superuser = await connectAsSuperuser(bed.database.socket);
    const thrownOut = async () => {
      const rows = await superuser`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = ${bed.database.name} and application_name like 'patch-manager%'`;
      return rows.length;
    };
    assert.ok(await thrownOut() >= 4, "connections of both roles");
    await bed.sandbox.openGate();
    let rounds = 0;
    await waitFor("the package manager to have ended, cut off all the while", async () => {
      await thrownOut();
      return ++rounds >= 10 && (await bed.sandbox.programs()).size === 0;
    }, { every_ms: 100, deadline_ms: 20_000 });
    await superuser.end({ timeout: 5 });
    // Whoever was thrown out in the middle of a step takes it up when its lease ends.
    await bed.passTime(job_id, "lease");
    await proveEnd(bed, job_id, done);
    await waitFor("the page to have heard of the end", async () => {
      if (!page.connected) await page.connect();
      return page.events.length >= (await eventsOf(bed, job_id)).length;
    });
    assert.deepEqual(page.events.map(({ seq }) => seq), (await eventsOf(bed, job_id)).map(({ seq }) => seq));
    for (const name of ["web", "fleet"] as const) assert.ok(bed.processes.isRunning(name), `${name} has ended`);
  }],

  ["two fleet roles at once, and one comes back from the dead: nothing is done twice", async (bed) => {
    const job_id = await inTheMiddle(bed);
    const later = await bed.order("gannet-mail");
    await bed.processes.start("second_fleet");
    const fence = async () =>
      (await bed.database.sql`select fence from patch_job_hosts where job_id = ${job_id}`)[0].fence as number;
    const first = await fence();
    // It stands still so long that its lease ends; then it goes on as if nothing had been.
    bed.processes.halt("fleet");
    await bed.passTime(job_id, "lease");
    await waitFor("the other one to take it up", async () => await fence() > first);
    bed.processes.resume("fleet");
    await bed.sandbox.openGate();
    const both = { state: "succeeded", upgraded: [...ORDER, "gannet-mail"], starts: 2 } as const;
    await bed.end(job_id);
    await proveEnd(bed, later, { ...both, message: /^1 of 1 package is at the ordered version/ });
    await proveEnd(bed, job_id, { ...both, message: done.message });
    await waitFor("the first one to notice", () => bed.processes.said("fleet", "run.lost"), { deadline_ms: 20_000 });
    await bed.processes.stop("second_fleet");
  }],
]);
