import { systemClock } from "../../../core/clock.ts";
import { reason } from "../../../core/errors.ts";
import { createLog } from "../../../core/log.ts";
import { type Arguments, UsageError } from "../../command_line.ts";
import { PinnedManager } from "../../enrol_manager.ts";
import { untilStopped } from "../../stopping.ts";
import { startSimulatedFleet } from "./fleet.ts";
import { RequestRecord } from "./record.ts";
import { realScheduler } from "./scheduler.ts";
import { readShare, type Shares } from "./shares.ts";

/** Name of the record in the state folder. */
export const RECORD_FILE = "requests.log";

/** `patch-agent simulate`. Answers the exit code once stopped. */
export async function runSimulate(args: Arguments, version: string): Promise<number> {
  const hosts = args.number("hosts", 1, 10_000);
  const seed = args.number("seed", 0, 2 ** 31);
  const speed = args.number("speed", 1, 1000);
  const port = args.number("port", 1, 65_535);
  const release_minutes = args.number("release-minutes", 0, 100_000);
  const base = /^(127\.\d{1,3})\.0\.0$/.exec(args.text("base-address"))?.[1];
  if (!base || Number(base.split(".")[1]) > 255) {
    throw new UsageError("--base-address has to be 127.X.0.0: every host gets an address of its own there.");
  }
  const mix = sharesOf(args) ?? args.on("calm");
  const state = args.path("state");
  const log = createLog({ format: Deno.stdout.isTerminal() ? "text" : "json" });
  try {
    const tokens = args.optional("tokens") === null ? [] : await readTokens(args.path("tokens"));
    const manager = await PinnedManager.open(args.text("manager"), args.text("ca-fingerprint"), systemClock);
    const record = args.on("record") ? new RequestRecord(`${state}/${RECORD_FILE}`, systemClock) : null;
    const fleet = await startSimulatedFleet({
      hosts,
      seed,
      state,
      base,
      port,
      manager,
      tokens,
      mix,
      release_ms: release_minutes === 0 ? null : release_minutes * 60_000,
      on_request: record?.note,
      scheduler: realScheduler(speed),
      clock: systemClock,
      log,
      version,
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    });
    log.info("agent.serving", { address: `${fleet.addresses[0]}:${port}`, count: hosts, version });
    await untilStopped(() => void fleet.refresh());
    await fleet.close();
    record?.close();
    log.info("agent.stopped");
    return 0;
  } catch (thrown) {
    log.error("agent.failed", { message: reason(thrown) });
    return 1;
  }
}

/** The options that say how many hosts are special, by the share that they set. */
export const share_options = { dead: "dead", slow: "slow", flaky: "flaky", failing: "fail-install" } as const;

/** Null when no share was given. @throws UsageError */
function sharesOf(args: Arguments): Shares | null {
  const shares: Shares = { dead: 0, slow: 0, flaky: 0, failing: 0 };
  let given = false;
  for (const [name, option] of Object.entries(share_options)) {
    const text = args.optional(option);
    if (text === null) continue;
    const share = readShare(text);
    if (share === null) throw new UsageError(`--${option} has to be a share such as 5% or 0.05, not ${text}.`);
    shares[name as keyof Shares] = share;
    given = true;
  }
  if (shares.dead + shares.slow + shares.flaky + shares.failing > 1) {
    throw new UsageError("The shares of special hosts are more than 100 % together.");
  }
  return given ? shares : null;
}

async function readTokens(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(path);
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}
