import { systemClock } from "../core/clock.ts";
import { reason } from "../core/errors.ts";
import { createLog } from "../core/log.ts";
import { createAllowList } from "../protocol/listener.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../protocol/peer.ts";
import { fileStore } from "./backends/simulated/host_state.ts";
import { SimulatedHost } from "./backends/simulated/host.ts";
import { realScheduler } from "./backends/simulated/scheduler.ts";
import { makeTraits } from "./backends/simulated/traits.ts";
import { expiryProblem, loadIdentity, prepareState } from "./certificates.ts";
import { type Arguments, UsageError } from "./command_line.ts";
import { loadEnrolment } from "./enrol.ts";
import { PinnedManager } from "./enrol_manager.ts";
import { connectExecutor } from "./executor_client.ts";
import type { HostOperations } from "./host_operations.ts";
import { Revocation } from "./revocation.ts";
import { startAgentServer } from "./server.ts";
import { untilStopped } from "./stopping.ts";

/**
 * `patch-agent serve`: answers the manager until SIGTERM; SIGHUP reads the certificate again and fetches the list
 * of revoked ones. Answers the exit code.
 */
export async function runServe(args: Arguments, version: string): Promise<number> {
  const state = args.path("state");
  const { hostname, port } = args.endpoint("listen");
  const allowed = readAllowList(args.many("allow"));
  const clock = systemClock;
  const log = createLog({ format: Deno.stdout.isTerminal() ? "text" : "json" });
  try {
    await prepareState(state);
    let credentials = await loadIdentity(state, clock);
    const manager = PinnedManager.trusting((await loadEnrolment(state)).manager, credentials.ca, clock);
    const operations = await openHost(args, state);
    const revocation = new Revocation({
      state,
      ca: credentials.ca,
      manager,
      clock,
      log,
      on_changed: () => server.recheck(),
    });
    await revocation.load();
    const check = createPeerCheck({ ca: credentials.ca, identity: MANAGER_IDENTITY, revoked: revocation, clock });
    const server = await startAgentServer({
      operations,
      credentials,
      check: () => check,
      allowed,
      network: () => {
        const health = revocation.health();
        const expiry = expiryProblem(credentials.certificate, clock);
        return { ...health, problems: [...health.problems, ...(expiry ? [expiry] : [])] };
      },
      hostname,
      port,
      version,
      clock,
      log,
    });
    revocation.start();
    log.info("agent.serving", { address: `${hostname}:${server.port}`, version });
    await untilStopped(async () => {
      try {
        const fresh = await loadIdentity(state, clock);
        // The check knows one root; another one means another enrolment and needs a new start.
        if (fresh.ca !== credentials.ca) throw new Error("The root certificate has changed. Restart the agent.");
        server.reload(fresh);
        credentials = fresh;
        await revocation.fetch();
        log.info("agent.reloaded");
      } catch (thrown) {
        log.error("agent.reload_failed", { message: reason(thrown) });
      }
    });
    revocation.close();
    await server.close();
    await operations.close();
    log.info("agent.stopped");
    return 0;
  } catch (thrown) {
    log.error("agent.failed", { message: reason(thrown) });
    return 1;
  }
}

async function openHost(args: Arguments, state: string): Promise<HostOperations> {
  if (!args.on("simulated")) return connectExecutor(args.path("executor"));
  const traits = makeTraits(args.number("seed", 0, 2 ** 31), 0);
  return await SimulatedHost.open(traits, fileStore(`${state}/simulated.json`), realScheduler(1), systemClock);
}

/** Null for no rules: every address may try, the client certificate decides. @throws UsageError */
function readAllowList(rules: string[]) {
  if (rules.length === 0) return null;
  try {
    return createAllowList(rules.flatMap((rule) => rule.split(",")));
  } catch (thrown) {
    throw new UsageError(`--allow: ${reason(thrown)}`);
  }
}
