import type { Clock } from "../../../core/clock.ts";
import type { Log } from "../../../core/log.ts";
import { hasIdentity } from "../../certificates.ts";
import { enrol, EnrolError } from "../../enrol.ts";
import { hashMachineId } from "../../enrol_machine.ts";
import type { PinnedManager } from "../../enrol_manager.ts";
import { inParallel } from "./in_parallel.ts";
import type { Traits } from "./traits.ts";

/** At once towards the manager: it issues some 250 certificates a second and has others to serve. */
const ENROL_AT_ONCE = 8;

export interface FleetEnrolment {
  state: string;
  base: string;
  port: number;
  manager: PinnedManager;
  /** One-time tokens. */
  tokens: string[];
  clock: Clock;
  log: Log;
  sleep: (milliseconds: number) => Promise<void>;
}

/** The address of a host. 254 a network, so that none ends in 0 or 255. */
export function addressOf(base: string, index: number): string {
  return `${base}.${Math.floor(index / 254)}.${index % 254 + 1}`;
}

/** The folder of a host's key, certificate and state. */
export function folderOf(state: string, traits: Traits): string {
  return `${state}/hosts/${String(traits.index).padStart(5, "0")}`;
}

/**
 * Enrols the hosts that have no certificate yet, each with its own key, name and token.
 * @returns how many were enrolled
 * @throws EnrolError, ManagerError
 */
export async function enrolMissing(options: FleetEnrolment, all: Traits[]): Promise<number> {
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
