import type { Health, InstalledPackage, PatchList, SystemInfo } from "../../../protocol/api.ts";
import { type Clock, epochMs, rfc3339 } from "../../../core/clock.ts";
import { uuidv7 } from "../../../core/ids.ts";
import { hashMachineId } from "../../enrol_machine.ts";
import type { HostJob, HostJobEvent, HostOperations, HostOrder } from "../../host_operations.ts";
import { bootIdOf, type HostState, type HostStore, troubleOf } from "./host_state.ts";
import { installedPackages, pendingPatches } from "./inventory.ts";
import { JobQueue } from "./job_queue.ts";
import { between, fraction } from "./random.ts";
import { nothing_released, type Released, type Releases } from "./releases.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Traits } from "./traits.ts";

/** An index older than this is stale: the agent's own refresh runs every hour. */
const STALE_SECONDS = 48 * 3600;
const REFRESH_SECONDS = 3600;
const INDEX_ERROR = "The package index could not be refreshed: the package server's name does not resolve.";

/** How long a flaky host stalls, milliseconds. */
const STALL_MS = 2_000;

export interface HostExtras {
  /** What comes out while the fleet runs; nothing without it. */
  releases?: Releases;
  /** Told of every question as it comes in. */
  on_asked?: (what: Asked) => void;
}

/** What a manager asks a host for. */
export type Asked = "health" | "system" | "packages" | "patches";

/** A host that exists only in memory and one small file. Says so in its health. */
export class SimulatedHost implements HostOperations {
  readonly #queue: JobQueue;
  #answers = 0;

  private constructor(
    readonly traits: Traits,
    readonly state: HostState,
    readonly store: HostStore,
    readonly scheduler: Scheduler,
    readonly clock: Clock,
    readonly extras: HostExtras,
  ) {
    this.#queue = new JobQueue(traits, state, store, scheduler, clock, () => this.#released());
  }

  /** Opens a host with what it remembers. Throws when its file is damaged or cannot be written. */
  static async open(
    traits: Traits,
    store: HostStore,
    scheduler: Scheduler,
    clock: Clock,
    extras: HostExtras = {},
  ): Promise<SimulatedHost> {
    let state = await store.load();
    if (!state) {
      state = newState(traits, clock);
      await store.save(state);
    }
    return new SimulatedHost(traits, state, store, scheduler, clock, extras);
  }

  async health(): Promise<Health> {
    await this.#hesitate("health");
    const trouble = troubleOf(this.traits, this.state);
    const age = this.#indexAge();
    const problems = [
      ...(trouble === "interrupted"
        ? ["An earlier change of packages was interrupted; it has to be completed on the host."]
        : []),
      ...(trouble === "stale_index" ? [INDEX_ERROR] : []),
      ...(trouble === "disk_low" ? ["The file system of /var has less than 2 % left."] : []),
    ];
    return {
      status: problems.length > 0 ? "degraded" : "healthy",
      last_cache_update: rfc3339(this.clock.now().subtract({ seconds: age })),
      cache_status: trouble === "stale_index" ? "failed" : age > STALE_SECONDS ? "stale" : "fresh",
      checks: {
        package_manager: trouble === "interrupted" ? "interrupted" : "ok",
        disk: trouble === "disk_low" ? "low" : "ok",
        clock: "ok",
      },
      problems,
      agent: { simulated: true, state_id: this.state.state_id },
    };
  }

  async systemInfo(): Promise<SystemInfo> {
    await this.#hesitate("system");
    const { traits, state } = this;
    const { distribution: system } = traits;
    const restart_due = this.state.restart_due;
    return {
      hostname: traits.fqdn.split(".")[0],
      os: system.os,
      os_version: system.os_version,
      kernel: system.kernel,
      architecture: "x86_64",
      last_update_check: rfc3339(this.clock.now().subtract({ seconds: this.#indexAge() })),
      last_update_apply: state.last_apply,
      pending_reboot: restart_due,
      os_id: system.os_id,
      os_id_like: system.os_id_like,
      os_codename: system.os_codename,
      machine_id_hash: hashMachineId(traits.machine_id),
      boot_id: bootIdOf(traits, state),
      boot_time: state.booted_at,
      init_system: system.init_system,
      package_manager: { name: system.manager, version: system.manager_version },
      reboot_reasons: restart_due ? ["A newer kernel is installed than the one that runs."] : [],
      services_to_restart: [],
      virtualization: "simulation",
      disk_free: { "/": this.#free(), "/var": traits.trouble === "disk_low" ? 120_000_000 : this.#free() },
    };
  }

  async packages(): Promise<InstalledPackage[]> {
    await this.#hesitate("packages");
    return installedPackages(this.traits, new Set(this.state.applied), this.#released());
  }

  async patches(options: { max_index_age_seconds?: number }): Promise<PatchList> {
    await this.#hesitate("patches");
    const stale = this.traits.trouble === "stale_index";
    if (!stale && this.#indexAge() > (options.max_index_age_seconds ?? Infinity)) {
      this.state.refreshed_at = rfc3339(this.clock.now());
    }
    const patches = pendingPatches(this.traits, new Set(this.state.applied), this.#released());
    return {
      patches,
      total: patches.length,
      security_updates: patches.filter((one) => one.security).length,
      requires_reboot: patches.some((one) => one.requires_reboot),
      package_manager: this.traits.distribution.manager,
      index_age_seconds: this.#indexAge(),
      index_error: stale ? INDEX_ERROR : null,
      state: troubleOf(this.traits, this.state) === "interrupted" ? "interrupted" : "ok",
    };
  }

  start(order: HostOrder): Promise<HostJob> {
    return this.#queue.start(order);
  }

  jobs(): Promise<HostJob[]> {
    return Promise.resolve(this.#queue.list());
  }

  job(job_id: string): Promise<HostJob | null> {
    return Promise.resolve(this.#queue.find(job_id));
  }

  cancel(job_id: string): Promise<HostJob> {
    return this.#queue.cancel(job_id);
  }

  remove(job_id: string): Promise<void> {
    return this.#queue.remove(job_id);
  }

  /** An invented host runs no services. */
  service(): Promise<null> {
    return Promise.resolve(null);
  }

  watch(listener: (event: HostJobEvent) => void): () => void {
    return this.#queue.watch(listener);
  }

  /** Stops the clockwork and answers once the last state is on the disk. */
  async close(): Promise<void> {
    this.#queue.close();
    await this.store.save(this.state);
  }

  /** Seconds. Grows from the last refresh on, which happens by itself every hour unless it cannot. */
  #indexAge(): number {
    const since = (epochMs(this.clock) - Temporal.Instant.from(this.state.refreshed_at!).epochMilliseconds) / 1000;
    const age = Math.max(0, Math.floor(since));
    return this.traits.trouble === "stale_index" ? age : age % REFRESH_SECONDS;
  }

  #free(): number {
    return between(4, 90, this.traits.seed, this.traits.index, "disk") * 1_000_000_000;
  }

  #released(): Released {
    return this.extras.releases?.of(this.traits.distribution) ?? nothing_released;
  }

  /** A slow host takes two to six seconds to say anything; a flaky one stalls now and then. */
  #hesitate(what: Asked): Promise<void> {
    this.extras.on_asked?.(what);
    const { seed, index, trouble } = this.traits;
    const wait = trouble === "slow"
      ? between(2000, 6000, seed, index, "slow")
      : trouble === "flaky" && fraction(seed, index, this.#answers++, "stall") < 0.1
      ? STALL_MS
      : 0;
    return wait === 0 ? Promise.resolve() : new Promise((resolve) => void this.scheduler.after(wait, resolve));
  }
}

function newState(traits: Traits, clock: Clock): HostState {
  const { seed, index, trouble } = traits;
  const now = clock.now();
  const age = trouble === "stale_index"
    ? between(5, 12, seed, index, "age") * 86_400
    : between(60, 3300, seed, index, "age");
  return {
    state_id: uuidv7(clock),
    applied: [],
    restart_due: trouble === "reboot_due",
    repaired: false,
    last_apply: null,
    booted_at: rfc3339(now.subtract({ seconds: between(3600, 90 * 86_400, seed, index, "boot") })),
    refreshed_at: rfc3339(now.subtract({ seconds: age })),
    jobs: [],
    orders: {},
    runs: {},
  };
}
