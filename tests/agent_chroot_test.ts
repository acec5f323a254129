import assert from "node:assert/strict";
import { chrootSuites, chrootTest, mounts } from "../testing/chroot.ts";
import { waitFor } from "../testing/wait_for.ts";
import {
  applyOrder,
  audit,
  compareWithApt,
  difference,
  run,
  runJob,
  simulate,
  words,
} from "./agent_chroot_fixture_test.ts";

for (const suite of chrootSuites) {
  chrootTest("a genuine host is listed, updated and taken back as apt itself says", suite, async (chroot, context) => {
    const { operations, stop } = await chroot.startExecutor();
    const system = await operations.systemInfo();
    assert.deepEqual([system.os_id, system.os_codename, system.package_manager?.name], ["debian", suite, "apt"]);
    const before = await chroot.versions();
    const names = await compareWithApt(chroot, operations);
    const all = await operations.packages();
    assert.deepEqual(all.map((item) => `${item.name.split(":")[0]}:${item.arch}`).sort(), [...before.keys()].sort());
    if (names.length === 0) {
      console.log(`${suite}: nothing is pending today, so nothing was applied and nothing taken back`);
      assert.equal(await stop(), 0);
      return;
    }
    console.log(`${suite}: ${names.length} updates are pending today: ${names.join(", ")}`);

    await context.step("a dry run changes nothing and names everything", async () => {
      const dry = await runJob(operations, applyOrder({ dry_run: true }));
      assert.equal(dry.status, "completed", words(dry));
      assert.deepEqual(
        dry.changes.map((change) => change.name).sort(),
        (await simulate(chroot)).map((i) => i.name).sort(),
      );
      assert.deepEqual(difference(before, await chroot.versions()), {});
    });

    await context.step("an update that is not pending as approved is refused", async () => {
      const job = await runJob(operations, applyOrder({ packages: [names[0]], versions: { [names[0]]: "0.0.1-1" } }));
      assert.equal(job.status, "failed");
      assert.deepEqual(difference(before, await chroot.versions()), {});
    });

    await context.step("the agent's own comparison with apt finds no difference", async () => {
      const { code, stdout, stderr } = await chroot.run(
        mounts.deno,
        ["run", "-q", "-A", `${mounts.project}/agent/main.ts`, "list", "--check"],
        { env: { DENO_DIR: "/var/cache/deno" } },
      );
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, new RegExp(`the same \\(${names.length} update`));
    });

    const wanted = (await simulate(chroot)).filter((item) => item.security);
    const job = await runJob(operations, applyOrder({ security_only: true }));
    const secured = await chroot.versions();

    await context.step("security updates only, as dpkg sees it afterwards", async () => {
      assert.equal(job.status, "completed", words(job));
      assert.equal(job.exit_code, 0);
      assert.equal(await audit(chroot), "");
      const changed = difference(before, secured);
      for (const { name, to } of wanted) {
        const row = Object.entries(changed).find(([key]) => key.split(":")[0] === name.split(":")[0]);
        assert.equal(row?.[1][1], to, `${name} is at the version that apt had announced`);
      }
      assert.deepEqual(
        job.changes.map((change) => [change.from ?? "", change.to ?? ""].join(" ")).sort(),
        Object.values(changed).map((versions) => versions.join(" ")).sort(),
      );
      const list = await operations.patches({});
      assert.deepEqual(list.patches.filter((patch) => patch.security && patch.installable), []);
      assert.ok(job.restart !== null, "what has to be restarted is said");
    });

    await context.step("then everything else", async () => {
      const rest = await runJob(operations, applyOrder());
      assert.equal(rest.status, "completed", words(rest));
      assert.deepEqual(await compareWithApt(chroot, operations), []);
      assert.deepEqual(await simulate(chroot), []);
      assert.equal(await audit(chroot), "");
    });

    await context.step("the first job is taken back in one transaction", async () => {
      assert.deepEqual([job.rollback.possible, job.rollback.missing_versions], [true, []], job.rollback.reason ?? "");
      const later = difference(secured, await chroot.versions());
      const back = await runJob(operations, {
        ...run(),
        operation: "rollback",
        job_id: job.job_id,
        dry_run: false,
      });
      assert.equal(back.status, "completed", words(back));
      assert.equal(back.original_job_id, job.job_id);
      // What the job after it had changed stays.
      assert.deepEqual(difference(before, await chroot.versions()), later);
      assert.equal(await audit(chroot), "");
      assert.deepEqual((await compareWithApt(chroot, operations)).sort(), names.filter((n) => !(n in later)).sort());
    });
    assert.equal(await stop(), 0);
  });
}

for (const suite of chrootSuites) {
  chrootTest("power that fails while packages are installed: the truth, then a repair", suite, async (chroot) => {
    const first = await chroot.startExecutor();
    const names = await compareWithApt(chroot, first.operations);
    if (names.length === 0) return console.log(`${suite}: nothing is pending today, so no power failed`);
    const { job_id } = await first.operations.start(applyOrder());
    // dpkg notes each state in its log before it acts: now it is in the middle of unpacking.
    await waitFor("dpkg at work", async () => {
      return /status half-installed/.test(await Deno.readTextFile(`${chroot.folder}/var/log/dpkg.log`).catch(() => ""));
    }, { deadline_ms: 120_000, every_ms: 5 });
    await chroot.cutPower();
    await first.operations.close();

    const second = await chroot.startExecutor();
    const { operations } = second;
    const job = await waitFor("the end of the job", async () => {
      const job = await operations.job(job_id);
      return job?.completed_at ? job : null;
    }, { deadline_ms: 60_000 });
    assert.equal(job.status, "failed", words(job));
    const health = await operations.health();
    assert.match(health.checks?.package_manager ?? "", /^(?:interrupted|broken)$/);
    assert.equal(health.status, "degraded");
    assert.ok(health.problems!.length > 0);
    // Every planned change is told as failed or is really done: dpkg is asked, both ways.
    const now = await chroot.versions();
    const failed = new Set(job.failed_packages.map((item) => item.name));
    const planned = new Set(job.changes.map((change) => change.name));
    assert.deepEqual(names.filter((name) => !planned.has(name)), []);
    for (const { name, arch, to } of job.changes) {
      const installed = now.get(`${name.split(":")[0]}:${arch}`) ?? now.get(`${name.split(":")[0]}:all`);
      assert.equal(installed !== to, failed.has(name), `${name} is ${installed}, planned ${to}`);
    }
    assert.ok(failed.size > 0, "the power failed before everything was done");

    const refused = await runJob(operations, applyOrder());
    assert.equal(refused.status, "failed", "nothing is installed over a half installed system");
    const repair = await runJob(operations, { ...run(), operation: "repair", dry_run: false });
    assert.equal(repair.status, "completed", words(repair));
    assert.equal(await audit(chroot), "");
    assert.equal((await operations.health()).checks?.package_manager, "ok");
    const rest = await runJob(operations, applyOrder());
    assert.equal(rest.status, "completed", words(rest));
    assert.deepEqual(await compareWithApt(chroot, operations), []);
    assert.equal(await second.stop(), 0);
  });
}
