import type { JobErrorCode } from "../../../protocol/api.ts";
import { type Clock, epochMs, rfc3339 } from "../../../core/clock.ts";
import { uuidv7 } from "../../../core/ids.ts";
import {
  type ApplyOrder,
  type HostJob,
  type HostJobEvent,
  type HostOrder,
  OperationError,
} from "../../host_operations.ts";
import { bootIdOf, type HostState, type HostStore } from "./host_state.ts";
import { type PendingUpdate, pendingUpdates, releaseMark } from "./inventory.ts";
import { makePlan, type Plan, planReboot, planRepair, planRollback, type Step } from "./plan.ts";
import { nothing_released, type Released } from "./releases.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Traits } from "./traits.ts";

const MAX_WAITING = 16;
const MAX_KEPT = 50;
const MAX_OUTPUT = 2 ** 20;
/** How long a run id is remembered. */
const RUN_MEMORY_MS = 90 * 86_400_000;

/**
 * The jobs of one simulated host: one at a time, in order, at most one start per run id, all of it in the host's
 * state before anything begins. After a restart of the process a job that was installing has ended meanwhile, as
 * with a real package manager, which goes on without its agent; one that was not begins again.
 */
export class JobQueue {
  readonly #listeners = new Set<(event: HostJobEvent) => void>();
  #current: { job: HostJob; stop: () => void } | null = null;
  #closed = false;

  constructor(
    readonly traits: Traits,
    readonly state: HostState,
    readonly store: HostStore,
    readonly scheduler: Scheduler,
    readonly clock: Clock,
    readonly released: () => Released = () => nothing_released,
  ) {
    for (const job of state.jobs.filter((job) => job.status === "running")) this.#reconcile(job);
    this.#next();
  }

  /** Newest first. */
  list(): HostJob[] {
    return this.state.jobs.toReversed();
  }

  find(job_id: string): HostJob | null {
    return this.state.jobs.find((job) => job.job_id === job_id) ?? null;
  }

  watch(listener: (event: HostJobEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * @throws OperationError DEADLINE_PASSED, STATE_CHANGED, PKG_NOT_FOUND, QUEUE_FULL, JOB_NOT_FOUND,
   * ROLLBACK_NOT_ALLOWED, REBOOT_BLOCKED
   */
  async start(order: HostOrder): Promise<HostJob> {
    const now = epochMs(this.clock);
    const known = this.state.runs[order.run_id];
    if (known) {
      const job = this.find(known.job_id);
      if (job) return job;
      throw new OperationError("JOB_NOT_FOUND", "This run was started before and its job has been removed since.");
    }
    if (order.state_id !== null && order.state_id !== this.state.state_id) {
      throw new OperationError("STATE_CHANGED", "This agent has lost its memory of earlier runs; read the host first.");
    }
    if (order.deadline_ms !== null && order.deadline_ms <= now) {
      throw new OperationError("DEADLINE_PASSED", "The order came after its deadline. Nothing was done.");
    }
    const updates = this.#affected(order);
    if (this.state.jobs.filter((job) => job.status === "pending").length >= MAX_WAITING) {
      throw new OperationError("QUEUE_FULL", `${MAX_WAITING} jobs are waiting already.`, true);
    }
    const job = this.#make(order, updates);
    this.state.jobs.push(job);
    this.state.orders[job.job_id] = order;
    this.state.runs[order.run_id] = { job_id: job.job_id, at: now };
    this.#forget(now);
    await this.store.save(this.state);
    this.#tell(job, "");
    const accepted = { ...job };
    this.#next();
    return accepted;
  }

  /** @throws OperationError JOB_NOT_FOUND, CANCEL_TOO_LATE */
  async cancel(job_id: string): Promise<HostJob> {
    const job = this.find(job_id);
    if (!job) throw new OperationError("JOB_NOT_FOUND", "This host has no such job.");
    if (
      job.status !== "pending" && !(job.status === "running" && ["queued", "refresh", "download"].includes(job.phase))
    ) {
      throw new OperationError("CANCEL_TOO_LATE", "Installing has begun or the job has ended; it cannot be stopped.");
    }
    if (this.#current?.job === job) {
      this.#current.stop();
      this.#current = null;
    }
    this.#end(job, "cancelled", { error: "Cancelled before anything was installed.", error_code: "CANCELLED" });
    await this.store.save(this.state);
    this.#next();
    return job;
  }

  /** @throws OperationError JOB_NOT_FOUND, DELETE_NOT_ALLOWED */
  async remove(job_id: string): Promise<void> {
    const job = this.find(job_id);
    if (!job) throw new OperationError("JOB_NOT_FOUND", "This host has no such job.");
    if (job.status === "pending" || job.status === "running") {
      throw new OperationError("DELETE_NOT_ALLOWED", "The job has not ended. Cancel it first.");
    }
    this.state.jobs.splice(this.state.jobs.indexOf(job), 1);
    await this.store.save(this.state);
  }

  close(): void {
    this.#closed = true;
    this.#current?.stop();
    this.#current = null;
    this.#listeners.clear();
  }

  /** Packages that an order is about. */
  #affected(order: HostOrder): PendingUpdate[] {
    switch (order.operation) {
      case "apply":
        return this.#chosen(order);
      case "rollback":
        return this.#changedBy(order.job_id);
      case "reboot":
        if (!order.force && this.state.jobs.some((job) => job.status === "pending" || job.status === "running")) {
          throw new OperationError("REBOOT_BLOCKED", "Jobs wait or run on this host. Nothing was done.", true);
        }
        return [];
      case "repair":
        return [];
    }
  }

  /** What a rollback would take back. */
  #changedBy(job_id: string): PendingUpdate[] {
    const job = this.find(job_id);
    if (!job) throw new OperationError("JOB_NOT_FOUND", "This host has no such job.");
    const gone = job.changes.filter(({ name, to }) => !isApplied(this.state.applied, name, to ?? ""))
      .map(({ name }) => name);
    if (!job.rollback.possible || gone.length > 0) {
      const why = job.rollback.reason ?? (gone.length > 0 ? `${gone.join(", ")} changed since.` : "It has not ended.");
      throw new OperationError("ROLLBACK_NOT_ALLOWED", `This job cannot be taken back: ${why} Nothing was done.`);
    }
    return this.#takenBack(job);
  }

  /** The changes of a job as updates that would be pending without it. */
  #takenBack(job: HostJob): PendingUpdate[] {
    const versions = new Map(job.changes.map(({ name, to }) => [name, to]));
    const before = job.changes.reduce((marks, change) => withdraw(marks, change), this.state.applied);
    return pendingUpdates(this.traits, new Set(before), this.released()).flatMap((one) => {
      const version = versions.get(one.package.name);
      return !version ? [] : [{ ...one, update: { ...one.update, version } }];
    });
  }

  /** What the order would install now. */
  #chosen(order: ApplyOrder): PendingUpdate[] {
    const pending = pendingUpdates(this.traits, new Set(this.state.applied), this.released());
    const byName = new Map(pending.map((one) => [one.package.name, one]));
    for (const name of order.packages ?? []) {
      const one = byName.get(name);
      const wanted = order.versions[name];
      if (!one || (wanted !== undefined && wanted !== one.update.version)) {
        const what = wanted === undefined ? name : `${name} ${wanted}`;
        throw new OperationError("PKG_NOT_FOUND", `There is no update to ${what} on this host now. Nothing was done.`);
      }
    }
    return pending.filter((one) =>
      one.state === "installable" && (!order.security_only || one.update.security) &&
      (order.packages === null || order.packages.includes(one.package.name))
    );
  }

  #make(order: HostOrder, updates: PendingUpdate[]): HostJob {
    return {
      job_id: uuidv7(this.clock),
      run_id: order.run_id,
      operation: order.operation === "apply" && order.dry_run ? "dry_run" : order.operation,
      status: "pending",
      phase: "queued",
      progress_percent: 0,
      message: "Waiting",
      output: "",
      error: null,
      error_code: null,
      exit_code: null,
      created_at: rfc3339(this.clock.now()),
      started_at: null,
      completed_at: null,
      packages: updates.map((one) => one.package.name),
      dry_run: order.operation !== "reboot" && order.dry_run,
      changes: [],
      conffiles_kept: [],
      failed_packages: [],
      rollback: { possible: false, reason: null, missing_versions: [] },
      restart: null,
      boot_id_before: null,
      boot_id_after: null,
      original_job_id: order.operation === "rollback" ? order.job_id : null,
      seq: 1,
    };
  }

  #next(): void {
    if (this.#closed || this.#current) return;
    const job = this.state.jobs.find((job) => job.status === "pending" || job.status === "running");
    if (job) this.#run(job);
  }

  #run(job: HostJob): void {
    const plan = this.#plan(job);
    job.status = "running";
    job.started_at ??= rfc3339(this.clock.now());
    job.boot_id_before ??= bootIdOf(this.traits, this.state);
    this.#step(job, plan, 0);
  }

  #plan(job: HostJob): Plan {
    const order = this.state.orders[job.job_id];
    const wanted = new Set(job.packages);
    const original = order.operation === "rollback" ? this.find(order.job_id) : null;
    const updates = original
      ? this.#takenBack(original)
      : pendingUpdates(this.traits, new Set(this.state.applied), this.released())
        .filter((one) => wanted.has(one.package.name));
    switch (order.operation) {
      case "apply":
        return makePlan(this.traits, order, updates, this.state);
      case "repair":
        return planRepair(this.traits, order, this.state);
      case "rollback":
        return planRollback(this.traits, order, updates);
      case "reboot":
        return planReboot(this.traits, order);
    }
  }

  #step(job: HostJob, plan: Plan, at: number): void {
    if (at >= plan.steps.length) return void this.#finish(job, plan);
    const stop = this.scheduler.after(plan.steps[at].delay_ms, () => {
      this.#happen(job, plan, plan.steps[at]);
      this.#tell(job, plan.steps[at].output);
      this.#step(job, plan, at + 1);
    });
    this.#current = { job, stop };
  }

  #happen(job: HostJob, plan: Plan, step: Step): void {
    // What is installed stays installed when the process ends in the middle.
    const begins = step.phase === "install" && job.phase !== "install";
    job.phase = step.phase;
    job.progress_percent = Math.max(job.progress_percent, step.progress_percent);
    job.message = step.message;
    job.output = (job.output + step.output).slice(-MAX_OUTPUT);
    if (step.phase === "refresh") this.state.refreshed_at = rfc3339(this.clock.now());
    if (step.broke) job.failed_packages.push({ name: step.broke, reason: "Its script ended with an error." });
    if (step.restarts) {
      this.state.restart_due = false;
      this.state.booted_at = rfc3339(this.clock.now());
    }
    if (step.repaired) this.state.repaired = true;
    const reverted = plan.updates.find((one) => one.package.name === step.reverted);
    if (reverted && isApplied(this.state.applied, step.reverted!, reverted.update.version)) {
      const { package: one, update } = reverted;
      const { arch } = this.traits.distribution;
      job.changes.push({ name: one.name, arch, from: update.version, to: one.version, action: "downgrade" });
      this.state.applied = withdraw(this.state.applied, { name: one.name, from: one.version, to: update.version });
    }
    if (step.installed) {
      const { package: one, update } = plan.updates.find((one) => one.package.name === step.installed)!;
      job.changes.push({
        name: one.name,
        arch: this.traits.distribution.arch,
        from: one.version,
        to: update.version,
        action: "upgrade",
      });
      this.state.applied.push(one.name, releaseMark(one.name, update.version));
      this.state.restart_due ||= update.requires_reboot;
    }
    if (begins) this.store.save(this.state).catch(() => {});
  }

  async #finish(job: HostJob, plan: Plan): Promise<void> {
    this.#current = null;
    if (job.operation === "dry_run" && !plan.failure) {
      job.changes = plan.updates.map(({ package: one, update }) => ({
        name: one.name,
        arch: this.traits.distribution.arch,
        from: one.version,
        to: update.version,
        action: "upgrade",
      }));
    }
    if (job.changes.length > 0 && !job.dry_run) this.state.last_apply = rfc3339(this.clock.now());
    if (plan.failure) this.#end(job, "failed", plan.failure);
    else this.#end(job, "completed", null);
    await this.store.save(this.state).catch(() => {});
    this.#next();
  }

  #end(
    job: HostJob,
    status: "completed" | "failed" | "cancelled",
    failure: { error: string; error_code: JobErrorCode; exit_code?: number } | null,
  ): void {
    job.status = status;
    job.phase = "done";
    job.progress_percent = status === "completed" ? 100 : job.progress_percent;
    job.message = failure?.error ?? (job.dry_run ? "Nothing was changed" : "Done");
    job.error = failure?.error ?? null;
    job.error_code = failure?.error_code ?? null;
    job.exit_code = failure ? failure.exit_code ?? null : 0;
    job.completed_at = rfc3339(this.clock.now());
    job.boot_id_after = bootIdOf(this.traits, this.state);
    if (!job.dry_run && job.changes.length > 0) {
      const { restart_due } = this.state;
      const reasons = restart_due ? ["A newer kernel is installed than the one that runs."] : [];
      job.restart = { services: [], kernel: null, reboot: restart_due, reasons };
    }
    job.rollback = rollbackOf(job);
    delete this.state.orders[job.job_id];
    this.#tell(job, "");
  }

  /** The process ended while the job was running. */
  #reconcile(job: HostJob): void {
    if (job.phase !== "install" && job.phase !== "verify" && job.phase !== "reboot-wait") return;
    const plan = this.#plan(job);
    for (const step of plan.steps) {
      if (step.phase !== "refresh" && step.phase !== "download") this.#happen(job, plan, step);
    }
    void this.#finish(job, plan);
  }

  #tell(job: HostJob, output: string): void {
    job.seq += 1;
    const event: HostJobEvent = {
      job_id: job.job_id,
      run_id: job.run_id,
      seq: job.seq,
      status: job.status,
      phase: job.phase,
      progress_percent: job.progress_percent,
      message: job.message,
      output: output.slice(-(2 ** 16)),
      error: job.error,
      error_code: job.error_code,
      timestamp: rfc3339(this.clock.now()),
    };
    for (const listener of this.#listeners) listener(event);
  }

  /** Old runs, and ended jobs beyond the last 50. */
  #forget(now: number): void {
    for (const [run, { at }] of Object.entries(this.state.runs)) {
      if (now - at > RUN_MEMORY_MS) delete this.state.runs[run];
    }
    const ended = this.state.jobs.filter((job) => job.status !== "pending" && job.status !== "running");
    for (const job of ended.slice(0, Math.max(0, ended.length - MAX_KEPT))) {
      this.state.jobs.splice(this.state.jobs.indexOf(job), 1);
    }
  }
}

/** Files of before there were releases hold names only. */
function isApplied(applied: string[], name: string, version: string): boolean {
  if (applied.includes(releaseMark(name, version))) return true;
  return applied.includes(name) && !applied.some((mark) => mark.startsWith(releaseMark(name, "")));
}

/** What stays applied when a change is taken back. The name alone stands for the first update. */
function withdraw(applied: string[], { name, from, to }: { name: string; from: string | null; to: string | null }) {
  const stays_updated = applied.includes(releaseMark(name, from ?? ""));
  return applied.filter((mark) => mark !== releaseMark(name, to ?? "") && (mark !== name || stays_updated));
}

/** Whether an ended job can be taken back; kernels never are, as on a real host. */
function rollbackOf(job: HostJob): HostJob["rollback"] {
  const no = (reason: string | null) => ({ possible: false, reason, missing_versions: [] });
  if (job.operation !== "apply" || job.changes.length === 0) return no("It changed no package.");
  const kernel = job.changes.find((change) => /^(linux|kernel)/.test(change.name));
  if (kernel) return no(`A kernel is not taken back (${kernel.name}): choose the former one at the boot.`);
  return { possible: true, reason: null, missing_versions: [] };
}
