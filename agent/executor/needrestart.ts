import { readIfThere } from "./durable_file.ts";
import { readProgram } from "./read_program.ts";

/** What still runs in an older version than the installed one. */
export interface RunningOldCode {
  /** Units of the init system, `ssh.service` for example, sorted. */
  services: string[];
  /** The newest installed kernel, when an older one runs. */
  kernel: string | null;
  /** How the init system itself (process 1) gets to its new code, without a restart of the host; null: it runs it. */
  init: string | null;
  /** False: nobody could say (needrestart is not installed), so the empty list means nothing. */
  known: boolean;
}

/** What needrestart calls process 1 among the services. Neither is a unit that could be restarted. */
const INIT: Record<string, string> = { "systemd-manager": "systemctl daemon-reexec", "sysv-init": "telinit u" };

/** Below a root: the recorded output of `needrestart -b`, in place of a program that looks at this machine. */
export const RECORDED_NEEDS = "/run/needrestart.batch";
/** It looks at every process; on a busy host that takes some seconds. */
const LIMIT_MS = 60_000;

/**
 * Which services and kernel are to be restarted, as needrestart says it. Lists only: `-r l` keeps it from
 * restarting anything whatever its configuration says.
 * @param root with one, the machine's own needrestart is never asked: it would speak of other processes
 */
export async function readRestartNeeds(root: string | null): Promise<RunningOldCode> {
  const text = root === null
    ? (await readProgram("/usr/sbin/needrestart", ["-b", "-r", "l"], LIMIT_MS))?.stdout ?? ""
    : readIfThere(root + RECORDED_NEEDS) ?? "";
  return parseRestartNeeds(text);
}

/**
 * Reads `needrestart -b`: `NEEDRESTART-SVC: cron.service`, `NEEDRESTART-KSTA: 3`. State of the kernel: 0 unknown,
 * 1 current, 2 an upgrade of the same ABI is pending, 3 another version is pending.
 */
export function parseRestartNeeds(text: string): RunningOldCode {
  const services = new Set<string>();
  const kernel: Record<string, string> = {};
  let init: string | null = null;
  for (const line of text.split("\n")) {
    const match = /^NEEDRESTART-([A-Z]+): ?(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const [, key, value] = match;
    if (key === "SVC" && Object.hasOwn(INIT, value)) init = INIT[value];
    else if (key === "SVC" && /^[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,255}$/.test(value)) services.add(value);
    if (["VER", "KCUR", "KEXP", "KSTA"].includes(key)) kernel[key] = value;
  }
  const pending = kernel.KSTA === "2" || kernel.KSTA === "3";
  return {
    services: [...services].toSorted().slice(0, 512),
    kernel: pending && kernel.KEXP ? kernel.KEXP.slice(0, 256) : null,
    init,
    known: kernel.VER !== undefined,
  };
}

/** How long an answer holds while no job ends. Ms. */
const KEEP_MS = 600_000;
/** How long a question waits for needrestart. Ms. */
const WAIT_MS = 5_000;

/**
 * Keeps what needrestart said, because it looks at every process.
 * @returns `read(epoch)`: another epoch (the end of the newest job) asks anew. Null while it still works
 */
export function createRestartReader(root: string | null): { read(epoch: string): Promise<RunningOldCode | null> } {
  let kept: { epoch: string; at: number; answer: Promise<RunningOldCode> } | null = null;
  return {
    async read(epoch) {
      // A file below a root costs nothing to read again.
      if (root !== null) return await readRestartNeeds(root);
      if (kept === null || kept.epoch !== epoch || performance.now() - kept.at > KEEP_MS) {
        kept = { epoch, at: performance.now(), answer: readRestartNeeds(root) };
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      const limit = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), WAIT_MS));
      try {
        return await Promise.race([kept.answer, limit]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
