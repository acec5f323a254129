import assert from "node:assert/strict";
import { sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { openExecutor, order, runToEnd } from "./executor_fixture_test.ts";
import { RECORDED_NEEDS } from "./needrestart.ts";

/** `needrestart -b` after updates of glibc and a kernel, as it prints it. */
const record = (...lines: string[]) =>
  ["NEEDRESTART-VER: 3.6", "NEEDRESTART-KCUR: 6.1.0-18-amd64", ...lines, ""].join("\n");

sandboxTest(
  "services that run old code are listed with the job and with the system, process 1 in words",
  async (bed) => {
    const executor = openExecutor(bed);
    const services = [
      "NEEDRESTART-SVC: ssh.service",
      "NEEDRESTART-SVC: systemd-manager",
      "NEEDRESTART-SVC: cron.service",
    ];
    await Deno.writeTextFile(bed.root + RECORDED_NEEDS, record("NEEDRESTART-KSTA: 1", ...services));
    const job = await runToEnd(executor, order("run-1", { packages: ["curlew"] }));
    assert.deepEqual([job.status, job.restart], ["completed", {
      services: ["cron.service", "ssh.service"],
      kernel: null,
      reboot: false,
      reasons: [
        "The init system itself still runs older code: `systemctl daemon-reexec` changes that without a restart",
      ],
    }]);
    const info = await executor.systemInfo();
    assert.deepEqual([info.services_to_restart, info.pending_reboot, info.reboot_reasons], [
      ["cron.service", "ssh.service"],
      false,
      [],
    ]);
    await executor.close();
  },
);

sandboxTest("a newer kernel than the running one asks for a restart; without needrestart nobody knows", async (bed) => {
  const executor = openExecutor(bed);
  const job = await runToEnd(executor, order("run-1", { packages: ["curlew"] }));
  assert.deepEqual(job.restart, { services: [], kernel: null, reboot: false, reasons: [] });
  assert.equal((await executor.systemInfo()).services_to_restart, undefined);
  await Deno.writeTextFile(
    bed.root + RECORDED_NEEDS,
    record("NEEDRESTART-KEXP: 6.1.0-21-amd64", "NEEDRESTART-KSTA: 3"),
  );
  const next = await runToEnd(executor, order("run-2", { packages: ["heron-database"] }));
  assert.deepEqual([next.restart?.kernel, next.restart?.reboot], ["6.1.0-21-amd64", true]);
  assert.match(next.restart!.reasons[0], /^Kernel 6\.1\.0-21-amd64 is installed and does not run yet$/);
  assert.deepEqual((await executor.systemInfo()).services_to_restart, []);
  await executor.close();
});
