import { epochMs, rfc3339 } from "../../core/clock.ts";
import type { Clock } from "../../core/clock.ts";
import { reason } from "../../core/errors.ts";
import type { Health, PatchList, SystemInfo } from "../../protocol/api.ts";
import { hashMachineId, parseOsRelease } from "../enrol_machine.ts";
import { readBootId } from "./boot_id.ts";
import { type DiskLimit, diskLimits, judgeDisks, readDisks } from "./disk.ts";
import { readIfThere } from "./durable_file.ts";
import { readInitSystem, readVirtualization } from "./host_machine.ts";
import { CLOCK_TOLERANCE_MS, type IndexRefresh } from "./index_refresh.ts";
import type { JobStore } from "./job_store.ts";
import { createRestartReader } from "./needrestart.ts";
import type { Listing, PackageManager } from "./package_manager.ts";

/** An index older than this says little about today: the same 48 hours after which compliance is unknown. Seconds. */
export const STALE_INDEX = 172_800;
/** A refresh that takes longer is worth a word in a list that is from before. Ms. */
const LONG_REFRESH_MS = 8_000;
/** Before this software existed no clock can stand right: 2025-01-01. A host without a battery starts in 1970. */
const EARLIEST_MS = 1_735_689_600_000;

export interface HostFacts {
  health(): Promise<Health>;
  systemInfo(): Promise<SystemInfo>;
  patches(): Promise<PatchList>;
}

/**
 * What the executor says about its host. Reading only: no lock is taken, no index refreshed. Each condition has its
 * row in docs/agent.md.
 */
export function createHostFacts(options: {
  root: string | null;
  manager: PackageManager;
  index: IndexRefresh;
  store: JobStore;
  clock: Clock;
  version: string;
  disk_limits?: readonly DiskLimit[];
}): HostFacts {
  const { root, manager, index, store, clock, disk_limits = diskLimits } = options;
  const path = (name: string) => (root ?? "") + name;
  const started = performance.now();
  const restarts = createRestartReader(root);
  /** Unknown for an index from the future: counted as 0 it would be fresh until that future comes. */
  const age = (last: number | null) =>
    last === null || last - epochMs(clock) > CLOCK_TOLERANCE_MS ? null : Math.max(0, (epochMs(clock) - last) / 1000);

  let newest: Listing | null = null;
  /**
   * Where the package manager can say nothing at all (a source line that nobody understands), what it said before
   * is still on offer somewhere, only not to be installed now: an empty list would look like a host without updates.
   */
  async function list(): Promise<{ listing: Listing; silent: boolean }> {
    try {
      return { listing: newest = await manager.listing(), silent: false };
    } catch (thrown) {
      const error = reason(thrown).slice(0, 500);
      const blocked = { installable: false, state: "blocked", state_reason: error } as const;
      const patches = newest?.patches.map((patch) => ({ ...patch, ...blocked })) ?? [];
      return {
        listing: { installed: [], security_offers: [], ...newest, patches, download_bytes: null, error },
        silent: true,
      };
    }
  }

  return {
    async health() {
      const [database, policy_problem, last, disks] = await Promise.all([
        manager.database(),
        manager.policyProblem(),
        index.lastSuccess(),
        readDisks(root),
      ]);
      const disk_problems = judgeDisks(disks, disk_limits);
      const clock_problem = judgeClock(epochMs(clock), last, index.failure?.clock === true);
      const index_problem = judgeIndex(last, age(last), index.failure);
      // A package manager at work is not an illness, but worth a word.
      const ill = [
        database.state === "locked" ? null : database.words,
        policy_problem,
        ...disk_problems,
        clock_problem,
        index_problem.words,
      ].filter((words) => words !== null);
      const problems = database.state === "locked" && database.words !== null ? [database.words, ...ill] : ill;
      return {
        status: ill.length > 0 ? "degraded" : "healthy",
        uptime_seconds: Math.round((performance.now() - started) / 1000),
        version: options.version,
        last_cache_update: instantOf(last),
        cache_status: index_problem.status,
        checks: {
          package_manager: database.state,
          disk: disk_problems.length > 0 ? "low" : "ok",
          clock: clock_problem === null ? "ok" : "skewed",
        },
        problems: problems.map((words) => words.slice(0, 512)).slice(0, 16),
        agent: { name: "patch-agent", protocol: 1, simulated: false, state_id: store.state_id },
      };
    },

    async systemInfo() {
      const release = parseOsRelease(
        readIfThere(path("/etc/os-release")) ?? readIfThere(path("/usr/lib/os-release")) ?? "",
      );
      const machine_id = readIfThere(path("/etc/machine-id"))?.trim();
      const [reboot, last, disks, init_system, virtualization, boot_id, version] = await Promise.all([
        manager.reboot(),
        index.lastSuccess(),
        readDisks(root),
        readInitSystem(root),
        readVirtualization(root),
        readBootId(root),
        manager.version(),
      ]);
      const applied = store.records.findLast((record) =>
        record.job.operation === "apply" && record.job.status === "completed"
      );
      const ended = store.records.findLast((record) => record.job.completed_at !== null)?.job.completed_at ?? "";
      const running = await restarts.read(ended);
      const boot = epochMs(clock) - Deno.osUptime() * 1000;
      const reasons = [...reboot.reasons];
      if (running?.kernel && !reasons.some((words) => words.includes(running.kernel!))) {
        reasons.push(`Kernel ${running.kernel} is installed and does not run yet`);
      }
      return {
        hostname: (root === null ? Deno.hostname() : readIfThere(path("/etc/hostname"))?.trim()) || "unknown",
        os: release.PRETTY_NAME ?? release.NAME ?? "Linux",
        os_version: release.VERSION_ID,
        kernel: Deno.osRelease(),
        architecture: Deno.build.arch,
        last_update_check: instantOf(last),
        last_update_apply: applied?.job.completed_at ?? null,
        pending_reboot: reboot.required || Boolean(running?.kernel),
        os_id: release.ID?.slice(0, 64),
        os_id_like: release.ID_LIKE,
        os_codename: release.VERSION_CODENAME?.slice(0, 64) ?? null,
        machine_id_hash: machine_id ? hashMachineId(machine_id) : undefined,
        boot_id,
        boot_time: instantOf(boot)!,
        init_system,
        package_manager: { name: manager.name, version },
        reboot_reasons: reasons.map((words) => words.slice(0, 512)).slice(0, 64),
        // Left out where nobody can say: an empty list would mean that nothing has to be restarted.
        ...(running?.known ? { services_to_restart: running.services } : {}),
        virtualization,
        disk_free: Object.fromEntries(disks.map((disk) => [disk.path, disk.free])),
      };
    },

    async patches() {
      const [database, last] = [await manager.database(), await index.lastSuccess()];
      const { listing, silent } = await list();
      const index_age = age(last);
      const since = index.running_since;
      const running_ms = since === null ? 0 : epochMs(clock) - since;
      const under_way = running_ms > LONG_REFRESH_MS
        ? `A refresh of the package index has been under way for ${
          Math.round(running_ms / 1000)
        } s; this list is from before. Ask again later.`
        : null;
      const { status, words } = judgeIndex(last, index_age, null);
      const failed = index.failure?.words ?? (status === "unknown" ? words : null);
      // The same cause may stop the refresh and the listing; it is told once.
      const own = failed !== null && listing.error?.includes(failed) ? null : listing.error;
      const index_error = [failed, under_way, own].filter((part) => part !== null).join(" ");
      return {
        patches: listing.patches,
        total: listing.patches.length,
        security_updates: listing.patches.filter((patch) => patch.security).length,
        requires_reboot: listing.patches.some((patch) => patch.requires_reboot),
        package_manager: manager.name,
        index_age_seconds: index_age === null ? null : Math.round(index_age),
        index_error: index_error.slice(0, 2048) || null,
        state: silent && database.state === "ok" ? "broken" : database.state,
        download_bytes: listing.download_bytes,
      };
    },
  };
}

/** What is wrong with the clock, in words; null: nothing that shows. */
function judgeClock(now: number, last: number | null, repositories_say_so: boolean): string | null {
  const advice = "Set it, and switch on its synchronisation (`timedatectl set-ntp true` on the host).";
  const ahead = last === null ? 0 : last - now;
  if (now < EARLIEST_MS) {
    return `The clock stands wrong: it says ${Temporal.Instant.fromEpochMilliseconds(now)}. ${advice}`;
  }
  if (ahead > CLOCK_TOLERANCE_MS) {
    return `The clock stands wrong: files are ${Math.round(ahead / 60_000)} minutes from the future. ${advice}`;
  }
  return repositories_say_so ? `The clock stands wrong: a repository's index is not valid yet by it. ${advice}` : null;
}

/** How good the index is, and why not. */
function judgeIndex(
  last: number | null,
  age: number | null,
  failure: IndexRefresh["failure"],
): { status: NonNullable<Health["cache_status"]>; words: string | null } {
  const hours = age === null ? null : Math.floor(age / 3600);
  if (failure !== null) {
    const old = hours !== null && age! > STALE_INDEX ? ` What it knows is ${hours} hours old.` : "";
    // The age first: long words about repositories are cut at their end.
    return { status: "failed", words: `The package index could not be refreshed.${old} ${failure.words}` };
  }
  if (last === null) {
    return {
      status: "unknown",
      words: "The package index was never fetched on this host. Refresh the host from the manager.",
    };
  }
  if (age === null) {
    return {
      status: "unknown",
      words: "The package index is from the future, so its age is unknown: check the clock.",
    };
  }
  if (age <= STALE_INDEX) return { status: "fresh", words: null };
  return {
    status: "stale",
    words:
      `The package index is ${hours} hours old, so newer updates are not known. Refresh the host from the manager.`,
  };
}

function instantOf(time: number | null): string | null {
  return time === null ? null : rfc3339(Temporal.Instant.fromEpochMilliseconds(Math.trunc(time)));
}
