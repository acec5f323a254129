import { parseArgs } from "node:util";

/** The command line was wrong. The words say how it goes. */
export class ExecutorUsageError extends Error {}

export interface ExecutorFlags {
  socket: string;
  state: string;
  root: string | null;
  lock_timeout_seconds: number;
  /** False: no changelogs are downloaded for their CVE ids. */
  changelogs: boolean;
  /** What restarts the managed system below a root; null for the default. */
  reboot_command: string | null;
}

const usage = "Usage: patch-agent executor --socket PATH --state DIR [--root DIR [--reboot-command PATH]] [--demo] " +
  "[--lock-timeout SECONDS] [--no-changelogs]";
/** sun_path holds 108 bytes; some systems count differently, so 100 is the promise. */
const SOCKET_PATH_BYTES = 100;

/**
 * Reads the executor's command line. Paths become arguments of apt and dpkg, so only plain ones are taken.
 * @throws ExecutorUsageError
 */
export function parseExecutorFlags(args: string[]): ExecutorFlags {
  let values;
  try {
    values = parseArgs({
      args,
      strict: true,
      allowPositionals: false,
      options: {
        socket: { type: "string" },
        state: { type: "string" },
        root: { type: "string" },
        demo: { type: "boolean" },
        "lock-timeout": { type: "string" },
        "reboot-command": { type: "string" },
        "no-changelogs": { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new ExecutorUsageError(`${error instanceof Error ? error.message : error}\n${usage}`);
  }
  const socket = path("--socket", values.socket ?? "/run/patch-agent/executor.sock");
  if (new TextEncoder().encode(socket).length > SOCKET_PATH_BYTES) {
    throw new ExecutorUsageError(`--socket has more than ${SOCKET_PATH_BYTES} bytes: ${socket}`);
  }
  if (values.demo && values.root === undefined) {
    throw new ExecutorUsageError("--demo without --root would work on this very machine; that is refused.");
  }
  const reboot = values["reboot-command"];
  if (reboot !== undefined && values.root === undefined) {
    throw new ExecutorUsageError("--reboot-command without --root is refused: a machine restarts by its own shutdown.");
  }
  const timeout = values["lock-timeout"] ?? "120";
  if (!/^\d{1,4}$/.test(timeout)) throw new ExecutorUsageError("--lock-timeout takes seconds, 0 to 9999.");
  return {
    socket,
    state: path("--state", values.state ?? "/var/lib/patch-executor"),
    root: values.root === undefined ? null : path("--root", values.root),
    lock_timeout_seconds: Number(timeout),
    changelogs: values["no-changelogs"] !== true,
    reboot_command: reboot === undefined ? null : path("--reboot-command", reboot),
  };
}

function path(name: string, value: string): string {
  const plain = /^(?:\/[A-Za-z0-9._-]+)+$/.test(value) &&
    !value.split("/").some((part) => part === ".." || part === ".");
  if (plain) return value;
  throw new ExecutorUsageError(
    `${name} takes an absolute path of letters, digits, . _ and - without a slash at its end, not ${
      JSON.stringify(value)
    }.`,
  );
}
