import { z } from "zod";
import { type Clock, epochMs } from "../../../core/clock.ts";
import type { Log } from "../../../core/log.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../../../protocol/peer.ts";
import { prepareState, readIfThere, writeWhole } from "../../certificates.ts";
import type { PinnedManager } from "../../enrol_manager.ts";
import { Revocation } from "../../revocation.ts";
import type { AgentServer } from "../../server.ts";
import { listenSilently } from "./connections.ts";
import { addressOf, enrolMissing, folderOf } from "./enrol_fleet.ts";
import { inParallel } from "./in_parallel.ts";
import type { OnRequest } from "./record.ts";
import { Releases } from "./releases.ts";
import type { Scheduler } from "./scheduler.ts";
import { serveHost } from "./serve_host.ts";
import type { Shares } from "./shares.ts";
import { makeTraits, type Traits } from "./traits.ts";

export { addressOf } from "./enrol_fleet.ts";

export interface SimulatedFleetOptions {
  /** 1 to 10,000. */
  hosts: number;
  seed: number;
  /** Folder of keys, certificates and what the hosts remember; kept between starts. */
  state: string;
  /** First two numbers of every address: "127.77". */
  base: string;
  port: number;
  manager: PinnedManager;
  /** One-time tokens for hosts that are not enrolled yet. */
  tokens: string[];
  /** false: one of each trouble in 25 hosts; true: no silent and no slow ones; else how many are special. */
  mix: boolean | Shares;
  /** Mean time between two new updates of one distribution, in milliseconds; null: nothing new comes out. */
  release_ms: number | null;
  /** Told of everything that reaches a host. */
  on_request?: OnRequest;
  scheduler: Scheduler;
  clock: Clock;
  log: Log;
  version: string;
  sleep: (milliseconds: number) => Promise<void>;
}

export interface SimulatedFleet {
  /** What each host is, in the order of their numbers. */
  readonly traits: readonly Traits[];
  /** Of every host, silent and refusing ones included. */
  readonly addresses: string[];
  /** How many were enrolled by this start. */
  readonly enrolled: number;
  /** Fetches the list of revoked certificates now. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

const LISTEN_AT_ONCE = 32;

/**
 * Enrols the hosts that have no certificate yet, each with its own key, name and token, and serves all of them, each
 * on its own address with the real agent's listener. A second start keeps every identity. All hosts share one list of
 * revoked certificates and one memory of the manager's certificate; the peer check runs on every connection of each.
 * Listeners that check client certificates stand alone in their process: start nothing of the manager beside it.
 * @throws EnrolError, ManagerError, IdentityError, Error with words when the folder belongs to another fleet
 */
export async function startSimulatedFleet(options: SimulatedFleetOptions): Promise<SimulatedFleet> {
  const { state, base, port, manager, scheduler, clock, log, version, on_request = () => {} } = options;
  await prepareState(state);
  const began = await openFleetFile(options);
  const all = Array.from({ length: options.hosts }, (_, index) => makeTraits(options.seed, index, options.mix));
  const enrolled = await enrolMissing(options, all);
  const releases = options.release_ms === null ? null : new Releases(options.seed, began, options.release_ms, clock);

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
      const address = addressOf(base, traits.index);
      if (traits.trouble === "refusing") return;
      if (traits.trouble === "silent") {
        return void ends.push(await listenSilently(address, port, () => on_request(traits.index, "silence")));
      }
      const folder = folderOf(state, traits);
      const shared = { ca: manager.ca, revocation, check, releases, scheduler, on_request, clock, log, version };
      const host = await serveHost(traits, { ...shared, folder, address, port });
      servers.push(host.server);
      ends.push(() => host.close());
    });
  } catch (thrown) {
    await close();
    throw thrown;
  }
  revocation.start();
  return {
    traits: all,
    addresses: all.map((traits) => addressOf(base, traits.index)),
    enrolled,
    refresh: async () => void await revocation.fetch(),
    close,
  };
}

const FleetFile = z.object({
  seed: z.number(),
  base: z.string(),
  port: z.number(),
  /** When the fleet was made, milliseconds since the epoch. */
  began: z.number().optional(),
});

/** Answers when the fleet was made. */
async function openFleetFile({ state, seed, base, port, clock }: SimulatedFleetOptions): Promise<number> {
  const path = `${state}/fleet.json`;
  const text = await readIfThere(path);
  const kept = text === null ? null : FleetFile.safeParse(JSON.parse(text)).data;
  if (text !== null && (kept?.seed !== seed || kept.base !== base || kept.port !== port)) {
    throw new Error(
      `${path} belongs to a fleet with another seed, address or port. Use another folder, or the same ones.`,
    );
  }
  const began = kept?.began ?? epochMs(clock);
  if (kept?.began === undefined) await writeWhole(path, JSON.stringify({ seed, base, port, began }));
  return began;
}
