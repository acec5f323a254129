import { systemClock } from "../../../core/clock.ts";
import { reason } from "../../../core/errors.ts";
import { createLog } from "../../../core/log.ts";
import { type Arguments, UsageError } from "../../command_line.ts";
import { PinnedManager } from "../../enrol_manager.ts";
import { untilStopped } from "../../stopping.ts";
import { startFleet } from "./fleet.ts";
import { realScheduler } from "./scheduler.ts";

/** `patch-agent simulate`. Answers the exit code once stopped. */
export async function runSimulate(args: Arguments, version: string): Promise<number> {
  const hosts = args.number("hosts", 1, 10_000);
  const seed = args.number("seed", 0, 2 ** 31);
  const speed = args.number("speed", 1, 1000);
  const port = args.number("port", 1, 65_535);
  const base = /^(127\.\d{1,3})\.0\.0$/.exec(args.text("base-address"))?.[1];
  if (!base || Number(base.split(".")[1]) > 255) {
    throw new UsageError("--base-address has to be 127.X.0.0: every host gets an address of its own there.");
  }
  const state = args.path("state");
  const log = createLog({ format: Deno.stdout.isTerminal() ? "text" : "json" });
  try {
    const tokens = args.optional("tokens") === null ? [] : await readTokens(args.path("tokens"));
    const manager = await PinnedManager.open(args.text("manager"), args.text("ca-fingerprint"), systemClock);
    const fleet = await startFleet({
      hosts,
      seed,
      state,
      base,
      port,
      manager,
      tokens,
      calm: args.on("calm"),
      scheduler: realScheduler(speed),
      clock: systemClock,
      log,
      version,
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    });
    log.info("agent.serving", { address: `${fleet.addresses[0]}:${port}`, count: hosts, version });
    await untilStopped(() => void fleet.refresh());
    await fleet.close();
    log.info("agent.stopped");
    return 0;
  } catch (thrown) {
    log.error("agent.failed", { message: reason(thrown) });
    return 1;
  }
}

async function readTokens(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(path);
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}
