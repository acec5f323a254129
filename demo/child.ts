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
 * Ends what a killed demo left running, except for its database, which is taken over.
 * @returns names of what was ended
 */
export async function stopLeftovers(state: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(`${state}/pids`), ({ name }) => name).catch(() => []);
  const ended = await Promise.all(names.map(async (name) => {
    const was_there = await endOurs(await Deno.readTextFile(`${state}/pids/${name}`), state, "SIGTERM");
    await Deno.remove(`${state}/pids/${name}`);
    return was_there ? [name] : [];
  }));
  return ended.flat();
}

/** Ends the database of a killed demo at once: for a state that is thrown away. */
export async function stopLeftDatabase(state: string): Promise<void> {
  for await (const { name } of Deno.readDir(state)) {
    const text = await Deno.readTextFile(`${state}/${name}/postmaster.pid`).catch(() => "");
    await endOurs(text.split("\n")[0], state, "SIGQUIT");
  }
}

/**
 * A process counts as ours only when its command line still names our state folder: its number may belong to
 * somebody else by now.
 */
async function endOurs(text: string, state: string, signal: "SIGTERM" | "SIGQUIT"): Promise<boolean> {
  const pid = /^\s*\d{1,10}\s*$/.test(text) ? parseInt(text) : 0;
  const is_ours = async () => pid > 1 && namesFolder(await commandLine(pid), state);
  if (!await is_ours()) return false;
  send(pid, signal);
  for (let waited = 0; waited < 100 && await is_ours(); waited++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (await is_ours()) send(pid, "SIGKILL");
  return true;
}

/** It may have ended by itself meanwhile. */
function send(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}

/** True when one of the words names the folder or something in it; `/a/demo-2` is not in `/a/demo`. */
export function namesFolder(words: string, folder: string): boolean {
  return words.includes(`${folder}/`) || words.split(/[ =,]/).includes(folder);
}

/** Words of a process; "" when it is gone. Through cat, because Deno itself reads /proc only with all rights. */
async function commandLine(pid: number): Promise<string> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/cmdline`], stderr: "null" }).output();
  return new TextDecoder().decode(stdout).replaceAll("\u0000", " ");
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
