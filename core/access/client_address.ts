import { isIP } from "node:net";
import { type Networks, readAddress } from "./network.ts";

/** A longer chain of proxies is nobody's. */
const MOST_HOPS = 11;

/**
 * The address that a request comes from. X-Forwarded-For is what anybody may have written, but for the part that our
 * own proxies added at its right end: so it is read from there, hop by hop, as long as the hop before is a trusted
 * proxy, and not at all where the connection does not come from one.
 *
 * @param peer the connection's other end, as readAddress() answers it
 * @param forwarded the X-Forwarded-For header, several joined by commas; null without
 * @returns null when a trusted proxy passed on what is no address
 */
export function clientAddress(peer: string | null, forwarded: string | null, trusted: Networks): string | null {
  if (peer === null || forwarded === null || !trusted.has(peer)) return peer;
  const hops = forwarded.split(",").map((hop) => hop.trim()).reverse();
  let address = peer;
  for (const hop of hops.slice(0, MOST_HOPS)) {
    const next = readHop(hop);
    if (next === null) return null;
    address = next;
    if (!trusted.has(address)) return address;
  }
  return hops.length > MOST_HOPS ? null : address;
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function readHop(hop: string): string | null {
  if (isIP(hop) !== 0) return readAddress(hop);
  const found = /^\[([0-9a-f:.]+)\](?::[0-9]{1,5})?$/i.exec(hop) ?? /^([0-9.]+):[0-9]{1,5}$/.exec(hop);
  return found ? readAddress(found[1]) : null;
}
