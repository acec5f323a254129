import type { Clock } from "../../../core/clock.ts";
import type { Log } from "../../../core/log.ts";
import type { PeerCheck } from "../../../protocol/peer.ts";
import { expiryProblem, loadIdentity } from "../../certificates.ts";
import { Renewal } from "../../renewal.ts";
import type { Revocation } from "../../revocation.ts";
import { type AgentServer, startAgentServer } from "../../server.ts";
import { brokenConnections } from "./connections.ts";
import { SimulatedHost } from "./host.ts";
import { fileStore } from "./host_state.ts";
import type { OnRequest } from "./record.ts";
import type { Releases } from "./releases.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Traits } from "./traits.ts";

export interface HostListener {
  folder: string;
  address: string;
  port: number;
  ca: string;
  /** Of all hosts together, as is the check. */
  revocation: Revocation;
  check: PeerCheck;
  releases: Releases | null;
  scheduler: Scheduler;
  on_request: OnRequest;
  clock: Clock;
  log: Log;
  version: string;
}

/** One simulated host behind the real agent's listener, with its own certificate, which the manager may renew. */
export async function serveHost(
  traits: Traits,
  options: HostListener,
): Promise<{ server: AgentServer; close(): Promise<void> }> {
  const { folder, address, port, revocation, check, on_request, clock, log, version } = options;
  const credentials = { ...await loadIdentity(folder, clock), ca: options.ca };
  const host = await SimulatedHost.open(traits, fileStore(`${folder}/state.json`), options.scheduler, clock, {
    releases: options.releases ?? undefined,
    on_asked: (what) => on_request(traits.index, what),
  });
  const certificates = new Renewal({
    state: folder,
    names: { fqdn: traits.fqdn, address },
    credentials,
    show: (fresh) => server.reload(fresh),
    revocation,
    clock,
    log,
  });
  const server = await startAgentServer({
    operations: host,
    credentials,
    check: () => check,
    allowed: traits.trouble === "flaky" ? brokenConnections(traits, () => on_request(traits.index, "broken")) : null,
    certificates,
    network: () => {
      const health = revocation.health();
      const expiry = expiryProblem(certificates.credentials.certificate, clock);
      return { ...health, problems: [...health.problems, ...certificates.problems, ...(expiry ? [expiry] : [])] };
    },
    hostname: address,
    port,
    version,
    clock,
    log,
  }).catch(async (thrown) => {
    await host.close();
    throw thrown;
  });
  await certificates.load();
  return {
    server,
    async close() {
      certificates.close();
      await server.close();
      await host.close();
    },
  };
}
