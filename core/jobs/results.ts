import type { FailedPackage, Job, PackageChange } from "../../protocol/api.ts";
import type { z } from "zod";
import { plainLines, plainWords } from "../hosts/rules.ts";
import { installedVersion } from "../patches/rules.ts";
import type { FinalState, JobPatch, Outcome, RunReport } from "./types.ts";

/** What the host says of its own run, as far as the result needs it. */
export interface HostReport {
  /** After `readJobStatus`; null when the host forgot the job but could still be read. */
  status: "completed" | "failed" | "cancelled" | null;
  error: string | null;
  error_code: string | null;
  changes: PackageChange[];
  failed_packages: z.infer<typeof FailedPackage>[];
  /** What is kept for people. */
  said: RunReport;
}

/** A host that forgot its run, or does not tell. */
export const noReport: HostReport = {
  status: null,
  error: null,
  error_code: null,
  changes: [],
  failed_packages: [],
  said: { restart: null, conffiles_kept: [], rollback: null },
};

export interface RunResult {
  state: Extract<FinalState, "succeeded" | "failed" | "cancelled" | "unknown">;
  /** Words for a person; complete sentences. */
  message: string;
  error_code: string | null;
  error: string | null;
  patches: JobPatch[];
}

/** Version by package, for both `name` and `name:arch`, because agents differ in whether they name the architecture. */
export class InstalledVersions {
  readonly #versions = new Map<string, string[]>();
  constructor(packages: Iterable<{ name: string; arch?: string; version: string }>) {
    for (const { name, arch, version: said } of packages) {
      const version = installedVersion(said);
      this.#add(name, version);
      if (arch) this.#add(`${name}:${arch}`, version);
    }
  }
  /** Versions of the package; more than one when it is there for several architectures and none was named. */
  of(name: string, arch: string): string[] {
    return this.#versions.get(arch === "" ? name : `${name}:${arch}`) ?? this.#versions.get(name) ?? [];
  }
  #add(key: string, version: string): void {
    const list = this.#versions.get(key);
    if (list) list.push(version);
    else this.#versions.set(key, [version]);
  }
}

/** Takes a `GET /jobs/{id}` apart; absent fields become empty, and words of the host harmless. */
export function readHostReport(job: Job, status: HostReport["status"]): HostReport {
  return {
    status,
    error: job.error ? plainLines(job.error) || null : null,
    error_code: job.error_code ? plainWords(job.error_code) || null : null,
    changes: job.changes ?? [],
    failed_packages: (job.failed_packages ?? []).map(({ name, reason, state, output }) => ({
      name,
      reason: plainWords(reason),
      state: state ? plainWords(state) || null : null,
      output: output ? plainLines(output) || null : null,
    })),
    said: readSaid(job),
  };
}

/** Shortens lists to what a page shows; a host may send thousands. */
function readSaid({ restart, rollback, conffiles_kept = [] }: Job): RunReport {
  const lines = (list: string[]) => list.slice(0, 512).map(plainWords).filter((text) => text !== "");
  return {
    restart: restart
      ? {
        services: lines(restart.services),
        kernel: restart.kernel ? plainWords(restart.kernel) || null : null,
        reboot: restart.reboot,
        reasons: lines(restart.reasons),
      }
      : null,
    conffiles_kept: lines(conffiles_kept),
    rollback: rollback
      ? {
        possible: rollback.possible,
        reason: rollback.reason ? plainWords(rollback.reason) || null : null,
        missing_versions: lines(rollback.missing_versions ?? []),
      }
      : null,
  };
}

/**
 * The truth about a run that changed the host: not what the host claims, but whether the packages that are installed
 * now have the versions that were ordered. Only a run that claims success and whose every ordered package is where
 * it should be has succeeded.
 */
export function judgeApply(ordered: JobPatch[], report: HostReport, installed: InstalledVersions): RunResult {
  const failures = failuresOf(report);
  const patches = ordered.map((patch) => judgePatch(patch, failures, installed));
  for (const change of dependencies(ordered, report.changes)) {
    const there = installed.of(change.name, change.arch ?? "");
    const arrived = change.to === null ? there.length === 0 : there.includes(change.to);
    const failure = failures.get(change.name);
    const reason = failure ? reasonOf(failure) : arrived ? null : "is not as the host reported";
    patches.push({ ...dependency(change, reason === null ? "applied" : "failed", reason), ...detailsOf(failure) });
  }
  const missing = patches.filter((patch) => patch.origin === "ordered" && patch.outcome !== "applied");
  const applied = ordered.length - missing.length;
  const tally = `${applied} of ${ordered.length} ${
    ordered.length === 1 ? "package is" : "packages are"
  } at the ordered version`;
  const { error, error_code } = report;
  if (report.status === "cancelled" && applied === 0) {
    return { state: "cancelled", message: "Cancelled before anything was installed.", error_code, error, patches };
  }
  if (missing.length === 0 && (report.status === "completed" || report.status === null)) {
    return {
      state: "succeeded",
      message: `${tally}, as read from the host.`,
      error_code: null,
      error: null,
      patches,
    };
  }
  const said = error ? ` The host says: ${sentence(error)}` : "";
  const claim = report.status === "completed"
    ? `The host reported success, but ${tally}.`
    : report.status === null
    ? `The host forgot the run; ${tally}.`
    : report.status === "cancelled"
    ? `Cancelled too late: ${tally}.`
    : missing.length === 0
    ? "Every package is at the ordered version, but the host reported a failure."
    : `${tally}.`;
  return { state: "failed", message: cut(claim + said, 4_096), error_code, error, patches };
}

/** What would happen: nothing was changed, so the host's own list is all there is. */
export function judgeDryRun(ordered: JobPatch[], report: HostReport): RunResult {
  const { error, error_code } = report;
  if (report.status === "cancelled") {
    return { state: "cancelled", message: "The dry run was cancelled.", error_code, error, patches: [] };
  }
  const failures = failuresOf(report);
  const patches = ordered.map((patch): JobPatch => {
    const change = report.changes.find((one) => isFor(one, patch));
    if (!change) {
      const failure = failures.get(patch.name);
      return { ...patch, outcome: "unchanged", reason: failure ? reasonOf(failure) : "would not be changed" };
    }
    const other = change.to === patch.to_version ? null : `would become ${change.to ?? "absent"} instead`;
    return { ...patch, action: change.action, outcome: "would_apply", reason: other };
  });
  for (const change of dependencies(ordered, report.changes)) patches.push(dependency(change, "would_apply", null));
  const would = patches.filter((patch) => patch.outcome === "would_apply").length;
  const left = ordered.length -
    patches.filter((patch) => patch.origin === "ordered" && patch.outcome === "would_apply").length;
  const odd = patches.some((patch) => patch.origin === "ordered" && patch.reason !== null);
  if (report.status === "completed" && !odd) {
    const message = `${would} ${would === 1 ? "package" : "packages"} would change.`;
    return { state: "succeeded", message, error_code: null, error: null, patches };
  }
  const said = error ? ` The host says: ${sentence(error)}` : "";
  const message = report.status === "completed"
    ? `Not as ordered: ${left} of ${ordered.length} packages would not change, or would become another version.`
    : `The dry run failed.${said}`;
  return { state: "failed", message: cut(message, 4_096), error_code, error, patches };
}

function judgePatch(patch: JobPatch, failures: Failures, installed: InstalledVersions): JobPatch {
  const there = installed.of(patch.name, patch.arch);
  const failure = failures.get(patch.name);
  // Half-installed packages already carry the new version: what the host calls failed is never counted as applied.
  if (failure) return { ...patch, outcome: "failed", reason: reasonOf(failure), ...detailsOf(failure) };
  if (there.length > 0 && there.every((version) => version === patch.to_version)) {
    return { ...patch, outcome: "applied", reason: null };
  }
  if (there.length === 0) return { ...patch, outcome: "failed", reason: "is not installed any more" };
  const now = [...new Set(there)].join(" and ");
  if (patch.from_version !== null && there.every((version) => version === patch.from_version)) {
    return { ...patch, outcome: "unchanged", reason: `is still at ${now}` };
  }
  return { ...patch, outcome: "failed", reason: cut(`is at ${now}, ordered was ${patch.to_version}`, 2_048) };
}

type Failures = Map<string, z.infer<typeof FailedPackage>>;

function failuresOf(report: HostReport): Failures {
  return new Map(report.failed_packages.map((failed) => [failed.name, failed]));
}

function reasonOf(failure: z.infer<typeof FailedPackage>): string {
  return cut(failure.reason || "the host gave no reason", 2_048);
}

/** How a package stands that failed, and the last lines of its script. */
function detailsOf(failure: z.infer<typeof FailedPackage> | undefined): Pick<JobPatch, "package_state" | "output"> {
  return failure ? { package_state: failure.state ?? null, output: failure.output ?? null } : {};
}

/** Changes that nobody ordered by name: they came along. */
function dependencies(ordered: JobPatch[], changes: PackageChange[]): PackageChange[] {
  const seen = new Set<string>();
  return changes.filter((change) => {
    const key = `${change.name} ${change.arch ?? ""}`;
    if (seen.has(key) || ordered.some((patch) => isFor(change, patch))) return false;
    seen.add(key);
    return true;
  });
}

function isFor(change: PackageChange, patch: JobPatch): boolean {
  return change.name === patch.name && (!change.arch || patch.arch === "" || change.arch === patch.arch);
}

export function dependency(change: PackageChange, outcome: Outcome, reason: string | null): JobPatch {
  const { name, arch = "", from, to, action } = change;
  return { name, arch, from_version: from, to_version: to, origin: "dependency", action, outcome, reason };
}

export function sentence(text: string): string {
  const line = text.trim().split("\n").at(-1)!.trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}
