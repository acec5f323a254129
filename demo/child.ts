import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { epochMs, systemClock } from "../core/clock.ts";

export interface ChildOptions {
  /** Names its log and pid file. */
  name: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  /** The demo's state folder. */
  state: string;
  /** It is meant to end by itself, with 0. */
  passing?: true;
  /** Told as soon as it runs. */
  started?(child: Child): void;
}

/** A program that the demo started, in a session of its own: Ctrl-C reaches only the demo, which stops it in order. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly passing: boolean;
  /** When it was started, in milliseconds since the epoch. */
  readonly started_ms: number;
  /** Absolute path of what it says. */
  readonly log: string;
  /** Exit code, null when a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly is_running: () => boolean;
  signal(name: "SIGTERM" | "SIGHUP" | "SIGKILL"): void;
  /** Asks it to stop, and ends it after the deadline. */
  stop(deadline_ms?: number): Promise<void>;
}

/**
 * Starts a program with its output in a file. A file and not a pipe: when the demo is killed, its children go on in
 * order instead of dying at their next word.
 */
export async function startChild({ name, command, args, env, state, passing, started }: ChildOptions): Promise<Child> {
  await Deno.mkdir(`${state}/logs`, { recursive: true, mode: 0o700 });
  await Deno.mkdir(`${state}/pids`, { recursive: true, mode: 0o700 });
  const log = `${state}/logs/${name}.log`;
  const pid_file = `${state}/pids/${name}`;
  const file = openSync(log, "a", 0o600);
  const started_ms = epochMs(systemClock);
  let running = true;
  try {
    const child = spawn(command, args, { stdio: ["ignore", file, file], detached: true, cwd: "/", env });
    const ended = new Promise<number | null>((resolve) => {
      child.once("exit", (code) => {
        running = false;
        Deno.remove(pid_file).catch(() => {}).finally(() => resolve(code));
      });
    });
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      if (child.pid !== undefined) resolve();
    });
    const pid = child.pid!;
    await Deno.writeTextFile(pid_file, `${pid}\n`);
    const signal = (signal: "SIGTERM" | "SIGHUP" | "SIGKILL") => void (running && child.kill(signal));
    const result: Child = {
      name,
      pid,
      passing: passing === true,
      started_ms,
      log,
      ended,
      is_running: () => running,
      signal,
      async stop(deadline_ms = 15_000) {
        if (!running) return;
        signal("SIGTERM");
        const late = setTimeout(() => signal("SIGKILL"), deadline_ms);
        await ended;
        clearTimeout(late);
      },
    };
    started?.(result);
    return result;
  } finally {
    closeSync(file);
  }
}

/**
 * Ends what a killed demo left running. A process counts as ours only when its command line still names our state
 * folder: its number may belong to somebody else by now.
 * @returns names of what was ended
 */
export async function stopLeftovers(state: string): Promise<string[]> {
  const ended: string[] = [];
  const names = await Array.fromAsync(Deno.readDir(`${state}/pids`), ({ name }) => name).catch(() => []);
  for (const name of names) {
    const pid = parseInt(await Deno.readTextFile(`${state}/pids/${name}`));
    if (pid > 1 && (await commandLine(pid)).includes(state)) {
      Deno.kill(pid, "SIGTERM");
      for (let waited = 0; waited < 100 && (await commandLine(pid)).includes(state); waited++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      if ((await commandLine(pid)).includes(state)) Deno.kill(pid, "SIGKILL");
      ended.push(name);
    }
    await Deno.remove(`${state}/pids/${name}`);
  }
  return ended;
}

/** Words of a process; "" when it is gone or cannot be seen. */
async function commandLine(pid: number): Promise<string> {
  try {
    return (await Deno.readTextFile(`/proc/${pid}/cmdline`)).replaceAll("\u0000", " ");
  } catch {
    const { stdout } = await new Deno.Command("/usr/bin/ps", { args: ["-ww", "-o", "args=", "-p", String(pid)] })
      .output().catch(() => ({ stdout: new Uint8Array() }));
    return new TextDecoder().decode(stdout);
  }
}

/** The end of what a program said, for an error: of JSON lines only their words. */
export async function lastWords(child: Pick<Child, "log">, lines = 6): Promise<string> {
  const text = await Deno.readTextFile(child.log).catch(() => "");
  const last = text.trimEnd().split("\n").slice(-lines).map(wordsOf);
  return [...last.filter((line) => line !== "").map((line) => `  ${line}`), `  (all of it: ${child.log})`].join("\n");
}

function wordsOf(line: string): string {
  try {
    const { event, message = "" } = JSON.parse(line);
    return `${event} ${message}`.trim();
  } catch {
    return line;
  }
}
