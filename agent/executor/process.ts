import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { ProgramCall } from "./package_manager.ts";

/** A program that outlives us: it writes to files, and nobody has to read them. */
export interface DetachedProcess {
  pid: number;
  /** Ends when the program has ended. `code` is null when a signal ended it. */
  ended: Promise<{ code: number | null; signal: string | null }>;
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGTERM"): void;
}

/**
 * Starts a program in a session of its own, standard output and error to the one file (in the order in which they
 * were written), file descriptor 3 to the other where one is given. Files, not pipes: with pipes a killed executor left dpkg half-way
 * (measured), with files the package manager finishes.
 * @throws Error when the program cannot be started
 */
export async function startDetached(
  call: ProgramCall,
  output: string,
  status: string | null,
): Promise<DetachedProcess> {
  const outputFile = openSync(output, "a", 0o600);
  const statusFile = status === null ? null : openSync(status, "a", 0o600);
  try {
    const child = spawn(call.program, call.args, {
      stdio: ["ignore", outputFile, outputFile, ...(statusFile === null ? [] : [statusFile])],
      detached: true,
      cwd: "/",
      // Explicit: without it node's layer would read the whole environment, which we may not.
      env: call.env,
    });
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      if (child.pid !== undefined) resolve();
    });
    child.unref();
    const signal: DetachedProcess["signal"] = (name) => {
      // Deno's node layer sends one signal and then ignores further ones (2.9.6); Node itself does not.
      Object.assign(child, { killed: false });
      child.kill(name);
    };
    return { pid: child.pid!, ended, signal };
  } finally {
    closeSync(outputFile);
    if (statusFile !== null) closeSync(statusFile);
  }
}

/** One line of the process list. */
export interface ProcessRow {
  pid: number;
  /** Effective user id. */
  user: number;
  command_line: string;
}

/** Every process, by a fixed call of ps (Deno refuses /proc); null where ps is missing. */
export async function listProcesses(): Promise<ProcessRow[] | null> {
  try {
    const { stdout } = await new Deno.Command("/usr/bin/ps", {
      args: ["-e", "-ww", "-o", "pid=", "-o", "euid=", "-o", "args="],
      clearEnv: true,
      env: { LC_ALL: "C.UTF-8" },
      cwd: "/",
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).split("\n").flatMap((line) => {
      const match = /^\s*(\d+)\s+(\d+) (.*)$/.exec(line);
      return match ? [{ pid: Number(match[1]), user: Number(match[2]), command_line: match[3] }] : [];
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Lets a halted process go on. An executor that was killed while it asked whether a cancel came in time would leave
 * the package manager standing still, lock in hand; a process that runs does not mind. Deno grants signals to
 * foreign processes only with all permissions, hence the program.
 */
export async function continueProcess(pid: number): Promise<void> {
  await new Deno.Command("/usr/bin/kill", {
    args: ["-CONT", String(Math.trunc(pid))],
    clearEnv: true,
    env: { LC_ALL: "C.UTF-8" },
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
