import { createServer as createTcpServer } from "node:net";
import { z } from "zod";
import type { Clock } from "../../../core/clock.ts";
import type { Log } from "../../../core/log.ts";
import type { ListenerCredentials } from "../../../protocol/listener.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../../../protocol/peer.ts";
import { expiryProblem, hasIdentity, loadIdentity, prepareState, readIfThere, writeWhole } from "../../certificates.ts";
import { enrol, EnrolError } from "../../enrol.ts";
import { hashMachineId } from "../../enrol_machine.ts";
import type { PinnedManager } from "../../enrol_manager.ts";
import { Revocation } from "../../revocation.ts";
import { type AgentServer, startAgentServer } from "../../server.ts";
import { SimulatedHost } from "./host.ts";
import { fileStore } from "./host_state.ts";
import type { Scheduler } from "./scheduler.ts";
import { makeTraits, type Traits } from "./traits.ts";

export interface FleetOptions {
  /** 1 to 10,000. */
  hosts: number;
  seed: number;
  state: string;
  /** First two numbers of every address: "127.77". */
  base: string;
  port: number;
  manager: PinnedManager;
  /** One-time tokens for hosts that are not enrolled yet. */
  tokens: string[];
  calm: boolean;
  scheduler: Scheduler;
  clock: Clock;
  log: Log;
  version: string;
  sleep: (milliseconds: number) => Promise<void>;
}

export interface Fleet {
  /** Hosts that listen, silent ones included. */
  readonly addresses: string[];
  /** How many were enrolled by this start. */
  readonly enrolled: number;
  /** Fetches the list of revoked certificates now. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** At once towards the manager: it issues some 250 certificates a second and has others to serve. */
const ENROL_AT_ONCE = 8;
const LISTEN_AT_ONCE = 32;

/** The address of a host. 254 a network, so that none ends in 0 or 255. */
export function addressOf(base: string, index: number): string {
  return `${base}.${Math.floor(index / 254)}.${index % 254 + 1}`;
}

/**
 * Enrols the hosts that have no certificate yet, each with its own key, name and token, and serves all of them, each
 * on its own address. A second start keeps every identity. All hosts share one list of revoked certificates and one
 * memory of the manager's certificate; the peer check runs on every connection of each.
 * @throws EnrolError, ManagerError, IdentityError, Error with words when the folder belongs to another fleet
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { state, manager, clock, log } = options;
  await prepareState(state);
  await refuseOtherFleet(options);
  const all = Array.from({ length: options.hosts }, (_, index) => makeTraits(options.seed, index, options.calm));
  const enrolled = await enrolMissing(options, all);

  const servers: AgentServer[] = [];
  const ends: (() => Promise<void>)[] = [];
  const revocation = new Revocation({
    state,
    ca: manager.ca,
    manager,
    clock,
    log,
    on_changed: () => servers.forEach((server) => server.recheck()),
  });
  await revocation.load();
  const check = createPeerCheck({ ca: manager.ca, identity: MANAGER_IDENTITY, revoked: revocation, clock });
  ends.push(() => Promise.resolve(revocation.close()));
  const close = async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  };
  try {
    await inParallel(all, LISTEN_AT_ONCE, async (traits) => {
      const address = addressOf(options.base, traits.index);
      if (traits.trouble === "silent") return void ends.push(await listenSilently(address, options.port));
      const credentials = { ...await loadIdentity(folderOf(state, traits), clock), ca: manager.ca };
      const host = await SimulatedHost.open(
        traits,
        fileStore(`${folderOf(state, traits)}/state.json`),
        options.scheduler,
        clock,
      );
      ends.push(() => host.close());
      const server = await startAgentServer({
        operations: host,
        credentials,
        check: () => check,
        allowed: null,
        network: () => networkHealth(revocation, credentials, clock),
        hostname: address,
        port: options.port,
        version: options.version,
        clock,
        log,
      });
      servers.push(server);
      ends.push(() => server.close());
    });
  } catch (thrown) {
    await close();
    throw thrown;
  }
  revocation.start();
  return {
    addresses: all.map((traits) => addressOf(options.base, traits.index)),
    enrolled,
    refresh: async () => void await revocation.fetch(),
    close,
  };
}

function networkHealth(revocation: Revocation, credentials: ListenerCredentials, clock: Clock) {
  const health = revocation.health();
  const expiry = expiryProblem(credentials.certificate, clock);
  return { ...health, problems: [...health.problems, ...(expiry ? [expiry] : [])] };
}

const FleetFile = z.object({ seed: z.number(), base: z.string(), port: z.number() });

async function refuseOtherFleet({ state, seed, base, port }: FleetOptions): Promise<void> {
  const path = `${state}/fleet.json`;
  const text = await readIfThere(path);
  if (text === null) return await writeWhole(path, JSON.stringify({ seed, base, port }));
  const kept = FleetFile.safeParse(JSON.parse(text)).data;
  if (kept?.seed !== seed || kept.base !== base || kept.port !== port) {
    throw new Error(
      `${path} belongs to a fleet with another seed, address or port. Use another folder, or the same ones.`,
    );
  }
}

/** Answers how many were enrolled. */
async function enrolMissing(options: FleetOptions, all: Traits[]): Promise<number> {
  const { state, clock, manager, log } = options;
  const missing: Traits[] = [];
  for (const traits of all) if (!await hasIdentity(folderOf(state, traits))) missing.push(traits);
  const tokens = [...options.tokens];
  await Deno.mkdir(`${state}/hosts`, { recursive: true, mode: 0o700 });
  await inParallel(missing, ENROL_AT_ONCE, async (traits) => {
    for (;;) {
      const token = tokens.shift();
      try {
        await enrol({
          manager,
          token: token ?? null,
          fqdn: traits.fqdn,
          address: addressOf(options.base, traits.index),
          port: options.port,
          machine: { machine_id_hash: hashMachineId(traits.machine_id), os_details: osDetails(traits) },
          state: folderOf(state, traits),
          clock,
          wait_ms: 5 * 60_000,
          sleep: options.sleep,
        });
        return;
      } catch (thrown) {
        // The file may hold tokens that an earlier start has used.
        if (!(thrown instanceof EnrolError && thrown.problem === "token_refused" && tokens.length > 0)) throw thrown;
      }
    }
  });
  if (missing.length > 0) log.info("fleet.enrolled", { count: missing.length });
  return missing.length;
}

function osDetails({ distribution }: Traits): Record<string, string> {
  return {
    distro: distribution.os,
    version: distribution.os_version,
    id: distribution.os_id,
    architecture: "x86_64",
    kernel: distribution.kernel,
    simulated: "true",
  };
}

function folderOf(state: string, traits: Traits): string {
  return `${state}/hosts/${String(traits.index).padStart(5, "0")}`;
}

/** A host that takes connections and says nothing, for a minute each. */
function listenSilently(host: string, port: number): Promise<() => Promise<void>> {
  const { promise, resolve, reject } = Promise.withResolvers<() => Promise<void>>();
  const open = new Set<{ destroy(): unknown }>();
  const server = createTcpServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", () => open.delete(socket));
    socket.setTimeout(60_000, () => socket.destroy());
  });
  server.maxConnections = 16;
  server.once("error", reject);
  server.listen({ host, port }, () =>
    resolve(() =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of open) socket.destroy();
      })
    ));
  return promise;
}

async function inParallel<T>(items: T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  let failed = false;
  await Promise.all(Array.from({ length: width }, async () => {
    for (const item of queue) {
      if (failed) return;
      try {
        await work(item);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  }));
}
