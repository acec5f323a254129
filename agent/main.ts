import { parseCommand, usage, UsageError } from "./command_line.ts";

/** The version of the agent, as it stands in deno.json. */
export const AGENT_VERSION = "0.1.0";

/** Runs one command of `patch-agent`. Answers the exit code: 0 done, 1 failed, 2 called wrongly. */
export async function main(args: string[]): Promise<number> {
  const [command, ...rest] = args;
  try {
    switch (command) {
      case "serve":
        // First of all: the side that talks to the network never runs a program, whatever it was started with.
        Deno.permissions.revokeSync({ name: "run" });
        Deno.permissions.revokeSync({ name: "ffi" });
        return await (await import("./serve.ts")).runServe(parseCommand("serve", rest), AGENT_VERSION);
      case "simulate":
        Deno.permissions.revokeSync({ name: "run" });
        Deno.permissions.revokeSync({ name: "ffi" });
        return await (await import("./backends/simulated/simulate.ts"))
          .runSimulate(parseCommand("simulate", rest), AGENT_VERSION);
      case "enrol":
        Deno.permissions.revokeSync({ name: "run" });
        Deno.permissions.revokeSync({ name: "ffi" });
        return await (await import("./enrol_command.ts")).runEnrol(parseCommand("enrol", rest));
      case "version":
      case "--version":
        console.log(`patch-agent ${AGENT_VERSION}`);
        return 0;
      case "help":
      case "--help":
        console.log(usage());
        return 0;
      default:
        throw new UsageError(command === undefined ? "Which command?" : `There is no command ${command}.`);
    }
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    console.error(`${thrown.message}\n\n${usage()}`);
    return 2;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
