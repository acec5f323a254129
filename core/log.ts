import { type Clock, rfc3339, systemClock } from "./clock.ts";
import { maskSecrets } from "./mask_secrets.ts";

export type Level = "debug" | "info" | "warn" | "error";

/**
 * The keys that a log line may carry besides time, level, event and message. An allow-list, because a line is
 * read by machines for years and must never carry a password, key or token by accident.
 */
export interface Fields {
  message?: string;
  request_id?: string;
  host_id?: string;
  job_id?: string;
  run_id?: string;
  user_id?: string;
  role?: string;
  route?: string;
  method?: string;
  status?: number;
  duration_ms?: number;
  error_code?: string;
  count?: number;
  address?: string;
  path?: string;
  version?: string;
}

const KEYS: readonly (keyof Fields)[] = [
  "request_id",
  "host_id",
  "job_id",
  "run_id",
  "user_id",
  "role",
  "route",
  "method",
  "status",
  "duration_ms",
  "error_code",
  "count",
  "address",
  "path",
  "version",
  "message",
];

const ORDER: Record<Level, number> = { debug: 10, info: 20, warn: 30, error: 40 };

/** Writes events named `noun.verb`, one line each. */
export interface Log {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  /** The same log with fields that every line carries. */
  with(fields: Fields): Log;
}

export interface LogOptions {
  level?: Level;
  /** json: one object a line. text: for a person at a terminal. */
  format?: "json" | "text";
  clock?: Clock;
  /** Takes one line without its end. Default: standard output. */
  write?: (line: string) => void;
}

/** A log with the given threshold and form. */
export function createLog(options: LogOptions = {}, fixed: Fields = {}): Log {
  const { level = "info", format = "json", clock = systemClock, write = toStdout } = options;
  const emit = (lineLevel: Level) => (event: string, fields: Fields = {}) => {
    if (ORDER[lineLevel] < ORDER[level]) return;
    const time = rfc3339(clock.now());
    const all = masked({ ...fixed, ...fields });
    write(format === "json" ? jsonLine(time, lineLevel, event, all) : textLine(time, lineLevel, event, all));
  };
  return {
    debug: emit("debug"),
    info: emit("info"),
    warn: emit("warn"),
    error: emit("error"),
    with: (more) => createLog(options, { ...fixed, ...more }),
  };
}

/** A log that says nothing, for tests of other things. */
export const silentLog: Log = createLog({ level: "error", write: () => {} });

/** The two that are free text. */
function masked(fields: Fields): Fields {
  if (fields.message !== undefined) fields.message = maskSecrets(fields.message);
  if (fields.path !== undefined) fields.path = maskSecrets(fields.path);
  return fields;
}

function jsonLine(time: string, level: Level, event: string, fields: Fields): string {
  const line: Record<string, unknown> = { time, level, event };
  for (const key of KEYS) if (fields[key] !== undefined) line[key] = fields[key];
  return JSON.stringify(line);
}

function textLine(time: string, level: Level, event: string, fields: Fields): string {
  const rest = KEYS.filter((key) => key !== "message" && fields[key] !== undefined).map((key) =>
    `${key}=${fields[key]}`
  );
  const message = fields.message ? ` ${oneLine(fields.message)}` : "";
  return `${time.slice(11, 19)} ${level.padEnd(5)} ${event}${message}${
    rest.length ? ` (${oneLine(rest.join(" "))})` : ""
  }`;
}

/** Control characters would let a host's words forge lines or steer a terminal. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

const encoder = new TextEncoder();
function toStdout(line: string): void {
  const bytes = encoder.encode(line + "\n");
  for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
}
