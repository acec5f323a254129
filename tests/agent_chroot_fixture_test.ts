import assert from "node:assert/strict";
import type { ApplyOrder, HostJob, HostOperations, HostOrder } from "../agent/host_operations.ts";
import type { Chroot } from "../testing/chroot.ts";
import { waitFor } from "../testing/wait_for.ts";

/** What every order of these tests leaves at its default. */
export const run = () => ({ run_id: crypto.randomUUID(), deadline_ms: null, state_id: null });

/** Everything that is pending, unless told otherwise. */
export function applyOrder(change: Partial<ApplyOrder> = {}): ApplyOrder {
  return {
    ...run(),
    ...{ operation: "apply", packages: null, versions: {}, new_packages: null, security_only: false },
    ...{ dry_run: false, reboot: "never", reboot_delay_seconds: 0 },
    ...change,
  };
}

/** Starts an order and waits for its end: real packages over a real mirror, so up to five minutes. */
export async function runJob(operations: HostOperations, order: HostOrder): Promise<HostJob> {
  const { job_id } = await operations.start(order);
  return await waitFor(`the end of ${order.operation}`, async () => {
    const job = await operations.job(job_id);
    return job?.completed_at ? job : null;
  }, { deadline_ms: 300_000, every_ms: 200 });
}

/** The words to show when a job did not end as expected. */
export function words(job: HostJob): string {
  return `${job.status} ${job.error_code}: ${job.error}\n${job.output.slice(-3000)}`;
}

/** One line `Inst` of apt-get's simulation: what this machine's own package manager would do, read independently. */
export interface Simulated {
  name: string;
  from: string | null;
  to: string;
  security: boolean;
}

/** `apt-get -s dist-upgrade` of the chroot. @throws when apt-get fails or would remove something */
export async function simulate(chroot: Chroot): Promise<Simulated[]> {
  const { code, stdout, stderr } = await chroot.run("/usr/bin/apt-get", ["-s", "dist-upgrade"]);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /^Remv /m, "apt would remove something today; this comparison does not cover that");
  return stdout.split("\n").filter((line) => line.startsWith("Inst ")).map((line) => {
    const match = /^Inst (\S+) (?:\[(\S+)\] )?\((\S+) ([^[]*)\[\S+\]\)/.exec(line);
    assert.ok(match, line);
    const [, name, from = null, to, origins] = match;
    return { name, from, to, security: origins.includes("-security") };
  });
}

/**
 * Compares the agent's list with apt's simulation, package by package: same names, same versions, before and after;
 * what apt takes from a security suite is security here.
 * @returns the names of what is installable
 */
export async function compareWithApt(chroot: Chroot, operations: HostOperations): Promise<string[]> {
  const list = await operations.patches({});
  const apt = await simulate(chroot);
  const versions = await chroot.versions();
  assert.deepEqual([list.state, list.index_error], ["ok", null]);
  assert.equal(list.total, list.patches.length);
  assert.equal(list.security_updates, list.patches.filter((patch) => patch.security).length);
  const installable = list.patches.filter((patch) => patch.installable);
  const shape = (name: string, from: string | null, to: string) => `${name} ${from} -> ${to}`;
  assert.deepEqual(
    installable.map((patch) => shape(patch.name, patch.current_version, patch.available_version)).sort(),
    apt.filter((item) => item.from !== null).map((item) => shape(item.name, item.from, item.to)).sort(),
  );
  for (const patch of installable) {
    assert.equal(versions.get(`${patch.name}:${patch.arch}`), patch.current_version, patch.name);
    if (apt.find((item) => item.name === patch.name)!.security) assert.equal(patch.security, true, patch.name);
    assert.ok(patch.size_bytes! > 0, `${patch.name} has a size`);
    assert.ok(patch.repository!.length > 0, `${patch.name} comes from somewhere`);
  }
  const brought = new Set(installable.flatMap((patch) => patch.new_dependencies ?? []));
  assert.deepEqual([...brought].sort(), apt.filter((item) => item.from === null).map((item) => item.name).sort());
  return installable.map((patch) => patch.name);
}

/** What dpkg says is not as it should be; empty when all is well. */
export async function audit(chroot: Chroot): Promise<string> {
  return (await chroot.run("/usr/bin/dpkg", ["--audit"])).stdout;
}

/** The packages whose version differs, with both versions. */
export function difference(before: Map<string, string>, after: Map<string, string>): Record<string, string[]> {
  const names = new Set([...before.keys(), ...after.keys()]);
  const changed = [...names].filter((name) => before.get(name) !== after.get(name)).sort();
  return Object.fromEntries(changed.map((name) => [name, [before.get(name) ?? "", after.get(name) ?? ""]]));
}
