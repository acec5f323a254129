import { nearest } from "../core/config/nearest.ts";

/** A word on the command line that is not understood: said on standard error, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** The flags that a command takes: `value` wants something behind it, `switch` stands alone. */
export type Flags = Record<string, "value" | "switch">;

export interface Arguments {
  values: Record<string, string>;
  switches: Set<string>;
  words: string[];
}

/**
 * Reads `--name value`, `--name=value`, `--switch` and plain words.
 * @throws UsageError for an unknown flag, a flag given twice, and one without its value.
 */
export function readArguments(args: readonly string[], flags: Flags): Arguments {
  const read: Arguments = { values: {}, switches: new Set(), words: [] };
  for (let i = 0; i < args.length; i++) {
    const text = args[i];
    if (!text.startsWith("-")) {
      read.words.push(text);
      continue;
    }
    const [flag, inline] = text.startsWith("--") && text.includes("=")
      ? [text.slice(2, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]
      : [text.replace(/^--?/, ""), undefined];
    if (!Object.hasOwn(flags, flag) || !text.startsWith("--")) {
      const meant = nearest(flag, Object.keys(flags));
      throw new UsageError(`There is no flag ${text.split("=")[0]} here.${meant ? ` Did you mean --${meant}?` : ""}`);
    }
    if (Object.hasOwn(read.values, flag) || read.switches.has(flag)) throw new UsageError(`--${flag} is given twice.`);
    if (flags[flag] === "switch") {
      if (inline !== undefined) throw new UsageError(`--${flag} takes no value.`);
      read.switches.add(flag);
      continue;
    }
    const value = inline ?? args[++i];
    if (value === undefined || value === "") throw new UsageError(`--${flag} needs a value behind it.`);
    read.values[flag] = value;
  }
  return read;
}

/** Refuses words that a command does not know. */
export function noWords({ words }: Arguments): void {
  if (words.length > 0) throw new UsageError(`"${words[0]}" is not understood here.`);
}
