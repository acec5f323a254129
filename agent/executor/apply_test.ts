import assert from "node:assert/strict";
import { publish } from "../../demo/sandbox.ts";
import { heldPackages } from "../../demo/sandbox_packages.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import type { HostJobEvent } from "../host_operations.ts";
import { openExecutor, order, runToEnd } from "./executor_fixture_test.ts";

sandboxTest("a dry run says what would change, dependencies included, and changes nothing", async (bed) => {
  const executor = openExecutor(bed);
  const job = await runToEnd(executor, order("dry", { dry_run: true, packages: ["pelican-proxy", "curlew"] }));
  assert.deepEqual([job.status, job.operation, job.error_code], ["completed", "dry_run", null]);
  assert.deepEqual(job.changes, [
    { name: "curlew", arch: "all", from: "7.88.1-10", to: "7.88.1-11", action: "upgrade" },
    { name: "libpelican-filters1", arch: "all", from: null, to: "1.1-1", action: "install" },
    { name: "pelican-proxy", arch: "all", from: "1.0-3", to: "1.1-1", action: "upgrade" },
  ]);
  assert.equal(await bed.version("curlew"), "7.88.1-10");
  assert.equal(await bed.apt.transactionsOf("dry"), 0);
  await executor.close();
});

sandboxTest("everything installable is applied; what fails is named, the rest counts", async (bed) => {
  await bed.settings({ SLOW_STEPS: 1 });
  const executor = openExecutor(bed);
  const events: HostJobEvent[] = [];
  executor.watch((event) => events.push(event));
  const job = await runToEnd(executor, order("all"));
  assert.deepEqual([job.status, job.error_code, job.exit_code], ["failed", "PKG_MANAGER_ERROR", 100]);
  assert.match(job.message, /^10 of 11 packages are at the wanted version\. osprey-agent: .*script.*exit status 1/);
  assert.deepEqual(job.failed_packages.map((item) => item.name), ["osprey-agent"]);
  assert.match(job.failed_packages[0].reason, /configuration failed half-way/);
  assert.equal(job.failed_packages[0].state, "half-configured");
  assert.match(job.failed_packages[0].output!, /^osprey-agent: cannot migrate the queue: .* is from version 3$/);
  assert.equal(job.changes.length, 11, "the other ten are done");
  assert.deepEqual([job.restart?.reboot, job.restart?.reasons.length], [true, 1]);
  assert.deepEqual(job.conffiles_kept, ["/etc/corvid/httpd.conf"]);
  assert.match(await Deno.readTextFile(`${bed.root}/etc/corvid/httpd.conf`), /raised by hand/);
  assert.equal(await bed.version("libtessera3"), "3.0.11-1+deb12u3");
  assert.equal(await bed.version("libpelican-filters1"), "1.1-1");
  assert.equal(await bed.version(heldPackages[0]), "3.1.2-1");
  assert.equal(await bed.apt.transactionsOf("all"), 1);
  assert.match(job.output, /cannot migrate the queue/);
  // Watchers were told everything, in order, with progress that never falls.
  assert.deepEqual(events.map((event) => event.seq), events.map((_, index) => index + 1));
  assert.equal(events.map((event) => event.output).join(""), job.output);
  for (const [index, event] of events.entries()) {
    assert.ok(index === 0 || event.progress_percent >= events[index - 1].progress_percent, `event ${index}`);
  }
  assert.deepEqual([...new Set(events.map((event) => event.phase))], [
    ...["queued", "refresh", "download", "install", "verify", "done"],
  ]);
  const health = await executor.health();
  assert.deepEqual([health.status, health.checks?.package_manager], ["degraded", "broken"]);
  assert.match(health.problems![0], /osprey-agent.*dpkg --configure -a/);
  assert.equal((await executor.systemInfo()).pending_reboot, true);
  await executor.close();
});

sandboxTest("whoever reads a job in the middle and then its events has the output once", async (bed) => {
  await bed.settings({ SLOW_STEPS: 2 });
  const executor = openExecutor(bed);
  const events: HostJobEvent[] = [];
  executor.watch((event) => events.push(event));
  const { job_id } = await executor.start(order("read", { packages: ["heron-database", "curlew"] }));
  const reads = new Map<number, string>();
  await waitFor("the end of the job", async () => {
    const job = (await executor.job(job_id))!;
    reads.set(job.seq, job.output);
    return job.completed_at !== null;
  }, { deadline_ms: 60_000, every_ms: 1 });
  assert.ok(reads.size > 4);
  for (const [seq, output] of reads) {
    const told = events.filter((event) => event.seq <= seq).map((event) => event.output).join("");
    assert.equal(output, told, `at event ${seq}`);
  }
  await executor.close();
});

sandboxTest("a new dependency is installed only when it was approved by name", async (bed) => {
  const executor = openExecutor(bed);
  const packages = ["pelican-proxy", "curlew"];
  for (const new_packages of [[], ["libpelican-filters2"]]) {
    const job = await runToEnd(executor, order(`refused-${new_packages}`, { packages, new_packages }));
    assert.deepEqual([job.status, job.error_code], ["failed", "DEPENDENCY_CONFLICT"], job.message);
    assert.ok(job.failed_packages.some((failed) => failed.name === "libpelican-filters1"));
    assert.equal(await bed.version("curlew"), "7.88.1-10");
  }
  const approved = { packages, new_packages: ["libpelican-filters1"] };
  const job = await runToEnd(executor, order("approved", approved));
  assert.equal(job.status, "completed", job.message);
  assert.deepEqual(job.restart, { services: [], kernel: null, reboot: false, reasons: [] });
  assert.equal(await bed.version("libpelican-filters1"), "1.1-1");
  await executor.close();
});

sandboxTest("security only applies those with a security source", async (bed) => {
  const executor = openExecutor(bed);
  const job = await runToEnd(executor, order("security", { security_only: true, reboot: "needed" }));
  assert.deepEqual([job.status, job.progress_percent, job.phase], ["completed", 100, "done"]);
  assert.match(job.message, /^5 packages at the wanted version\. The host needs a restart/);
  assert.deepEqual(job.packages.toSorted(), [
    ...["corvid-httpd", "gannet-mail", "libtessera3", "linux-image-sandbox", "tessera-tools"],
  ]);
  assert.equal(await bed.version("curlew"), "7.88.1-10");
  await executor.close();
});

sandboxTest("a package that was installed as a dependency stays one", async (bed) => {
  assert.equal((await bed.run("/usr/bin/apt-mark", ["auto", "libtessera3"])).code, 0);
  const executor = openExecutor(bed);
  await runToEnd(executor, order("marks", { packages: ["libtessera3", "curlew"] }));
  assert.equal((await bed.run("/usr/bin/apt-mark", ["showauto"])).stdout, "libtessera3\n");
  await executor.close();
});

sandboxTest("the same run id answers the same job and starts nothing, also after a restart", async (bed) => {
  let executor = openExecutor(bed);
  const wanted = order("once", { packages: ["curlew"] });
  const [first, second] = await Promise.all([executor.start(wanted), executor.start(wanted)]);
  assert.equal(first.job_id, second.job_id);
  await executor.idle();
  await executor.close();
  executor = openExecutor(bed);
  const again = await executor.start({ ...wanted, packages: null });
  assert.deepEqual([again.job_id, again.status], [first.job_id, "completed"]);
  await executor.remove(first.job_id);
  assert.equal(await executor.job(first.job_id), null);
  assert.equal((await executor.start(wanted)).job_id, first.job_id);
  assert.equal(await bed.apt.transactionsOf("once"), 1);
  await executor.close();
});

sandboxTest("a version that moved after the dry run is refused with words, and nothing changes", async (bed) => {
  const executor = openExecutor(bed);
  const versions = { curlew: "7.88.1-11", "lumen-utils": "2.38.1-6" };
  const packages = Object.keys(versions);
  const dry = await runToEnd(executor, order("look", { dry_run: true, packages, versions }));
  assert.equal(dry.status, "completed");
  await publish(bed.repository, { name: "curlew", version: "7.88.1-12", suite: "lab-security", description: "new" });
  const job = await runToEnd(executor, order("act", { packages, versions }));
  assert.deepEqual([job.status, job.error_code], ["failed", "PKG_NOT_FOUND"]);
  assert.deepEqual(job.failed_packages, [{
    name: "curlew",
    reason: "Approved was 7.88.1-11, on offer is now 7.88.1-12. Look at it again and approve it.",
  }]);
  assert.equal(await bed.version("lumen-utils"), "2.38.1-5");
  assert.equal(await bed.apt.transactionsOf("act"), 0);
  await executor.close();
});

sandboxTest("what was updated by somebody else in the meantime counts as done", async (bed) => {
  assert.equal((await bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "curlew"])).code, 0);
  const executor = openExecutor(bed);
  const job = await runToEnd(executor, order("done", { packages: ["curlew"], versions: { curlew: "7.88.1-11" } }));
  assert.deepEqual([job.status, job.changes], ["completed", []]);
  const gone = await runToEnd(executor, order("gone", { packages: ["curlew"], versions: { curlew: "7.88.1-12" } }));
  assert.deepEqual([gone.status, gone.error_code], ["failed", "PKG_NOT_FOUND"]);
  await executor.close();
});

const refusedPlans = [
  { packages: ["tessera-tools"], who: "libtessera3", why: /nobody approved/ },
  { packages: ["magpie-server"], who: "magpie-server", why: /on hold/i },
  { packages: ["stork-plugins"], who: "stork-plugins", why: /stork-core/ },
];

sandboxTest("a plan that would do more or less than approved is refused before it starts", async (bed) => {
  const executor = openExecutor(bed);
  for (const { packages, who, why } of refusedPlans) {
    const job = await runToEnd(executor, order(`plan-${who}`, { packages }));
    assert.deepEqual([job.status, job.error_code], ["failed", "DEPENDENCY_CONFLICT"], packages[0]);
    assert.equal(job.failed_packages[0].name, who);
    assert.match(job.failed_packages[0].reason, why);
    assert.equal(await bed.apt.transactionsOf(`plan-${who}`), 0);
  }
  await executor.close();
});

sandboxTest("an update that would remove a package is kept back and refused by name", async (bed) => {
  await publish(bed.repository, {
    ...{ name: "curlew", version: "8.0-1", suite: "lab-updates", description: "in the way of another" },
    conflicts: "plover-icons",
  });
  const executor = openExecutor(bed);
  const { patches } = await executor.patches({ max_index_age_seconds: 0 });
  const curlew = patches.find((patch) => patch.name === "curlew")!;
  assert.deepEqual([curlew.available_version, curlew.state], ["8.0-1", "kept_back"]);
  assert.match(curlew.state_reason!, /would remove plover-icons/);
  const job = await runToEnd(executor, order("removes", { packages: ["curlew"] }));
  assert.deepEqual([job.status, job.error_code], ["failed", "DEPENDENCY_CONFLICT"]);
  assert.equal(await bed.version("plover-icons"), "5.0-1");
  await executor.close();
});
