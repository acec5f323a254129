import assert from "node:assert/strict";
import { systemClock } from "../../core/clock.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { type Bed, isThere, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { OperationError } from "../host_operations.ts";
import { endOf, openExecutor, order, rebootOrder, runToEnd } from "./executor_fixture_test.ts";

/** A program that is called like shutdown and writes down how; the bed's boot id is a file below its root. */
async function rebootCommand(
  bed: Bed,
  options: { exit?: number; boots?: boolean; gate?: string } = {},
): Promise<string> {
  const path = `${bed.folder}/reboot`;
  await Deno.writeTextFile(`${bed.root}/run/boot_id`, "boot-1\n");
  const boots = options.boots ? `[ "$1" = -r ] && echo boot-2 > "${bed.root}/run/boot_id"\n` : "";
  const gate = options.gate ? `while [ "$1" = -r ] && [ ! -e "${options.gate}" ]; do sleep 0.02; done\n` : "";
  const script = `#!/bin/sh\nfor word in "$@"; do printf '%s|' "$word" >> "${bed.folder}/reboot.calls"; done\n` +
    `echo >> "${bed.folder}/reboot.calls"\n${boots}${gate}exit ${options.exit ?? 0}\n`;
  await Deno.writeTextFile(path, script, { mode: 0o755 });
  return path;
}

const calls = async (bed: Bed) =>
  (await Deno.readTextFile(`${bed.folder}/reboot.calls`).catch(() => "")).split("\n").filter(Boolean);

const rules = [
  { rule: "never", packages: ["linux-image-sandbox"], restarts: false },
  { rule: "needed", packages: ["curlew"], restarts: false },
  { rule: "needed", packages: ["linux-image-sandbox"], restarts: true },
  { rule: "always", packages: ["curlew"], restarts: true },
  { rule: "always", packages: ["osprey-agent"], restarts: false, fails: true },
] as const;
for (const { rule, packages, restarts, ...rest } of rules) {
  const fails = "fails" in rest;
  sandboxTest(`restart ${rule} after ${packages}: ${restarts ? "done" : "none"}`, async (bed) => {
    const reboot_command = await rebootCommand(bed, { boots: true });
    const executor = openExecutor(bed, systemClock, { reboot_command });
    const wanted = order("apply", { packages: [...packages], reboot: rule, reboot_delay_seconds: 61 });
    const job = await runToEnd(executor, wanted);
    assert.equal(job.status, fails ? "failed" : "completed", job.message);
    if (restarts) {
      const words = "Restart ordered by Linux Patch Manager. An administrator can stop it with: shutdown -c";
      assert.deepEqual(await calls(bed), [`-r|+2|${words}|`]);
      assert.deepEqual([job.boot_id_before, job.boot_id_after], ["boot-1", "boot-2"]);
      assert.match(job.message, /^1 package at the wanted version\. The host has restarted\./);
    } else {
      assert.deepEqual([await calls(bed), job.boot_id_before], [[], null]);
    }
    assert.equal(job.restart?.reboot, packages[0] === "linux-image-sandbox");
    await executor.close();
  });
}

sandboxTest("a restart is on disk before its command; the next executor concludes it by the boot id", async (bed) => {
  const reboot_command = await rebootCommand(bed);
  let executor = openExecutor(bed, systemClock, { reboot_command });
  const { job_id } = await executor.start(order("apply", { packages: ["curlew"], reboot: "always" }));
  await waitFor("the command", async () => (await calls(bed)).length === 1);
  const waiting = await waitFor("the wait", async () => {
    const job = (await executor.job(job_id))!;
    return job.phase === "reboot-wait" && job;
  });
  assert.match(waiting.message, /The host restarts now\./);
  assert.match((await calls(bed))[0], /^-r\|now\|/);
  const second = await executor.start(order("later", { packages: ["lumen-utils"] }));
  assert.equal(second.status, "pending");
  await executor.close();
  const record = JSON.parse(await Deno.readTextFile(`${bed.folder}/state/jobs/${job_id}/job.json`));
  assert.deepEqual([record.stage, record.job.boot_id_before], ["rebooting", "boot-1"]);
  // The same boot still: an executor that was only restarted goes on waiting.
  executor = openExecutor(bed, systemClock, { reboot_command });
  assert.equal((await executor.job(job_id))!.phase, "reboot-wait");
  await Deno.writeTextFile(`${bed.root}/run/boot_id`, "boot-2\n");
  const job = await endOf(executor, job_id);
  assert.deepEqual([job.status, job.phase, job.boot_id_after], ["completed", "done", "boot-2"]);
  assert.equal((await calls(bed)).length, 1);
  assert.equal((await endOf(executor, second.job_id)).status, "completed", "what waited goes on after the restart");
  await executor.close();
});

sandboxTest("a restart that does not come is an error after half an hour, with words", async (bed) => {
  let ahead = 0;
  let looks = 0;
  const clock = { now: () => (looks++, systemClock.now().add({ milliseconds: ahead })) };
  const executor = openExecutor(bed, clock, { reboot_command: await rebootCommand(bed) });
  const { job_id } = await executor.start(rebootOrder("late", { reboot_delay_seconds: 600 }));
  await waitFor("the command", async () => (await calls(bed)).length === 1);
  ahead = 39 * 60_000;
  looks = 0;
  await waitFor("two more looks at the clock", () => looks >= 2);
  assert.equal((await executor.job(job_id))!.status, "running");
  ahead = 41 * 60_000;
  const job = await endOf(executor, job_id);
  assert.deepEqual([job.status, job.error_code], ["failed", "REBOOT_ERROR"]);
  assert.match(job.message, /did not restart within 30 minutes/);
  await executor.close();
});

sandboxTest("a command that fails, and a system that cannot restart, are said", async (bed) => {
  const path = await rebootCommand(bed, { exit: 3 });
  for (
    const [reboot_command, words] of [[path, /ended with 3/], [`${path}-none`, /reboot-none/], [
      null,
      /no command/,
    ]] as const
  ) {
    const executor = openExecutor(bed, systemClock, { reboot_command });
    const job = await runToEnd(executor, rebootOrder(`fails-${words.source.length}`));
    assert.deepEqual([job.status, job.error_code], ["failed", "REBOOT_ERROR"]);
    assert.match(job.message, words);
    await executor.close();
  }
  const executor = openExecutor(bed, systemClock, { reboot_command: path });
  const applied = await runToEnd(executor, order("apply", { packages: ["curlew"], reboot: "always" }));
  assert.deepEqual([applied.status, applied.error_code], ["failed", "REBOOT_ERROR"]);
  assert.match(applied.message, /^1 package at the wanted version\. The restart could not be ordered/);
  assert.deepEqual(applied.failed_packages, []);
  await executor.close();
});

sandboxTest("an administrator takes the restart back, or an operator cancels it", async (bed) => {
  const reboot_command = await rebootCommand(bed);
  const executor = openExecutor(bed, systemClock, { reboot_command });
  // As systemd keeps an order.
  await Deno.mkdir(`${bed.root}/run/systemd/system`, { recursive: true });
  await Deno.mkdir(`${bed.root}/run/systemd/shutdown`);
  const scheduled = `${bed.root}/run/systemd/shutdown/scheduled`;
  await Deno.writeTextFile(scheduled, "USEC=1\n");
  const first = await executor.start(rebootOrder("taken-back", { reboot_delay_seconds: 600 }));
  await waitFor("the command", async () => (await calls(bed)).length === 1);
  await assert.rejects(
    executor.start(rebootOrder("another", { force: true })),
    (error) => error instanceof OperationError && error.code === "REBOOT_BLOCKED",
  );
  await Deno.remove(scheduled);
  const job = await endOf(executor, first.job_id);
  assert.deepEqual([job.status, job.error_code], ["failed", "REBOOT_ERROR"]);
  assert.match(job.message, /taken back on the host \(shutdown -c\)/);
  await Deno.writeTextFile(scheduled, "USEC=1\n");
  const second = await executor.start(rebootOrder("cancelled", { reboot_delay_seconds: 600 }));
  await waitFor("the command", async () => (await calls(bed)).length === 2);
  await waitFor("the cancel", () => executor.cancel(second.job_id));
  assert.deepEqual(await waitFor("the taking back", async () => (await calls(bed))[2]), "-c|");
  const end = await endOf(executor, second.job_id);
  assert.deepEqual([end.status, end.error_code], ["cancelled", "CANCELLED"]);
  const wanted = order("apply", { packages: ["curlew"], reboot: "always", reboot_delay_seconds: 600 });
  const third = await executor.start(wanted);
  await waitFor("the command", async () => (await calls(bed)).length === 4);
  await waitFor("the cancel", () => executor.cancel(third.job_id));
  const applied = await endOf(executor, third.job_id);
  assert.equal(applied.status, "completed", "the packages are installed, whatever became of the restart");
  assert.match(applied.message, /The restart that was to follow was cancelled/);
  await executor.close();
});

sandboxTest("a cancel while the restart is being ordered takes it back all the same", async (bed) => {
  const gate = `${bed.folder}/gate`;
  const reboot_command = await rebootCommand(bed, { gate });
  const executor = openExecutor(bed, systemClock, { reboot_command });
  const { job_id } = await executor.start(rebootOrder("at-once", { reboot_delay_seconds: 600 }));
  await waitFor("the command", async () => (await calls(bed)).length === 1);
  await executor.cancel(job_id);
  assert.equal((await executor.job(job_id))!.completed_at, null, "the order is still on its way");
  await Deno.writeTextFile(gate, "");
  const end = await endOf(executor, job_id);
  assert.deepEqual([end.status, end.error_code], ["cancelled", "CANCELLED"]);
  assert.equal((await calls(bed))[1], "-c|");
  await executor.close();
});

sandboxTest("no restart while anybody changes packages", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const reboot_command = await rebootCommand(bed);
  const executor = openExecutor(bed, systemClock, { reboot_command });
  const blocked = (words: RegExp) => (error: unknown) =>
    error instanceof OperationError && error.code === "REBOOT_BLOCKED" && words.test(error.message);
  const slow = await executor.start(order("slow", { packages: ["heron-database"] }));
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  for (const force of [false, true]) {
    await assert.rejects(executor.start(rebootOrder(`own-${force}`, { force })), blocked(/A job runs/));
  }
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  await endOf(executor, slow.job_id);
  await Deno.remove(`${bed.root}/gate`);
  await Deno.remove(`${bed.root}/gate.waiting`);
  const other = bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "--reinstall", "heron-database"]);
  await waitFor("the other apt-get", () => isThere(`${bed.root}/gate.waiting`));
  await assert.rejects(executor.start(rebootOrder("other", { force: true })), blocked(/Try again when it has ended/));
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  await other;
  assert.deepEqual(await calls(bed), []);
  await executor.close();
});
