import { systemClock } from "../core/clock.ts";
import { reason } from "../core/errors.ts";
import { createLog } from "../core/log.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../protocol/peer.ts";
import { fileStore } from "./backends/simulated/host_state.ts";
import { SimulatedHost } from "./backends/simulated/host.ts";
import { realScheduler } from "./backends/simulated/scheduler.ts";
import { makeTraits } from "./backends/simulated/traits.ts";
import { expiryProblem, loadIdentity, prepareState } from "./certificates.ts";
import type { Arguments } from "./command_line.ts";
import { loadEnrolment } from "./enrol.ts";
import { PinnedManager } from "./enrol_manager.ts";
import { connectExecutor } from "./executor_client.ts";
import type { HostOperations } from "./host_operations.ts";
import { Renewal } from "./renewal.ts";
import { Revocation } from "./revocation.ts";
import { startAgentServer } from "./server.ts";
import { ManagerAddresses } from "./server/manager_addresses.ts";
import { untilStopped } from "./stopping.ts";

/**
 * `patch-agent serve`: answers the manager until SIGTERM; SIGHUP reads the certificate again, looks where the manager
 * is and fetches the list of revoked certificates. Answers the exit code.
 */
export async function runServe(args: Arguments, version: string): Promise<number> {
  const state = args.path("state");
  const { hostname, port } = args.endpoint("listen");
  const rules = args.addresses("allow");
  const clock = systemClock;
  const log = createLog({ format: Deno.stdout.isTerminal() ? "text" : "json" });
  try {
    await prepareState(state);
    const credentials = await loadIdentity(state, clock);
    const enrolment = await loadEnrolment(state);
    const manager = PinnedManager.trusting(enrolment.manager, credentials.ca, clock);
    const allowed = new ManagerAddresses(rules, enrolment.manager_addresses, manager.addresses);
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
    const certificates = new Renewal({
      state,
      names: enrolment,
      credentials,
      show: (fresh) => server.reload(fresh),
      revocation,
      clock,
      log,
    });
    const check = createPeerCheck({ ca: credentials.ca, identity: MANAGER_IDENTITY, revoked: revocation, clock });
    const server = await startAgentServer({
      operations,
      credentials,
      check: () => check,
      allowed,
      certificates,
      network: () => {
        const health = revocation.health();
        const expiry = expiryProblem(certificates.credentials.certificate, clock);
        return { ...health, problems: [...health.problems, ...certificates.problems, ...(expiry ? [expiry] : [])] };
      },
      hostname,
      port,
      version,
      clock,
      log,
    });
    await certificates.load();
    revocation.start();
    log.info("agent.serving", { address: `${hostname}:${server.port}`, version });
    const locate = async () => {
      await manager.locate();
      log.info("agent.allowed", { message: `Connections from ${allowed.rulesOfNow().join(", ") || "nowhere"}.` });
    };
    void locate();
    await untilStopped(async () => {
      try {
        await certificates.reload();
        await Promise.all([revocation.fetch(), locate()]);
        log.info("agent.reloaded");
      } catch (thrown) {
        log.error("agent.reload_failed", { message: reason(thrown) });
      }
    });
    certificates.close();
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
