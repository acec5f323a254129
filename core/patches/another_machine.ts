import { cloneHash, machineHash } from "../enrolment/rules.ts";

export const ANOTHER_MACHINE =
  "It says that it is another machine than the one that was enrolled. If it was replaced or copied, remove it here and " +
  "enrol it again.";

/**
 * True when a host calls itself another machine than the one that stands in its place. A copy that was let in has a name
 * of its own; a host that was registered by hand has none, so nothing is known of it.
 *
 * @param said machine id, or its hash, as the host sends it
 */
export function isAnotherMachine(
  host: { fqdn: string; machine_hash: string | null; address: string; port: number },
  said: string,
): boolean {
  if (!host.machine_hash) return false;
  const machine_hash = machineHash(said);
  return host.machine_hash !== machine_hash && host.machine_hash !== cloneHash({ ...host, machine_hash });
}
