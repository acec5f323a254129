import { MAX_BYTES } from "./toml.ts";

/** A file as the reader of the configuration sees it. */
export interface FileRead {
  text: string;
  /** Permission bits, as in 0o640. */
  mode: number;
}

/** What reading the configuration needs of the machine; tests give their own folder, never another answer. */
export interface Machine {
  env: Record<string, string>;
  /** The file, or words why it cannot be read; `missing` tells absence from the rest. */
  read(path: string): FileRead | { problem: string; missing: boolean };
}

/** This machine: its environment and files. Needs env, and read for the files concerned. */
export function thisMachine(): Machine {
  return { env: Deno.env.toObject(), read: readFile };
}

/** Reads a small text file. Never throws. */
export function readFile(path: string): FileRead | { problem: string; missing: boolean } {
  try {
    const { mode, size, isFile } = Deno.statSync(path);
    if (!isFile) return { problem: "is not a file", missing: false };
    if (size > MAX_BYTES) return { problem: `is larger than ${MAX_BYTES / 1024} KiB`, missing: false };
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(path)), mode: mode ?? 0 };
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return { problem: "does not exist", missing: true };
    if (thrown instanceof Deno.errors.PermissionDenied) {
      return { problem: "cannot be read by this user", missing: false };
    }
    if (thrown instanceof Deno.errors.NotCapable) {
      return { problem: "lies outside what this program may read", missing: false };
    }
    return { problem: thrown instanceof TypeError ? "is not UTF-8 text" : "cannot be read", missing: false };
  }
}
