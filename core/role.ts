import type { RoleConfig } from "./config/types.ts";
import { reason } from "./errors.ts";
import { createLog, type Log } from "./log.ts";

/** What a role gets besides the configuration: where things lie, and the log's settled form. */
export interface RolePlaces {
  /** The folder of main.ts, with `dist/` and `static/`; embedded when compiled. */
  root: string;
  /** Addresses of the name servers that the web role may ask, on port 53. */
  name_servers: string[];
  /** text for a terminal, else json; `auto` has been decided. */
  log_format: "json" | "text";
  /** Number of the last migration that this program knows; wait for it before the first statement. */
  schema_version: number;
  /** This program's version. */
  version: string;
}

/** What must not be printed. */
export interface RoleSecrets {
  /** The role's own login. */
  database_url: string;
  /** PEM of the CA that signed the database's certificate, for `connect({ ssl: { ca } })`; null: the public roots. */
  database_ca: string | null;
}

export type RoleStartConfig = RoleConfig & { places: RolePlaces };

/** From main to a role. A second `start` is a reload: same permissions, newly read values and certificates. */
export type ToRole =
  | { type: "start"; config: RoleStartConfig; secrets: RoleSecrets }
  | { type: "stop"; deadline_ms: number };

/** One loop of a role: how long ago it last turned, and how long it may take. */
export interface LoopBeat {
  silent_ms: number;
  limit_ms: number;
}

/** From a role to main. A role that has stopped as it was told says so as `fatal` with the code `stopped`. */
export type FromRole =
  | { type: "ready"; address: string | null }
  | { type: "beat"; loops: Record<string, LoopBeat> }
  | { type: "metrics"; values: Record<string, number> }
  | { type: "fatal"; code: string; message: string };

/** What {@link RoleParts.start} works with. */
export interface RoleContext {
  config: RoleStartConfig;
  secrets: RoleSecrets;
  log: Log;
  /** Aborted by `stop`, before {@link RoleParts.stop} is called: loops watch it. */
  signal: AbortSignal;
  /**
   * Names a loop and returns what it calls at each turn. A loop that stays silent longer than `limit_ms` makes the
   * role count as dead, and main ends the process.
   */
  loop(name: string, limit_ms: number): () => void;
}

export interface RoleParts {
  /** Returns once the role does its work; the address that it listens on goes into the log. */
  start(context: RoleContext): Promise<{ address?: string } | void>;
  /** Finishes or hands over what runs, within `deadline_ms`. */
  stop(deadline_ms: number): Promise<void>;
  /** Takes newly read values and certificates. Without it a role needs a restart. */
  reload?(context: RoleContext): Promise<void>;
  /** Numbers for /metrics, sent with every beat. */
  metrics?(): Record<string, number>;
}

/** A role says every 2 s that it lives. */
export const BEAT_MS = 2_000;

/** The port of a worker: `self`, or one end of a channel in a test. */
export interface RolePort {
  postMessage(message: FromRole): void;
  onmessage: ((event: MessageEvent<ToRole>) => void) | null;
}

/**
 * The role's side of the conversation with main: waits for `start`, says `ready`, beats, stops. Called once, at the
 * end of `routes/main.ts` and `worker/main.ts`.
 */
export function runRole(
  role: "web" | "fleet",
  parts: RoleParts,
  port: RolePort = self as unknown as RolePort,
  beat_ms: number = BEAT_MS,
): void {
  const stopping = new AbortController();
  const loops = new Map<string, { turned: number; limit_ms: number }>();
  let state: "new" | "starting" | "running" | "stopping" = "new";

  const contextOf = ({ config, secrets }: ToRole & { type: "start" }): RoleContext => ({
    config,
    secrets,
    log: createLog({ level: config.log.level, format: config.places.log_format }, { role }),
    signal: stopping.signal,
    loop(name, limit_ms) {
      const entry = { turned: performance.now(), limit_ms };
      loops.set(name, entry);
      return () => void (entry.turned = performance.now());
    },
  });
  const beat = () => {
    const now = performance.now();
    const silent = [...loops].map(([name, { turned, limit_ms }]): [string, LoopBeat] => [name, {
      silent_ms: Math.round(now - turned),
      limit_ms,
    }]);
    port.postMessage({ type: "beat", loops: Object.fromEntries(silent) });
    const values = parts.metrics?.();
    if (values) port.postMessage({ type: "metrics", values });
  };
  const fail = (code: string, thrown: unknown) => {
    const { hint } = thrown as { hint?: string };
    port.postMessage({ type: "fatal", code, message: hint ? `${reason(thrown)} ${hint}` : reason(thrown) });
  };
  const start = async (message: ToRole & { type: "start" }) => {
    state = "starting";
    setInterval(beat, beat_ms);
    try {
      const started = await parts.start(contextOf(message));
      if (state === "starting") state = "running";
      port.postMessage({ type: "ready", address: started?.address ?? null });
    } catch (thrown) {
      if (!stopping.signal.aborted) fail("start_failed", thrown);
    }
  };
  const stop = async (deadline_ms: number) => {
    if (state === "stopping") return;
    state = "stopping";
    stopping.abort(new Error("The role is told to stop."));
    try {
      await parts.stop(deadline_ms);
      port.postMessage({ type: "fatal", code: "stopped", message: "stopped as told" });
    } catch (thrown) {
      fail("stop_failed", thrown);
    }
  };
  port.onmessage = ({ data }) => {
    if (data.type === "stop") void stop(data.deadline_ms);
    else if (state === "new") void start(data);
    else if (state === "running") parts.reload?.(contextOf(data)).catch((thrown) => fail("reload_failed", thrown));
  };
}
