import type { FromRole, ToRole } from "../core/role.ts";
import { reason } from "../core/errors.ts";
import type { Log } from "../core/log.ts";

export type WorkerRole = "web" | "fleet";

/** One role to start: its code, what it may do, what it is told. */
export interface RoleOrder {
  role: WorkerRole;
  entry: URL;
  permissions: Deno.PermissionOptionsObject;
  start: ToRole & { type: "start" };
}

/** Why the roles are no longer running. */
export interface RolesEnded {
  role: WorkerRole;
  /** `stopped` when it was told to; else `silent`, `crashed`, `start_failed`, … */
  code: string;
  message: string;
}

export interface SupervisorOptions {
  log: Log;
  /** A role that says nothing (or whose loop stands still) for this long ends the process. Default 30 s. */
  silence_ms?: number;
  /** How often silence is looked for. Default 1 s. */
  check_ms?: number;
  /** Milliseconds that only go forward. Default: this process's. */
  elapsed?: () => number;
}

export interface Supervisor {
  /** All roles do their work; by role the address that it listens on. Rejects never: see `ended`. */
  ready: Promise<Record<string, string | null>>;
  /** The first role that ended without being told, or `stopped` once all have stopped. */
  ended: Promise<RolesEnded>;
  /** Sends newly read values to a role. */
  reload(orders: RoleOrder[]): void;
  /** Tells all roles to stop; `ended` follows within the deadline, in milliseconds. */
  stop(deadline_ms: number): void;
  /** The last numbers that each role sent. */
  metrics(): Record<string, Record<string, number>>;
  /** Ends the threads, whatever they do. */
  close(): void;
}

const SILENCE_MS = 30_000;

/** Starts the roles as workers with exactly their permissions, and watches them. It never starts one again. */
export function supervise(orders: RoleOrder[], options: SupervisorOptions): Supervisor {
  const { log, silence_ms = SILENCE_MS, check_ms = 1_000, elapsed = () => performance.now() } = options;
  const ended = Promise.withResolvers<RolesEnded>();
  const ready = Promise.withResolvers<Record<string, string | null>>();
  const addresses: Record<string, string | null> = {};
  const numbers: Record<string, Record<string, number>> = {};
  const stopped = new Set<WorkerRole>();
  const workers = new Map<WorkerRole, { worker: Worker; alive: number; stalled: string }>();
  let deadline: ReturnType<typeof setTimeout> | undefined;

  const end = (role: WorkerRole, code: string, message: string) => ended.resolve({ role, code, message });
  const hear = (role: WorkerRole, message: FromRole) => {
    const entry = workers.get(role)!;
    switch (message.type) {
      case "ready":
        addresses[role] = message.address;
        if (Object.keys(addresses).length === orders.length) ready.resolve(addresses);
        break;
      case "beat": {
        const stalled = Object.entries(message.loops).filter(([, { silent_ms, limit_ms }]) => silent_ms > limit_ms);
        entry.stalled = stalled.map(([name, { silent_ms }]) => `${name} (${silent_ms} ms)`).join(", ");
        if (stalled.length > 0) return;
        break;
      }
      case "metrics":
        numbers[role] = message.values;
        return;
      case "fatal":
        if (message.code !== "stopped" || deadline === undefined) return end(role, message.code, message.message);
        stopped.add(role);
        if (stopped.size === orders.length) end(role, "stopped", "all roles have stopped");
    }
    entry.alive = elapsed();
  };
  for (const { role, entry, permissions, start } of orders) {
    const worker = new Worker(entry, { type: "module", name: role, deno: { permissions } } as WorkerOptions);
    workers.set(role, { worker, alive: elapsed(), stalled: "" });
    worker.onmessage = ({ data }: MessageEvent<FromRole>) => hear(role, data);
    worker.onmessageerror = () => end(role, "crashed", "it sent what cannot be read");
    worker.onerror = (event) => {
      event.preventDefault();
      end(role, "crashed", event.message || reason(event.error));
    };
    worker.postMessage(start);
  }
  const timer = setInterval(() => {
    for (const [role, { alive, stalled }] of workers) {
      const silent = Math.round(elapsed() - alive);
      if (silent <= silence_ms || stopped.has(role)) continue;
      end(role, "silent", stalled ? `a loop stands still: ${stalled}` : `no sign of life for ${silent} ms`);
    }
  }, check_ms);

  return {
    ready: ready.promise,
    ended: ended.promise,
    metrics: () => structuredClone(numbers),
    reload(fresh) {
      for (const { role, start } of fresh) workers.get(role)?.worker.postMessage(start);
    },
    stop(deadline_ms) {
      if (deadline !== undefined) return;
      log.info("roles.stopping", { duration_ms: deadline_ms });
      const late = orders.map(({ role }) => role);
      deadline = setTimeout(() => {
        const role = late.find((name) => !stopped.has(name)) ?? late[0];
        end(role, "stop_late", `it did not stop within ${deadline_ms} ms`);
      }, deadline_ms);
      for (const { worker } of workers.values()) worker.postMessage({ type: "stop", deadline_ms } satisfies ToRole);
    },
    close() {
      clearInterval(timer);
      clearTimeout(deadline);
      for (const { worker } of workers.values()) worker.terminate();
    },
  };
}
