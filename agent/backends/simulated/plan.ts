import type { JobErrorCode, JobPhase } from "../../../protocol/api.ts";
import type { ApplyOrder, RebootOrder, RepairOrder, RollbackOrder } from "../../host_operations.ts";
import { type HostState, troubleOf } from "./host_state.ts";
import type { PendingUpdate } from "./inventory.ts";
import { wordsOf } from "./output.ts";
import { between, hash } from "./random.ts";
import type { Traits } from "./traits.ts";

/** One thing that happens in a job. */
export interface Step {
  /** Milliseconds of simulated time since the step before. */
  delay_ms: number;
  phase: JobPhase;
  progress_percent: number;
  message: string;
  output: string;
  /** Name of the package whose update is installed with this step. */
  installed?: string;
  /** Name of the package whose former version is installed again with this step. */
  reverted?: string;
  /** What was interrupted is finished with this step. */
  repaired?: true;
  /** Name of the package that this step failed for. */
  broke?: string;
  restarts?: true;
}

/** Everything that will happen, decided before it begins. */
export interface Plan {
  steps: Step[];
  updates: PendingUpdate[];
  /** Why the job as a whole fails; null when it completes. */
  failure: { error: string; error_code: JobErrorCode; exit_code: number } | null;
}

/**
 * The course of an apply on a host: same traits, same updates and same run give the same course.
 * @param before the host's state before it.
 */
export function makePlan(
  traits: Traits,
  order: ApplyOrder,
  updates: PendingUpdate[],
  before: Pick<HostState, "restart_due" | "repaired">,
): Plan {
  const trouble = troubleOf(traits, before);
  const words = wordsOf(traits.distribution);
  const steps: Step[] = [];
  const add = (low: number, high: number, step: Omit<Step, "delay_ms">) =>
    steps.push({ delay_ms: between(low, high, traits.seed, traits.index, order.run_id, steps.length), ...step });
  const fail = (error_code: JobErrorCode, error: string, exit_code = 100): Plan => ({
    steps,
    updates,
    failure: { error, error_code, exit_code },
  });
  if (trouble === "interrupted") {
    add(200, 800, step("refresh", 2, "The package database was interrupted"));
    return fail(
      "PKG_MANAGER_ERROR",
      "An earlier change of packages was interrupted. It has to be completed on the host before anything is installed.",
    );
  }
  add(800, 3000, step("refresh", 5, "Refreshing the package index", words.refresh()));
  if (trouble === "stale_index") {
    add(1000, 4000, step("refresh", 5, "The package index could not be refreshed", words.refreshFailed()));
    return fail(
      "NETWORK_ERROR",
      "The package index could not be refreshed: the package server's name does not resolve.",
    );
  }
  if (order.dry_run) {
    add(300, 900, step("verify", 95, `${updates.length} packages would change`));
    return { steps, updates, failure: null };
  }
  updates.forEach((one, i) =>
    add(80, 900, {
      ...step("download", 5 + share(i, updates, 30), `Downloading ${one.package.name}`),
      output: words.download(one, i + 1, updates.length),
    })
  );
  if (trouble === "disk_low" && updates.length > 0) {
    add(100, 400, step("download", 35, "The disk is full", words.diskFull()));
    return fail("DISK_FULL", "There is not enough space for the packages. Free some in /var and try again.");
  }
  const broken = trouble === "failing" && updates.length > 0
    ? updates[hash(traits.seed, traits.index, "broken") % updates.length].package.name
    : null;
  updates.forEach((one, i) => {
    const name = one.package.name;
    const base = step("install", 35 + share(i, updates, 55), `Installing ${name}`);
    // A kernel takes its time.
    const [low, high] = one.update.size_bytes > 1e7 ? [3000, 9000] : [250, 1600];
    if (name === broken) add(low, high, { ...base, output: words.failed(one), broke: name });
    else add(low, high, { ...base, output: words.install(one, i + 1, updates.length), installed: name });
  });
  add(300, 1200, step("verify", 95, "Reading the package database again", words.end(updates.length)));
  if (broken !== null) {
    return fail("PKG_MANAGER_ERROR", `1 of ${updates.length} packages failed: ${broken}.`, 1);
  }
  const needed = before.restart_due || updates.some((one) => one.update.requires_reboot);
  if (order.reboot === "always" || (order.reboot === "needed" && needed)) {
    steps.push(...restart(traits, order));
  }
  return { steps, updates, failure: null };
}

/** The course of a repair: it finishes what was interrupted, or finds nothing to do. */
export function planRepair(
  traits: Traits,
  order: RepairOrder,
  before: Pick<HostState, "repaired">,
): Plan {
  const delay_ms = between(500, 2500, traits.seed, traits.index, order.run_id);
  const interrupted = troubleOf(traits, before) === "interrupted";
  const steps: Step[] = !interrupted
    ? [{ delay_ms, ...step("verify", 95, "Nothing has to be repaired") }]
    : order.dry_run
    ? [{ delay_ms, ...step("verify", 95, "What was interrupted would be finished") }]
    : [
      { delay_ms, ...step("install", 50, "Finishing what was interrupted", wordsOf(traits.distribution).repair()) },
      { delay_ms, ...step("verify", 95, "Reading the package database again"), repaired: true },
    ];
  return { steps, updates: [], failure: null };
}

/** The course of a rollback: every changed package gets its former version back. */
export function planRollback(traits: Traits, order: RollbackOrder, updates: PendingUpdate[]): Plan {
  const words = wordsOf(traits.distribution);
  const steps = updates.map((one, i): Step => ({
    delay_ms: between(250, 1600, traits.seed, traits.index, order.run_id, i),
    ...step("install", 10 + share(i, updates, 80), `Installing ${one.package.name} ${one.package.version}`),
    output: words.revert(one),
    ...(order.dry_run ? {} : { reverted: one.package.name }),
  }));
  return {
    steps: order.dry_run
      ? [{ delay_ms: 500, ...step("verify", 95, `${updates.length} packages would change`) }]
      : steps,
    updates,
    failure: null,
  };
}

/** A warning, then silence of a minute at most, then another boot. */
export function planReboot(traits: Traits, order: RebootOrder): Plan {
  return { steps: restart(traits, order), updates: [], failure: null };
}

function restart(traits: Traits, order: { run_id: string; reboot_delay_seconds: number }): Step[] {
  const gone_ms = between(15_000, 45_000, traits.seed, traits.index, order.run_id, "restart");
  return [
    { delay_ms: 100, ...step("reboot-wait", 96, `Restarting in ${order.reboot_delay_seconds} s`) },
    { delay_ms: order.reboot_delay_seconds * 1000, ...step("reboot-wait", 97, "Restarting") },
    { delay_ms: gone_ms, ...step("reboot-wait", 99, "The host came back"), restarts: true },
  ];
}

function step(phase: JobPhase, progress_percent: number, message: string, output = ""): Omit<Step, "delay_ms"> {
  return { phase, progress_percent, message, output };
}

function share(i: number, all: unknown[], percent: number): number {
  return Math.floor((i + 1) / all.length * percent);
}
