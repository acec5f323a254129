import { createApt } from "../agent/backends/apt.ts";
import { connectExecutor } from "../agent/executor_client.ts";
import type { ApplyOrder, HostOperations } from "../agent/host_operations.ts";
import { executorCommand } from "../agent/permissions_executor.ts";
import { testFolder } from "../testing/test_folder.ts";
import { waitFor } from "../testing/wait_for.ts";
import { makeLargeHost } from "./agent_host.ts";
import { type Figure, percentile, spread, timeEach } from "./measure.ts";

const PACKAGES = 3_000;
const UPDATES = 200;

/** Each call of the agent on a large host: the real executor process, over its socket, with its own rights. */
export async function benchAgent(): Promise<Figure[]> {
  await using folder = await testFolder("b-");
  const host = await makeLargeHost(folder.path, PACKAGES, UPDATES);
  const place = {
    socket: `${folder.path}/run/executor.sock`,
    state: `${folder.path}/state`,
    root: host.root,
    demo: true,
  };
  const script = new URL("../agent/executor.ts", import.meta.url).pathname;
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    // There is nothing behind the invented updates that could be downloaded for its changelog.
    args: [...executorCommand(script, place), "--no-changelogs"],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const operations = connectExecutor(place.socket, { retry_ms: 20 });
  try {
    await waitFor("the executor", () => operations.health(), { deadline_ms: 60_000 });
    const ready = performance.now() - started;
    const fresh = await memoryOf(child.pid);
    const size = `${PACKAGES.toLocaleString("en")} packages, ${UPDATES} updates`;
    const figures: Figure[] = [
      { name: "agent: executor from start to its first answer", value: ready, unit: "ms", target: 2_000 },
      { name: "agent: executor's memory at its start", value: fresh, unit: "MiB", target: 128 },
    ];
    const list = await measureList(operations, host.root);
    figures.push({ name: `agent: updates, first time (${size})`, value: list, unit: "ms", target: 5_000 });
    const calls: [work: string, times: number, call: () => Promise<unknown>, target: number][] = [
      ["updates, again", 10, () => operations.patches({}), 4_000],
      ["health", 20, () => operations.health(), 500],
      ["system information", 20, () => operations.systemInfo(), 500],
      ["installed packages", 10, () => operations.packages(), 4_000],
      ["list of jobs", 20, () => operations.jobs(), 20],
      ["dry run of everything", 5, () => dryRun(operations), 5_000],
    ];
    for (const [work, times, call, target] of calls) {
      figures.push(...spread(`agent: ${work}`, await timeEach(times, call), target));
    }
    const apt = createApt({ root: host.root, lock_timeout_seconds: 1 });
    const choice = { packages: null, versions: {}, new_packages: null, security_only: true };
    const plans = await timeEach(5, () => apt.plan(choice));
    figures.push(...spread("agent: plan of the security updates", plans, 4_000));
    const memory = await memoryOf(child.pid);
    figures.push({ name: "agent: executor's memory after all of it", value: memory, unit: "MiB", target: 256 });
    return figures;
  } finally {
    await operations.close();
    child.kill("SIGTERM");
    await child.status;
  }
}

/** The first list after a start, without apt's caches: what the manager's first poll waits for. */
async function measureList(operations: HostOperations, root: string): Promise<number> {
  for (const name of ["pkgcache.bin", "srcpkgcache.bin"]) {
    await Deno.remove(`${root}/var/cache/apt/${name}`).catch(() => {});
  }
  let total = 0;
  const times = await timeEach(1, async () => {
    total = (await operations.patches({})).patches.length;
  });
  // A figure for a list that is not there would be no figure.
  if (total < UPDATES) throw new Error(`The list has ${total} updates, not at least ${UPDATES}.`);
  return percentile(times, 1);
}

async function dryRun(operations: HostOperations): Promise<void> {
  const order: ApplyOrder = {
    ...{ operation: "apply", run_id: crypto.randomUUID(), deadline_ms: null, state_id: null, packages: null },
    ...{
      versions: {},
      new_packages: null,
      security_only: true,
      dry_run: true,
      reboot: "never",
      reboot_delay_seconds: 0,
    },
  };
  const { job_id } = await operations.start(order);
  const job = await waitFor("the dry run", async () => {
    const job = await operations.job(job_id);
    return job?.completed_at ? job : null;
  }, { deadline_ms: 120_000 });
  if (job.status !== "completed") throw new Error(`The dry run failed: ${job.error}`);
}

async function memoryOf(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("/usr/bin/ps", { args: ["-o", "rss=", "-p", String(pid)] }).output();
  return Math.round(Number(new TextDecoder().decode(stdout)) / 1024);
}
