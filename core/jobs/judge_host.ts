import { cut, dependency, type HostReport, type InstalledVersions, type RunResult, sentence } from "./results.ts";
import type { RebootRule } from "./types.ts";

/** How a host stands after a run, as it was read anew. */
export interface HostStanding {
  /** State of its package manager; null when it does not say. */
  package_state: "ok" | "interrupted" | "broken" | "locked" | null;
  /** The boot before the run and now; null where the agent names none. */
  boot_id_before: string | null;
  boot_id_now: string | null;
  /** It has been up for less time than the run: where no boots are named, that tells it as well. Null: not known. */
  up_since_begin: boolean | null;
  /** It asks for a restart. */
  reboot_due: boolean;
}

/** True, false, or null where the agent names no boots. */
export function hasRestarted(standing: HostStanding): boolean | null {
  const { boot_id_before, boot_id_now } = standing;
  return boot_id_before === null || boot_id_now === null ? null : boot_id_before !== boot_id_now;
}

/** A repair has succeeded when the package manager is well again, whatever the host claims. */
export function judgeRepair(report: HostReport, standing: HostStanding, installed: InstalledVersions): RunResult {
  const { error, error_code } = report;
  const patches = report.changes.map((change) => {
    const there = installed.of(change.name, change.arch ?? "");
    const arrived = change.to === null ? there.length === 0 : there.includes(change.to);
    return dependency(change, arrived ? "applied" : "failed", arrived ? null : "is not as the host reported");
  });
  for (const failed of report.failed_packages) {
    const { name, reason, state = null, output = null } = failed;
    const known = patches.find((patch) => patch.name === name);
    const result = { outcome: "failed" as const, reason, package_state: state, output };
    if (known) Object.assign(known, result);
    else {
      const change = { name, from: null, to: null, action: "upgrade" as const };
      patches.push({ ...dependency(change, "failed", reason), ...result });
    }
  }
  if (report.status === "cancelled") {
    return { state: "cancelled", message: "The repair was cancelled.", error, error_code, patches };
  }
  const well = standing.package_state === "ok";
  if (well && report.status !== "failed" && patches.every((patch) => patch.outcome === "applied")) {
    const message = "The package manager is in order again, as read from the host.";
    return { state: "succeeded", message, error: null, error_code: null, patches };
  }
  const said = error ? ` The host says: ${sentence(error)}` : "";
  const message = well
    ? "The package manager is in order, but the host reported a failure."
    : standing.package_state === null
    ? "This agent does not say how its package manager stands: look at the host."
    : `The package manager is still ${standing.package_state}.`;
  return { state: "failed", message: cut(message + said, 4_096), error, error_code, patches };
}

/** A restart has succeeded when the host runs in another boot than before. */
export function judgeReboot(report: HostReport, standing: HostStanding): RunResult {
  const { error, error_code } = report;
  const restarted = hasRestarted(standing) ?? standing.up_since_begin;
  const patches: RunResult["patches"] = [];
  if (restarted) {
    const message = "The host has restarted and answers again.";
    return { state: "succeeded", message, error: null, error_code: null, patches };
  }
  if (report.status === "cancelled") {
    return { state: "cancelled", message: "The restart was cancelled.", error, error_code, patches };
  }
  const said = error ? ` The host says: ${sentence(error)}` : "";
  if (restarted === null && report.status !== "failed") {
    const message = "The host answers, but its agent does not say when it started: look at the host." + said;
    return { state: "unknown", message: cut(message, 4_096), error, error_code, patches };
  }
  const message = cut(`The host has not restarted.${said}`, 4_096);
  return { state: "failed", message, error, error_code: error_code ?? "REBOOT_ERROR", patches };
}

/** What a restart that was part of the order makes of the result: installed and not restarted is no success. */
export function judgeRestart(result: RunResult, reboot: RebootRule, standing: HostStanding): RunResult {
  if (reboot === "never" || result.state !== "succeeded") return result;
  const restarted = hasRestarted(standing);
  if (restarted) return { ...result, message: `${result.message} The host has restarted.` };
  if (reboot === "needed" && !standing.reboot_due) {
    return { ...result, message: `${result.message} No restart was needed.` };
  }
  const message = restarted === null
    ? `${result.message} Its agent does not say whether it has restarted: look at the host.`
    : `${result.message} But the host has not restarted.`;
  return { ...result, state: "failed", message, error_code: "REBOOT_ERROR" };
}
