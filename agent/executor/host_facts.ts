import { statfsSync } from "node:fs";
import { epochMs, rfc3339 } from "../../core/clock.ts";
import type { Clock } from "../../core/clock.ts";
import type { Health, PatchList, SystemInfo } from "../../protocol/api.ts";
import { hashMachineId, parseOsRelease } from "../enrol_machine.ts";
import { readIfThere } from "./durable_file.ts";
import { CLOCK_TOLERANCE_MS, type IndexRefresh } from "./index_refresh.ts";
import type { JobStore } from "./job_store.ts";
import type { PackageManager } from "./package_manager.ts";

/** Below this an update of a kernel may fail half-way. Bytes. */
const LOW_DISK = 512 * 2 ** 20;
/** An index older than this says little about today. Seconds. */
const STALE_INDEX = 86_400;

export interface HostFacts {
  health(): Promise<Health>;
  systemInfo(): Promise<SystemInfo>;
  patches(): Promise<PatchList>;
}

/** What the executor says about its host. Reading only: no lock is taken, no index refreshed. */
export function createHostFacts(options: {
  root: string | null;
  manager: PackageManager;
  index: IndexRefresh;
  store: JobStore;
  clock: Clock;
  version: string;
}): HostFacts {
  const { root, manager, index, store, clock } = options;
  const path = (name: string) => (root ?? "") + name;
  const started = performance.now();
  /** Unknown for an index from the future: counted as 0 it would be fresh until that future comes. */
  const age = (last: number | null) =>
    last === null || last - epochMs(clock) > CLOCK_TOLERANCE_MS ? null : Math.max(0, (epochMs(clock) - last) / 1000);

  return {
    async health() {
      const [database, last] = [await manager.database(), await index.lastSuccess()];
      const free = freeBytes(path("/var"));
      const ahead = last === null ? 0 : last - epochMs(clock);
      const problems: string[] = [];
      if (database.state !== "ok" && database.words) problems.push(database.words);
      if (free < LOW_DISK) problems.push(`Only ${Math.round(free / 2 ** 20)} MiB are free where packages are stored.`);
      if (ahead > CLOCK_TOLERANCE_MS) {
        problems.push(`The clock stands wrong: files are ${Math.round(ahead / 60_000)} minutes from the future.`);
      }
      if (index.failure) problems.push(`The package index could not be refreshed: ${index.failure.words}`);
      const index_age = age(last);
      const cache_status = index.failure
        ? "failed" as const
        : index_age === null
        ? "unknown" as const
        : index_age > STALE_INDEX
        ? "stale" as const
        : "fresh" as const;
      return {
        // A package manager at work is not an illness.
        status: problems.length > 0 && !(problems.length === 1 && database.state === "locked") ? "degraded" : "healthy",
        uptime_seconds: Math.round((performance.now() - started) / 1000),
        version: options.version,
        last_cache_update: last === null ? null : rfc3339(Temporal.Instant.fromEpochMilliseconds(Math.trunc(last))),
        cache_status,
        checks: {
          package_manager: database.state,
          disk: free < LOW_DISK ? "low" : "ok",
          clock: ahead > CLOCK_TOLERANCE_MS ? "skewed" : "ok",
        },
        problems: problems.map((words) => words.slice(0, 512)),
        agent: { name: "patch-agent", protocol: 1, simulated: false, state_id: store.state_id },
      };
    },

    async systemInfo() {
      const release = parseOsRelease(
        readIfThere(path("/etc/os-release")) ?? readIfThere(path("/usr/lib/os-release")) ?? "",
      );
      const machine_id = readIfThere(path("/etc/machine-id"))?.trim();
      const [reboot, last] = [await manager.reboot(), await index.lastSuccess()];
      const applied = store.records.findLast((record) =>
        record.job.operation === "apply" && record.job.status === "completed"
      );
      const boot = epochMs(clock) - Deno.osUptime() * 1000;
      return {
        hostname: (root === null ? Deno.hostname() : readIfThere(path("/etc/hostname"))?.trim()) || "unknown",
        os: release.PRETTY_NAME ?? release.NAME ?? "Linux",
        os_version: release.VERSION_ID,
        kernel: Deno.osRelease(),
        architecture: Deno.build.arch,
        last_update_check: last === null ? null : rfc3339(Temporal.Instant.fromEpochMilliseconds(Math.trunc(last))),
        last_update_apply: applied?.job.completed_at ?? null,
        pending_reboot: reboot.required,
        os_id: release.ID?.slice(0, 64),
        os_id_like: release.ID_LIKE,
        os_codename: release.VERSION_CODENAME?.slice(0, 64) ?? null,
        machine_id_hash: machine_id ? hashMachineId(machine_id) : undefined,
        boot_id: await bootId(),
        boot_time: rfc3339(Temporal.Instant.fromEpochMilliseconds(Math.trunc(boot))),
        package_manager: { name: manager.name, version: await manager.version() },
        reboot_reasons: reboot.reasons,
        disk_free: { "/var": freeBytes(path("/var")) },
      };
    },

    async patches() {
      const [listing, database, last] = [await manager.listing(), await manager.database(), await index.lastSuccess()];
      const index_age = age(last);
      const never = index_age !== null
        ? null
        : last === null
        ? "The package index was never fetched on this host."
        : "The package index is from the future, so its age is unknown: check the clock.";
      return {
        patches: listing.patches,
        total: listing.patches.length,
        security_updates: listing.patches.filter((patch) => patch.security).length,
        requires_reboot: listing.patches.some((patch) => patch.requires_reboot),
        package_manager: manager.name,
        index_age_seconds: index_age === null ? null : Math.round(index_age),
        index_error: (index.failure?.words ?? listing.error ?? never)?.slice(0, 2048) ?? null,
        state: database.state,
      };
    },
  };
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

async function bootId(): Promise<string | null> {
  const { stdout } = await new Deno.Command("/usr/bin/cat", {
    args: ["/proc/sys/kernel/random/boot_id"],
    clearEnv: true,
    env: {},
    cwd: "/",
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim().slice(0, 64) || null;
}
