import { cleanText } from "../../clean_text.ts";
import type { ProgramCall } from "../../executor/package_manager.ts";

/** Absolute paths only: nothing is looked up through PATH. */
export const programs = {
  apt_get: "/usr/bin/apt-get",
  apt_cache: "/usr/bin/apt-cache",
  apt_config: "/usr/bin/apt-config",
  apt_mark: "/usr/bin/apt-mark",
  dpkg: "/usr/bin/dpkg",
  dpkg_deb: "/usr/bin/dpkg-deb",
  dpkg_query: "/usr/bin/dpkg-query",
  dpkg_repack: "/usr/bin/dpkg-repack",
} as const;

/** What a reading command answered. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** A path of the managed system: below the root when there is one. */
export function hostPath(root: string | null, path: string): string {
  return (root ?? "") + path;
}

/** The whole environment of every call. With a root, APT_CONFIG moves apt below it. */
export function aptEnvironment(root: string | null): Record<string, string> {
  return {
    LC_ALL: "C.UTF-8",
    DEBIAN_FRONTEND: "noninteractive",
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    NEEDRESTART_MODE: "l",
    ...(root === null ? {} : { APT_CONFIG: `${root}/apt.conf` }),
  };
}

/** Arguments that point dpkg's tools at the managed system's database. */
export function adminDirectory(root: string | null): string[] {
  return root === null ? [] : [`--admindir=${root}/var/lib/dpkg`];
}

/** A complete call of one of the programs. */
export function aptCall(root: string | null, program: string, args: string[]): ProgramCall {
  return { program, args, env: aptEnvironment(root) };
}

/**
 * Runs a command that only reads, to its end. Its answer is cleaned here, once for all: a repository or a package may
 * have put anything into the texts that it repeats.
 * @throws Error when the program is missing, or with the code ETIMEDOUT when it takes longer than a minute
 */
export async function read(call: ProgramCall, timeout_ms = 60_000): Promise<CommandResult> {
  const signal = AbortSignal.timeout(timeout_ms);
  const { code, stdout, stderr } = await new Deno.Command(call.program, {
    args: call.args,
    clearEnv: true,
    env: call.env,
    cwd: "/",
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).output();
  if (signal.aborted) {
    const words = `${call.program} did not answer within ${timeout_ms / 1000} s. The host may be overloaded, or its ` +
      "disk may hang; try again.";
    throw Object.assign(new Error(words), { code: "ETIMEDOUT" });
  }
  const decoder = new TextDecoder();
  return { code, stdout: cleanText(decoder.decode(stdout)), stderr: cleanText(decoder.decode(stderr)) };
}
