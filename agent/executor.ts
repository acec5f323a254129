import { systemClock } from "../core/clock.ts";
import { reason } from "../core/errors.ts";
import { createLog } from "../core/log.ts";
import settings from "../deno.json" with { type: "json" };
import { createApt } from "./backends/apt.ts";
import { ExecutorUsageError, parseExecutorFlags } from "./executor/flags.ts";
import { openHostExecutor } from "./executor/host_executor.ts";
import { listenOnSocket, serveSocket } from "./executor/socket_server.ts";

/**
 * `patch-agent executor --socket PATH --state DIR [--root DIR [--reboot-command PATH]] [--demo]`: the root side
 * of the agent. It runs the package manager and answers on a unix socket; it has no network.
 * @returns the exit code: 0 stopped, 1 could not start, 2 called wrongly
 */
export async function runExecutor(args: string[]): Promise<number> {
  // First of all: what this process must never have, whatever it was started with.
  await Deno.permissions.revoke({ name: "ffi" });
  const log = createLog({ format: Deno.stdout.isTerminal() ? "text" : "json" });
  try {
    const flags = parseExecutorFlags(args);
    const manager = createApt({ root: flags.root, lock_timeout_seconds: flags.lock_timeout_seconds });
    const executor = openHostExecutor({ ...flags, manager, clock: systemClock, log, version: settings.version });
    const listener = await listenOnSocket(flags.socket);
    // The listener is open and stays so; from here on nothing can be reached and nothing else listened on.
    await Deno.permissions.revoke({ name: "net" });
    const server = serveSocket(listener, executor, log);
    log.info("executor.ready", { path: flags.socket, version: settings.version });
    await stopSignal();
    // Jobs are not waited for: the package manager goes on by itself, and the next start takes it up.
    await server.close();
    await executor.close();
    return 0;
  } catch (error) {
    if (error instanceof ExecutorUsageError) {
      console.error(error.message);
      return 2;
    }
    log.error("executor.failed", { message: reason(error) });
    return 1;
  }
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    Deno.addSignalListener("SIGTERM", () => resolve());
    Deno.addSignalListener("SIGINT", () => resolve());
  });
}

if (import.meta.main) Deno.exit(await runExecutor(Deno.args));
