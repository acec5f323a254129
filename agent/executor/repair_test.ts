import assert from "node:assert/strict";
import { exclusionFile } from "../backends/apt/exclusions.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { type Bed, isThere, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { endOf, openExecutor, order, repairOrder, runToEnd } from "./executor_fixture_test.ts";

const dpkg = (bed: Bed, ...args: string[]) =>
  bed.run("/usr/bin/dpkg", [
    ...[`--root=${bed.root}`, "--force-not-root", "--force-script-chrootless", `--log=${bed.root}/var/log/dpkg.log`],
    ...args,
  ]);

const archive = (bed: Bed, suite: string, file: string) => `${bed.repository.folder}/pool/${suite}/${file}`;

/** Changes one package's paragraph of dpkg's database, as dpkg itself would have left it. */
async function editStatus(bed: Bed, name: string, state: string, more = ""): Promise<string> {
  const path = `${bed.root}/var/lib/dpkg/status`;
  const text = await Deno.readTextFile(path);
  const paragraph = text.split("\n\n").find((part) => part.startsWith(`Package: ${name}\n`))!;
  return paragraph.replace(/^Status: .*$/m, `Status: install ok ${state}${more}`);
}

async function putStatus(bed: Bed, name: string, paragraph: string): Promise<void> {
  const path = `${bed.root}/var/lib/dpkg/status`;
  const parts = (await Deno.readTextFile(path)).split("\n\n");
  await Deno.writeTextFile(
    path,
    parts.map((part) => part.startsWith(`Package: ${name}\n`) ? paragraph.trimEnd() : part).join("\n\n"),
  );
}

sandboxTest("nothing to repair is a completed job that says so, and starts nothing", async (bed) => {
  const executor = openExecutor(bed);
  for (const dry of [true, false]) {
    const job = await runToEnd(executor, repairOrder(`fine-${dry}`, dry));
    assert.deepEqual([job.status, job.operation, job.packages], ["completed", "repair", []]);
    assert.match(job.message, /^Nothing to do/);
    assert.equal(job.output, "");
  }
  await executor.close();
});

sandboxTest(
  "a script that fails: said with its words as long as it does, repaired when it no longer does",
  async (bed) => {
    const executor = openExecutor(bed);
    await bed.settings({ SLOW_STEPS: 0 });
    const broken = await runToEnd(executor, order("break", { packages: ["osprey-agent", "curlew"] }));
    assert.equal(broken.failed_packages[0].state, "half-configured");
    assert.match(broken.failed_packages[0].output!, /^osprey-agent: cannot migrate the queue: .* from version 3$/);
    assert.equal(broken.failed_packages.length, 1, "curlew is done");
    const dry = await runToEnd(executor, repairOrder("dry", true));
    assert.deepEqual([dry.status, dry.packages, dry.message], [
      "completed",
      ["osprey-agent"],
      "Would configure osprey-agent.",
    ]);
    const again = await runToEnd(executor, repairOrder("again"));
    assert.deepEqual([again.status, again.error_code, again.exit_code], ["failed", "PKG_MANAGER_ERROR", 1]);
    assert.match(again.message, /^Not everything could be repaired \(osprey-agent\)\. osprey-agent: .*exit status 1/);
    const [failed] = again.failed_packages;
    assert.deepEqual([failed.name, failed.state], ["osprey-agent", "half-configured"]);
    assert.match(failed.output!, /cannot migrate the queue/);
    await bed.settings({ OSPREY_REPAIRED: 1 });
    const done = await runToEnd(executor, repairOrder("done"));
    assert.deepEqual([done.status, done.failed_packages, done.packages], ["completed", [], ["osprey-agent"]]);
    assert.equal(await bed.version("osprey-agent"), "4.2.1-1");
    assert.equal((await runToEnd(executor, order("next", { packages: ["lumen-utils"] }))).status, "completed");
    await executor.close();
  },
);

const unfinished: [what: string, make: (bed: Bed) => Promise<unknown>, package_name: string, version: string][] = [
  [
    "unpacked and not configured",
    (bed) => dpkg(bed, "--unpack", archive(bed, "lab-updates", "curlew_7.88.1-11_all.deb")),
    "curlew",
    "7.88.1-11",
  ],
  [
    "a trigger pending",
    async (bed) =>
      await putStatus(bed, "curlew", await editStatus(bed, "curlew", "triggers-pending", "\nTriggers-Pending: x")),
    "curlew",
    "7.88.1-10",
  ],
  [
    "a journal that dpkg could not fold in",
    async (bed) =>
      await Deno.writeTextFile(
        `${bed.root}/var/lib/dpkg/updates/0001`,
        await editStatus(bed, "curlew", "unpacked") + "\n",
      ),
    "curlew",
    "7.88.1-10",
  ],
];
for (const [what, make, name, version] of unfinished) {
  sandboxTest(`repaired: ${what}`, async (bed) => {
    await make(bed);
    const executor = openExecutor(bed);
    assert.notEqual((await bed.apt.database()).state, "ok");
    const job = await runToEnd(executor, repairOrder("repair"));
    assert.deepEqual([job.status, job.failed_packages], ["completed", []], job.message);
    assert.equal((await bed.apt.database()).state, "ok");
    assert.equal(await bed.version(name), version);
    assert.equal((await runToEnd(executor, order("next", { packages: ["lumen-utils"] }))).status, "completed");
    await executor.close();
  });
}

sandboxTest("a missing dependency is installed again, and the job lists it", async (bed) => {
  const executor = openExecutor(bed);
  await runToEnd(executor, order("apply", { packages: ["pelican-proxy"] }));
  assert.equal((await dpkg(bed, "--force-depends", "--remove", "libpelican-filters1")).code, 0);
  const dry = await runToEnd(executor, repairOrder("dry", true));
  assert.equal(dry.message, "Would install libpelican-filters1.");
  assert.equal(await bed.version("libpelican-filters1"), null);
  const job = await runToEnd(executor, repairOrder("repair"));
  assert.equal(job.status, "completed", job.message);
  assert.deepEqual(job.changes.map((change) => [change.name, change.action]), [["libpelican-filters1", "install"]]);
  assert.equal(await bed.version("libpelican-filters1"), "1.1-1");
  assert.equal(await bed.apt.transactionsOf("repair"), 1);
  await executor.close();
});

sandboxTest(
  "a repair that would remove something is refused with its name, and the rest is still done",
  async (bed) => {
    const executor = openExecutor(bed);
    const file = archive(bed, "lab-updates", "stork-plugins_1.1-1_all.deb");
    assert.equal((await dpkg(bed, "--force-depends", "--install", file)).code, 0);
    for (const dry of [true, false]) {
      const job = await runToEnd(executor, repairOrder(`remove-${dry}`, dry));
      assert.deepEqual([job.status, job.error_code], ["failed", "DEPENDENCY_CONFLICT"], job.message);
      assert.deepEqual(job.failed_packages.map((item) => item.name), ["stork-plugins"]);
      assert.match(job.message, /stork-plugins: It would be removed/);
    }
    await dpkg(bed, "--unpack", archive(bed, "lab-updates", "curlew_7.88.1-11_all.deb"));
    const both = await runToEnd(executor, repairOrder("both"));
    assert.deepEqual([both.status, both.error_code], ["failed", "DEPENDENCY_CONFLICT"], both.message);
    assert.equal(await bed.version("curlew"), "7.88.1-11", "what could be configured is");
    assert.equal(await bed.version("stork-plugins"), "1.1-1", "nothing was removed");
    await executor.close();
  },
);

const forbidden: [what: string, forbid: (bed: Bed) => Promise<void>, why: RegExp][] = [
  ["excluded", (bed) => exclude(bed, "libpelican-*"), /^Excluded by this host's administrator: .* libpelican-\*$/],
  ["excluded by a list that nobody understands", (bed) => exclude(bed, "- -"), /line 1/],
  ["from an unsigned source, although apt's configuration lets it through", async (bed) => {
    const sources = `${bed.root}/etc/apt/sources.list`;
    await Deno.writeTextFile(sources, (await Deno.readTextFile(sources)).replaceAll("trusted=yes", "trusted=no"));
    await Deno.writeTextFile(`${bed.root}/etc/apt/apt.conf.d/99`, `APT::Get::AllowUnauthenticated "true";\n`);
  }, /signature could not be verified/],
];

async function exclude(bed: Bed, line: string): Promise<void> {
  await Deno.mkdir(`${bed.root}/etc/patch-agent`, { recursive: true });
  await Deno.writeTextFile(`${bed.root}${exclusionFile}`, `${line}\n`);
}

for (const [what, forbid, why] of forbidden) {
  sandboxTest(`a repair brings nothing along that is ${what}`, async (bed) => {
    const executor = openExecutor(bed);
    await runToEnd(executor, order("apply", { packages: ["pelican-proxy"] }));
    assert.equal((await dpkg(bed, "--force-depends", "--remove", "libpelican-filters1")).code, 0);
    await forbid(bed);
    for (const dry of [true, false]) {
      const job = await runToEnd(executor, repairOrder(`forbidden-${dry}`, dry));
      assert.equal(job.status, "failed", job.message);
      assert.deepEqual(job.failed_packages.map((item) => item.name), ["libpelican-filters1"]);
      assert.match(job.failed_packages[0].reason, why);
    }
    assert.equal(await bed.version("libpelican-filters1"), null);
    await executor.close();
  });
}

sandboxTest("too late to cancel a repair at work; a lock of somebody else is named", async (bed) => {
  const executor = openExecutor(bed);
  await dpkg(bed, "--unpack", archive(bed, "lab-updates", "heron-database_15.5-0_all.deb"));
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const { job_id } = await executor.start(repairOrder("slow"));
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  await assert.rejects(executor.cancel(job_id), { code: "CANCEL_TOO_LATE" });
  const waiting = await executor.start(repairOrder("waits"));
  assert.equal((await executor.cancel(waiting.job_id)).status, "cancelled");
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  assert.equal((await endOf(executor, job_id)).status, "completed");
  await Deno.remove(`${bed.root}/gate`);
  await Deno.remove(`${bed.root}/gate.waiting`);
  const other = bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "--reinstall", "heron-database"]);
  await waitFor("the other apt-get", () => isThere(`${bed.root}/gate.waiting`));
  const busy = await runToEnd(executor, repairOrder("busy"));
  assert.deepEqual([busy.status, busy.error_code], ["failed", "PKG_MANAGER_BUSY"]);
  assert.match(busy.message, /apt-get|process \d+/);
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  await other;
  await executor.close();
});
