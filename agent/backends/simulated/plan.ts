import type { JobErrorCode, JobPhase } from "../../../protocol/api.ts";
import type { ApplyOrder } from "../../host_operations.ts";
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
 * The course of a job on a host: same traits, same updates and same run give the same course. `refreshable` and
 * `restart_due` are the host's state before it.
 */
export function makePlan(traits: Traits, order: ApplyOrder, updates: PendingUpdate[], restart_due: boolean): Plan {
  const words = wordsOf(traits.distribution);
  const steps: Step[] = [];
  const add = (low: number, high: number, step: Omit<Step, "delay_ms">) =>
    steps.push({ delay_ms: between(low, high, traits.seed, traits.index, order.run_id, steps.length), ...step });
  const fail = (error_code: JobErrorCode, error: string, exit_code = 100): Plan => ({
    steps,
    updates,
    failure: { error, error_code, exit_code },
  });
  if (traits.trouble === "interrupted") {
    add(200, 800, step("refresh", 2, "The package database was interrupted"));
    return fail(
      "PKG_MANAGER_ERROR",
      "An earlier change of packages was interrupted. It has to be completed on the host before anything is installed.",
    );
  }
  add(800, 3000, step("refresh", 5, "Refreshing the package index", words.refresh()));
  if (traits.trouble === "stale_index") {
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
  if (traits.trouble === "disk_low" && updates.length > 0) {
    add(100, 400, step("download", 35, "The disk is full", words.diskFull()));
    return fail("DISK_FULL", "There is not enough space for the packages. Free some in /var and try again.");
  }
  const broken = traits.trouble === "failing" && updates.length > 0
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
  const restarts = restart_due || updates.some((one) => one.update.requires_reboot);
  if (order.reboot === "needed" && restarts) {
    add(order.reboot_delay_seconds * 1000, order.reboot_delay_seconds * 1000, step("reboot-wait", 97, "Restarting"));
    add(15_000, 45_000, { ...step("reboot-wait", 99, "The host came back"), restarts: true });
  }
  return { steps, updates, failure: null };
}

function step(phase: JobPhase, progress_percent: number, message: string, output = ""): Omit<Step, "delay_ms"> {
  return { phase, progress_percent, message, output };
}

function share(i: number, all: unknown[], percent: number): number {
  return Math.floor((i + 1) / all.length * percent);
}
