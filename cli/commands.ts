import { ConfigError, configProblems } from "../core/config/load_config.ts";
import { nearest } from "../core/config/nearest.ts";
import { noWords, readArguments, UsageError } from "./arguments.ts";
import { complain, type Program, programAt, runtimeCheckIsOff, runtimeProblem, say, words } from "./program.ts";

interface Command {
  usage: string;
  summary: string;
  /** Returns the exit code. Loaded only when asked for, so that `version` does not wait for a database driver. */
  run(args: readonly string[], program: Program): Promise<number> | number;
}

const commands: Record<string, Command> = {
  serve: {
    usage: "serve [--role web|fleet] [--config FILE]",
    summary: "Start the manager; without --role both roles in one process.",
    run: async (args, program) => (await import("./serve.ts")).serve(args, program),
  },
  migrate: {
    usage: "migrate [--config FILE]",
    summary: "Bring the database to this version; serve does it too.",
    run: async (args, program) => (await import("./migrate.ts")).migrate(args, program),
  },
  config: {
    usage: "config show|check|example|permissions [--config FILE] [--json]",
    summary: "Show or check the configuration, print an example, print what each role may do.",
    run: async (args, program) => (await import("./config.ts")).config(args, program),
  },
  admin: {
    usage:
      "admin create NAME [--display-name TEXT] | reset-password NAME | reset-mfa NAME | list [--json]  [--config FILE]",
    summary: "Get back in: make an admin, replace a password or a second factor, list the users.",
    run: async (args, program) => (await import("./admin.ts")).admin(args, program),
  },
  verify: {
    usage: "verify audit [--config FILE] [--json] [--export FILE] [--checkpoints FILE] [--keys FILE]",
    summary: "Recompute the audit chain, of the database or of an export, and say whether it is intact.",
    run: async (args) => (await import("./verify.ts")).verify(args),
  },
  access: {
    usage: "access list|allow NETWORK|clear [--config FILE]",
    summary: "Show or change, at the console, from where pages and API can be used; for who is locked out.",
    run: async (args) => (await import("./access.ts")).access(args),
  },
  licenses: {
    usage: "licenses",
    summary: "Print the licence notices of everything inside.",
    run: async (args, program) => (await import("./licenses.ts")).licenses(args, program),
  },
  version: {
    usage: "version",
    summary: "Print the version.",
    run: (
      args,
      program,
    ) => (noWords(readArguments(args, {})), say(`patch-manager ${program.version} (Deno ${Deno.version.deno})`), 0),
  },
  help: {
    usage: "help",
    summary: "Print this.",
    run: (args) => (noWords(readArguments(args, {})), say(helpText()), 0),
  },
};

const ALIASES = new Map([["--help", "help"], ["-h", "help"], ["--version", "version"]]);

/** What `help` prints. */
export function helpText(): string {
  const lines = Object.values(commands).map(({ usage, summary }) => `  ${usage}\n      ${summary}`);
  return ["Linux Patch Manager", "", "Usage: patch-manager COMMAND", "", ...lines].join("\n");
}

/**
 * Runs the command that the words name.
 *
 * @param mainUrl the address of main.ts: it says where the program lies
 * @returns the exit code: 0 done, 1 failed, 2 not understood or badly configured
 */
export async function runCommand(args: readonly string[], mainUrl: string): Promise<number> {
  const [first, ...rest] = args;
  const name = ALIASES.get(first) ?? first;
  try {
    if (name === undefined) throw new UsageError("Which command?");
    if (!Object.hasOwn(commands, name)) throw new UsageError(unknownCommand(name));
    const problem = runtimeProblem(Deno.version.deno);
    if (problem !== null && runtimeCheckIsOff()) complain("This is a test build: TLS is not enforced.");
    else if (problem !== null) return complain(problem), 1;
    return await commands[name].run(rest, programAt(mainUrl));
  } catch (thrown) {
    if (thrown instanceof UsageError) return complain(`${thrown.message} See: patch-manager help`), 2;
    if (thrown instanceof ConfigError) return complain(configProblems(thrown).join("\n")), 2;
    complain(words(thrown));
    return 1;
  }
}

function unknownCommand(name: string): string {
  const meant = nearest(name, Object.keys(commands));
  return `There is no command "${name}".${meant ? ` Did you mean ${meant}?` : ""}`;
}
