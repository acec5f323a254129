import { cleanText } from "../clean_text.ts";

/** What a program that only reads has answered. */
export interface ProgramAnswer {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program that only reads, with fixed arguments and nothing of our environment.
 * @param program absolute path
 * @param timeout_ms after that it is ended, and counts as one that is missing
 * @returns null when it is not installed, may not be run, or did not answer in time
 */
export async function readProgram(program: string, args: string[], timeout_ms = 10_000): Promise<ProgramAnswer | null> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timeout_ms);
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args,
      clearEnv: true,
      env: { LC_ALL: "C.UTF-8", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      cwd: "/",
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: limit.signal,
    }).output();
    if (limit.signal.aborted) return null;
    const decoder = new TextDecoder();
    return { code, stdout: cleanText(decoder.decode(stdout)), stderr: cleanText(decoder.decode(stderr)) };
  } catch (error) {
    // A program that is not on the executor's list is as good as one that is not installed.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
