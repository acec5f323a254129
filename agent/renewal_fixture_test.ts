import { connect } from "node:tls";
import { type Clock, systemClock } from "../core/clock.ts";
import { createLog } from "../core/log.ts";
import { issueAgentCertificate } from "../core/ca/authority.ts";
import { buildCrl } from "../core/ca/crl.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../protocol/peer.ts";
import type { ListenerCredentials } from "../protocol/listener.ts";
import { testFolder } from "../testing/test_folder.ts";
import { SimulatedHost } from "./backends/simulated/host.ts";
import { memoryStore } from "./backends/simulated/host_state.ts";
import { ManualScheduler } from "./backends/simulated/scheduler.ts";
import { makeTraits } from "./backends/simulated/traits.ts";
import { loadIdentity, storeIdentity } from "./certificates.ts";
import { PinnedManager } from "./enrol_manager.ts";
import { Renewal } from "./renewal.ts";
import { Revocation } from "./revocation.ts";
import { type AgentServer, startAgentServer } from "./server.ts";
import { standardTraffic } from "./server/traffic.ts";
import { Client, makePki, type TestPki } from "./server/server_fixture_test.ts";

export const names = { fqdn: "web1.example", address: "127.0.0.1" };

export interface RenewingAgent extends AsyncDisposable {
  readonly pki: TestPki;
  readonly state: string;
  readonly client: Client;
  readonly port: number;
  readonly revocation: Revocation;
  readonly renewal: Renewal;
  /** Events of the log so far. */
  readonly events: string[];
  /** What an ordinary connection is shown now; it sends no request. */
  shown(): Promise<string>;
  /** The present identity in the folder. */
  kept(): Promise<ListenerCredentials>;
  /** Ends the process's part, as a crash would; the folder stays. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A real listener that renews its certificate, with a folder of its own. The manager's address leads nowhere. */
export async function startRenewingAgent(
  options: { confirm_ms?: number; pki?: TestPki; issued?: Clock } = {},
): Promise<RenewingAgent> {
  const clock = systemClock;
  const pki = options.pki ?? await makePki({ now: () => clock.now().subtract({ hours: 24 * 200 }) });
  const folder = await testFolder("renew-");
  const state = `${folder.path}/state`;
  await Deno.mkdir(state, { mode: 0o700 });
  await storeIdentity(state, { ca: pki.ca, ...await pki.agent([names.address], [names.fqdn], options.issued) });
  const manager = await pki.manager();
  const events: string[] = [];
  const log = createLog({ level: "debug", write: (line) => events.push(JSON.parse(line).event) });
  let running: { server: AgentServer; host: SimulatedHost; revocation: Revocation; renewal: Renewal };
  let port = 0;

  async function start(): Promise<void> {
    const credentials = await loadIdentity(state, clock);
    const host = await SimulatedHost.open(makeTraits(1, 0, true), memoryStore(), new ManualScheduler(), clock);
    const nowhere = PinnedManager.trusting("https://127.0.0.1:1", credentials.ca, clock);
    const revocation = new Revocation({
      state,
      ca: credentials.ca,
      manager: nowhere,
      clock,
      log,
      on_changed: () => server.recheck(),
    });
    await revocation.load();
    const renewal = new Renewal({
      ...{ state, names, credentials, revocation, clock, log },
      show: (fresh) => server.reload(fresh),
      confirm_ms: options.confirm_ms,
    });
    const check = createPeerCheck({ ca: credentials.ca, identity: MANAGER_IDENTITY, revoked: revocation, clock });
    const server = await startAgentServer({
      ...{ operations: host, credentials, check: () => check, allowed: null, certificates: renewal, clock, log, port },
      network: () => ({ ...revocation.health(), problems: [...revocation.health().problems, ...renewal.problems] }),
      hostname: "127.0.0.1",
      version: "0.0.0-test",
      traffic: { ...standardTraffic, rate: 1_000, burst: 1_000 },
    });
    await renewal.load();
    port = server.port;
    running = { server, host, revocation, renewal };
  }
  async function stop(): Promise<void> {
    running.renewal.close();
    running.revocation.close();
    await running.server.close();
    await running.host.close();
  }
  await start();
  return {
    ...{ pki, state, events, start, stop },
    client: new Client(port, { ca: pki.ca, ...manager }),
    port,
    get revocation() {
      return running.revocation;
    },
    get renewal() {
      return running.renewal;
    },
    kept: () => loadIdentity(state, clock),
    shown: () => shownSerial(port, { ca: pki.ca, ...manager }),
    async [Symbol.asyncDispose]() {
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The serial of the certificate that a connection is shown, lower case. Answers once the server saw it end. */
export function shownSerial(
  port: number,
  identity: { ca: string; certificate?: string; key?: string },
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({
    ...{ host: "127.0.0.1", port, ca: identity.ca, cert: identity.certificate, key: identity.key },
    minVersion: "TLSv1.3",
  });
  let serial = "";
  socket.on("secureConnect", () => {
    serial = socket.getPeerCertificate().serialNumber.toLowerCase();
    socket.end();
  });
  socket.on("error", reject);
  socket.on("close", () => resolve(serial));
  return promise;
}

/** What a manager answers to a request for a certificate. */
export async function issueFor(
  pki: TestPki,
  csr_pem: string,
  more: { dns?: string[]; addresses?: string[]; clock?: Clock } = {},
): Promise<{ certificate_pem: string; serial: string }> {
  const { dns = [names.fqdn], addresses = [names.address], clock = systemClock } = more;
  return await issueAgentCertificate(pki.authority, { host_id: "test", dns, addresses }, csr_pem, clock);
}

/** A list of revoked certificates with that number. */
export async function listOf(pki: TestPki, serials: string[], number: bigint): Promise<string> {
  const entries = serials.map((serial) => ({
    serial,
    revoked_at: systemClock.now(),
    not_after: systemClock.now().add({ hours: 24 * 90 }),
    reason: "key_compromise" as const,
  }));
  return (await buildCrl(pki.authority, entries, number, systemClock)).pem;
}
