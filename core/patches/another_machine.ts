import { z } from "zod";
import { maybe } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { cloneHash, machineHash } from "../enrolment/rules.ts";

export const ANOTHER_MACHINE =
  "It says that it is another machine than the one that was enrolled. If it was replaced or copied, remove it here and " +
  "enrol it again.";

const Row = z.object({ fqdn: z.string(), machine_hash: z.string().nullable(), address: z.string(), port: z.number() });

/**
 * True when a host calls itself another machine than the one that stands in its place. A copy that was let in has a name
 * of its own; a host that was registered by hand has none, so nothing is known of it.
 *
 * @param said machine id, or its hash, as the host sends it
 */
export async function isAnotherMachine(db: Db, hostId: string, said: string): Promise<boolean> {
  const host = await maybe(
    Row,
    db`select fqdn, machine_hash, host(address) as address, port from hosts where id = ${hostId}`,
  );
  if (!host?.machine_hash) return false;
  const machine_hash = machineHash(said);
  return host.machine_hash !== machine_hash && host.machine_hash !== cloneHash({ ...host, machine_hash });
}
