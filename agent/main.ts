import settings from "../deno.json" with { type: "json" };
import { parseCommand, usage, UsageError } from "./command_line.ts";

/** Runs one command of `patch-agent`. Answers the exit code: 0 done, 1 failed, 2 called wrongly. */
export async function main(args: string[]): Promise<number> {
  const [command, ...rest] = args;
  if (rest.includes("--help")) {
    console.log(usage(command));
    return 0;
  }
  try {
    switch (command) {
      case "serve": {
        withdraw("run", "ffi", "sys");
        const { runServe } = await import("./serve.ts");
        // Only the libraries ask for it, while they load.
        withdraw("env");
        return await runServe(parseCommand("serve", rest), settings.version);
      }
      case "simulate":
        withdraw("run", "ffi");
        return await (await import("./backends/simulated/simulate.ts"))
          .runSimulate(parseCommand("simulate", rest), settings.version);
      case "enrol":
        withdraw("run", "ffi");
        return await (await import("./enrol_command.ts")).runEnrol(parseCommand("enrol", rest));
      case "list": {
        // The one command here that runs programs; it talks to nobody instead.
        withdraw("net", "write", "env", "ffi", "sys");
        const args = parseCommand("list", rest);
        const root = args.optional("root") === null ? null : args.path("root");
        return await (await import("./list_command.ts"))
          .runList({ root, check: args.on("check"), json: args.on("json") });
      }
      case "renew":
        withdraw("net", "write", "run", "ffi", "sys");
        return await (await import("./renew_command.ts")).runRenew(parseCommand("renew", rest));
      case "doctor":
        withdraw("run", "ffi", "sys");
        return await (await import("./doctor_command.ts")).runDoctor(parseCommand("doctor", rest));
      case "executor":
        return await (await import("./executor.ts")).runExecutor(rest);
      case "version":
      case "--version":
        console.log(`patch-agent ${settings.version}`);
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

/**
 * Gives rights back, whatever the process was started with: first of all, so that a side that talks to the network
 * never runs a program.
 */
function withdraw(...names: Deno.PermissionName[]): void {
  for (const name of names) Deno.permissions.revokeSync({ name });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
