import { isIP, isIPv6 } from "node:net";

/** Where an attempt comes from, as blocks of addresses that one person or one provider's customer has. */
export interface Networks {
  /** CIDR: an IPv4 address alone, or an IPv6 /64. Null when the address is not known. */
  own: string | null;
  /** CIDR around it: an IPv4 /24, or an IPv6 /48. Null when the address is not known. */
  wide: string | null;
}

/**
 * The networks that an address is counted under. An IPv4 address is what one customer has, a /24 the smallest block that
 * is routed by itself (so the smallest that is rented as a whole). In IPv6 a single machine has a /64 (RFC 4291, 2.5.1)
 * and changes its address within it as it likes; one customer is given up to a /48 (RFC 6177).
 *
 * @param address text of an IPv4 or IPv6 address; anything else counts as not known
 */
export function networksOf(address: string | null): Networks {
  if (address === null || isIP(address) === 0) return { own: null, wide: null };
  if (!isIPv6(address)) return { own: `${address}/32`, wide: `${address.slice(0, address.lastIndexOf("."))}.0/24` };
  const groups = groupsOf(address);
  return { own: prefixOf(groups, 4), wide: prefixOf(groups, 3) };
}

/** The first four of the eight groups, 0 to 65,535 each. */
function groupsOf(address: string): number[] {
  const [head, tail] = address.split("%")[0].split("::");
  const read = (part: string | undefined) =>
    part
      // The last 32 bits may be written as in IPv4; they are two groups, whose value does not matter here.
      ? part.split(":").flatMap((group) => group.includes(".") ? [0, 0] : [parseInt(group, 16)])
      : [];
  const before = read(head), after = read(tail);
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<number>(missing).fill(0), ...after].slice(0, 4);
}

function prefixOf(groups: readonly number[], count: number): string {
  return `${groups.slice(0, count).map((group) => group.toString(16)).join(":")}::/${count * 16}`;
}
