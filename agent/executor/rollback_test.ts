import assert from "node:assert/strict";
import { publish } from "../../demo/sandbox.ts";
import { writeIndexes } from "../../demo/sandbox_archive.ts";
import { systemClock } from "../../core/clock.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { type Bed, isThere, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { type HostJob, OperationError } from "../host_operations.ts";
import type { HostExecutor } from "./host_executor.ts";
import { endOf, openExecutor, order, repairOrder, rollbackOrder, runToEnd } from "./executor_fixture_test.ts";

const can_repack = await isThere("/usr/bin/dpkg-repack");

async function savedFiles(bed: Bed, job: HostJob): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(`${bed.folder}/state/jobs/${job.job_id}/saved`)) names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

const emptyCache = async (bed: Bed) => {
  const folder = `${bed.root}/var/cache/apt/archives`;
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".deb")) await Deno.remove(`${folder}/${entry.name}`);
  }
};

/** The repository forgets every version of a package but the newest, as Debian's does. */
const forgetOld = async (bed: Bed, name: string) => {
  const { repository } = bed;
  repository.entries = repository.entries.filter((entry) => !entry.filename.includes(`/lab/${name}_`));
  await writeIndexes(repository.folder, repository.entries, systemClock.now());
};

async function refusal(executor: HostExecutor, job_id: string): Promise<string> {
  let words = "";
  await assert.rejects(executor.start(rollbackOrder(crypto.randomUUID(), job_id)), (error) => {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.code, "ROLLBACK_NOT_ALLOWED");
    words = error.message;
    return true;
  });
  return words;
}

const wanted = ["pelican-proxy", "curlew", "gannet-mail"];

for (const from of ["cache", "repository"] as const) {
  sandboxTest(
    `a job is taken back with old packages from the ${from}: told before, saved, one transaction`,
    async (bed) => {
      if (from === "repository") await emptyCache(bed);
      assert.equal((await bed.run("/usr/bin/apt-mark", ["auto", "curlew"])).code, 0);
      const executor = openExecutor(bed);
      const dry = await runToEnd(executor, order("dry", { packages: wanted, dry_run: true }));
      assert.deepEqual(dry.rollback, { possible: true, reason: null, missing_versions: [] });
      assert.deepEqual(await savedFiles(bed, dry), []);
      const job = await runToEnd(executor, order("apply", { packages: wanted }));
      assert.deepEqual([job.status, job.rollback.possible], ["completed", true], job.rollback.reason ?? "");
      const native = (await bed.run("/usr/bin/dpkg", ["--print-architecture"])).stdout.trim();
      assert.deepEqual(
        await savedFiles(bed, job),
        ["curlew", "gannet-mail", "pelican-proxy"].map((name) => `${name}_${native}.deb`),
      );
      const look = await runToEnd(executor, rollbackOrder("look", job.job_id, true));
      assert.match(look.message, /^Would bring 3 back to the old version and remove libpelican-filters1 \(best effort/);
      assert.equal(await bed.version("curlew"), "7.88.1-11");
      const back = await runToEnd(executor, rollbackOrder("back", job.job_id));
      assert.deepEqual([back.status, back.operation, back.original_job_id, back.failed_packages], [
        ...["completed", "rollback", job.job_id, []],
      ], back.message);
      assert.match(back.message, /^4 packages taken back.*do not run backwards.*best effort/);
      assert.deepEqual(back.changes.map((change) => `${change.action} ${change.name}`).toSorted(), [
        ...["downgrade curlew", "downgrade gannet-mail", "downgrade pelican-proxy", "remove libpelican-filters1"],
      ]);
      assert.equal(await bed.version("gannet-mail"), "1:2.3.19~rc1+dfsg1-2");
      assert.equal(await bed.version("pelican-proxy"), "1.0-3");
      assert.equal(await bed.version("libpelican-filters1"), null);
      assert.equal(await bed.apt.transactionsOf("back"), 1);
      assert.equal((await bed.run("/usr/bin/apt-mark", ["showauto"])).stdout, "curlew\n");
      assert.equal(back.rollback.possible, false);
      // Told afterwards too, and the space is free again.
      const original = (await executor.job(job.job_id))!;
      assert.match(original.rollback.reason!, new RegExp(`taken back already, by job ${back.job_id}`));
      assert.deepEqual(await savedFiles(bed, job), []);
      assert.match(await refusal(executor, job.job_id), /taken back already/);
      assert.match(await refusal(executor, back.job_id), /A rollback cannot be taken back/);
      await executor.close();
    },
  );
}

sandboxTest(
  can_repack
    ? "a version that nobody has any more is packed again, when that works"
    : "a version that nobody has any more is named (dpkg-repack is missing here)",
  async (bed) => {
    await emptyCache(bed);
    await forgetOld(bed, "curlew");
    const executor = openExecutor(bed);
    const job = await runToEnd(executor, order("apply", { packages: ["curlew", "lumen-utils"] }));
    assert.equal(job.status, "completed", job.message);
    // dpkg-repack needs root; without it the version is missing, and both are the truth.
    if (can_repack && job.rollback.possible) {
      const back = await runToEnd(executor, rollbackOrder("back", job.job_id));
      assert.equal(back.status, "completed", back.message);
      assert.equal(await bed.version("curlew"), "7.88.1-10");
    } else {
      assert.deepEqual(job.rollback.missing_versions, ["curlew=7.88.1-10"]);
      assert.match(await refusal(executor, job.job_id), /curlew=7\.88\.1-10/);
      assert.deepEqual(await savedFiles(bed, job), []);
    }
    await executor.close();
  },
);

sandboxTest("a job that failed half-way is taken back as far as it got", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0 });
  const executor = openExecutor(bed);
  const job = await runToEnd(executor, order("half", { packages: ["osprey-agent", "lumen-utils"] }));
  assert.deepEqual([job.status, job.rollback.possible], ["failed", true]);
  const back = await runToEnd(executor, rollbackOrder("back", job.job_id));
  assert.equal(back.status, "completed", back.message);
  assert.equal(await bed.version("osprey-agent"), "4.2.0-1");
  assert.equal((await bed.apt.database()).state, "ok");
  await executor.close();
});

sandboxTest("a rollback is refused with words: by its job, and by what is installed now", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const executor = openExecutor(bed);
  await assert.rejects(executor.start(rollbackOrder("none", crypto.randomUUID())), { code: "JOB_NOT_FOUND" });
  const dry = await runToEnd(executor, order("dry", { packages: ["curlew"], dry_run: true }));
  assert.match(await refusal(executor, dry.job_id), /dry run: nothing was changed/);
  const nothing = await runToEnd(executor, order("nothing", { packages: ["magpie-server"] }));
  assert.match(await refusal(executor, nothing.job_id), /Nothing was changed/);
  const repair = await runToEnd(executor, repairOrder("repair"));
  assert.match(await refusal(executor, repair.job_id), /A repair cannot be taken back/);
  const kernel = await runToEnd(executor, order("kernel", { packages: ["linux-image-sandbox", "lumen-utils"] }));
  assert.equal(kernel.status, "completed");
  assert.match(await refusal(executor, kernel.job_id), /linux-image-sandbox: a kernel is not taken back.*boot menu/);
  assert.deepEqual(await savedFiles(bed, kernel), []);

  const slow = await executor.start(order("slow", { packages: ["heron-database"] }));
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  assert.match(await refusal(executor, slow.job_id), /has not ended yet/);
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  await endOf(executor, slow.job_id);

  const job = await runToEnd(executor, order("apply", { packages: wanted }));
  // Somebody needs now what the job had brought along.
  const needs = { name: "plover-icons", version: "6.0-1", suite: "lab-updates", description: "needs it" } as const;
  await publish(bed.repository, { ...needs, depends: "libpelican-filters1" });
  await bed.run("/usr/bin/apt-get", ["-q", "update"]);
  assert.equal((await bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "plover-icons"])).code, 0);
  assert.match(await refusal(executor, job.job_id), /plover-icons|libpelican-filters1/);
  assert.equal((await bed.run("/usr/bin/apt-get", ["-y", "-q", "remove", "plover-icons"])).code, 0);
  // On hold since.
  await bed.run("/usr/bin/apt-mark", ["hold", "curlew"]);
  assert.match(await refusal(executor, job.job_id), /curlew: It is on hold/);
  await bed.run("/usr/bin/apt-mark", ["unhold", "curlew"]);
  // Another package in the place of a saved one.
  const native = (await bed.run("/usr/bin/dpkg", ["--print-architecture"])).stdout.trim();
  const saved = `${bed.folder}/state/jobs/${job.job_id}/saved/curlew_${native}.deb`;
  const bytes = await Deno.readFile(saved);
  for (const other of [`${bed.repository.folder}/pool/lab-updates/curlew_7.88.1-11_all.deb`, null]) {
    await Deno.writeFile(saved, other === null ? new Uint8Array(100) : await Deno.readFile(other));
    assert.match(await refusal(executor, job.job_id), /curlew: The old version 7\.88\.1-10 is not saved any more/);
  }
  await Deno.writeFile(saved, bytes);
  // Updated by somebody else since.
  await publish(bed.repository, { name: "curlew", version: "9.0-1", suite: "lab-updates", description: "newer" });
  await bed.run("/usr/bin/apt-get", ["-q", "update"]);
  await bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "curlew"]);
  assert.match(await refusal(executor, job.job_id), /curlew: Installed is 9\.0-1, which is no longer what the job/);
  // What is no longer so between the order and its turn is refused by the job itself.
  assert.equal(await bed.version("pelican-proxy"), "1.1-1", "nothing of it was changed");
  await executor.close();
});

sandboxTest(
  "no room, or an error while saving: the update goes on, and says why it cannot be taken back",
  async (bed) => {
    const small = openExecutor(bed, systemClock, { saved_limit_bytes: 1000 });
    const job = await runToEnd(small, order("small", { packages: ["curlew"] }));
    assert.deepEqual([job.status, job.rollback.possible], ["completed", false]);
    assert.match(job.rollback.reason!, /^The old packages have 1 MiB; there is room for 1 MiB/);
    assert.match(await refusal(small, job.job_id), /there is room for/);
    await small.close();
    const manager = {
      ...bed.apt,
      rollback: { ...bed.apt.rollback, save: () => Promise.reject(new Error("the disk is gone")) },
    };
    const failing = openExecutor(bed, systemClock, { manager });
    const other = await runToEnd(failing, order("failing", { packages: ["lumen-utils"] }));
    assert.deepEqual([other.status, other.rollback.possible], ["completed", false]);
    assert.match(other.rollback.reason!, /could not be saved: the disk is gone/);
    assert.deepEqual(await savedFiles(bed, other), []);
    await failing.close();
  },
);

sandboxTest(
  "five jobs keep their old packages; older ones say why they no longer do; leftovers are removed",
  async (bed) => {
    await bed.settings({ SLOW_STEPS: 0 });
    let executor = openExecutor(bed);
    const names = ["curlew", "lumen-utils", "gannet-mail", "pelican-proxy", "heron-database", "corvid-httpd"];
    const jobs: HostJob[] = [];
    for (const name of names) jobs.push(await runToEnd(executor, order(`job-${name}`, { packages: [name] })));
    const kept = await Promise.all(jobs.map(async (job) => (await executor.job(job.job_id))!.rollback.possible));
    assert.deepEqual(kept, [false, true, true, true, true, true]);
    assert.match(await refusal(executor, jobs[0].job_id), /removed to make room/);
    assert.deepEqual(await savedFiles(bed, jobs[0]), []);
    await executor.remove(jobs[1].job_id);
    assert.deepEqual(await savedFiles(bed, jobs[1]), []);
    await executor.close();
    // What a crash in the middle of saving leaves behind.
    await Deno.mkdir(`${bed.folder}/state/jobs/${jobs[0].job_id}/saved`);
    await Deno.writeTextFile(`${bed.folder}/state/jobs/${jobs[0].job_id}/saved/half.deb`, "");
    executor = openExecutor(bed);
    assert.equal(await isThere(`${bed.folder}/state/jobs/${jobs[0].job_id}/saved`), false);
    assert.equal((await savedFiles(bed, jobs[5])).length, 1);
    await executor.close();
  },
);

sandboxTest("saved packages that are gone, or were cut off by a power cut, are promised no longer", async (bed) => {
  const first = openExecutor(bed);
  const jobs = [];
  for (const name of ["curlew", "lumen-utils", "gannet-mail"]) {
    jobs.push((await runToEnd(first, order(`gone-${name}`, { packages: [name] }))).job_id);
    assert.equal((await first.job(jobs.at(-1)!))!.rollback.possible, true);
  }
  await first.close();
  const folder = (job_id: string) => `${bed.folder}/state/jobs/${job_id}/saved`;
  await Deno.remove(folder(jobs[0]), { recursive: true });
  for await (const { name } of Deno.readDir(folder(jobs[1]))) await Deno.truncate(`${folder(jobs[1])}/${name}`);
  const second = openExecutor(bed);
  for (const job_id of jobs.slice(0, 2)) {
    const { rollback } = (await second.job(job_id))!;
    assert.deepEqual([rollback.possible, rollback.reason], [false, "Its old packages are not there any more."]);
    await assert.rejects(second.start(rollbackOrder(`back-${job_id}`, job_id)), { code: "ROLLBACK_NOT_ALLOWED" });
  }
  assert.equal((await runToEnd(second, rollbackOrder("back", jobs[2]))).status, "completed");
  await second.close();
});
