import assert from "node:assert/strict";
import { runMark } from "../backends/apt/arguments.ts";
import { sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { endOf, openExecutor, order, runToEnd } from "./executor_fixture_test.ts";
import { listProcesses } from "./process.ts";

const NOBODY = "65534";
const name = "a process of somebody else that carries a run's mark holds no job open";
const root = Deno.uid() === 0;

if (!root) Deno.test.ignore(`${name} (left out: only root may start a process of another user)`, () => {});
else {
  sandboxTest(name, async (bed) => {
    const first = openExecutor(bed);
    const { job_id } = await runToEnd(first, order("spoofed", { packages: ["curlew"] }));
    await first.close();
    // As a power cut leaves it: the package manager was started, nobody saw its end.
    const path = `${bed.folder}/state/jobs/${job_id}/job.json`;
    const record = JSON.parse(await Deno.readTextFile(path));
    const job = { ...record.job, status: "running", phase: "install", completed_at: null };
    await Deno.writeTextFile(path, JSON.stringify({ ...record, stage: "started", job }));
    const mark = runMark("spoofed");
    const liar = new Deno.Command("/usr/bin/setpriv", {
      args: ["--reuid", NOBODY, "--clear-groups", "/bin/sh", "-c", "read line", "/usr/bin/apt-get", "-o", mark],
      stdin: "piped",
      cwd: "/",
    }).spawn();
    try {
      await waitFor("the liar", async () => (await listProcesses())!.some((row) => row.command_line.endsWith(mark)));
      const second = openExecutor(bed);
      const ended = await endOf(second, job_id);
      assert.deepEqual([ended.status, ended.message], ["completed", "1 package at the wanted version."]);
      assert.equal(await bed.apt.transactionsOf("spoofed"), 1);
      await second.close();
    } finally {
      await liar.stdin.close();
      await liar.status;
    }
  });
}
