import { isIP } from "node:net";

/** A year, and what lies below the name as well (RFC 6797, 6.1). */
export const STRICT_TRANSPORT = "max-age=31536000; includeSubDomains";

/**
 * Whether a browser may be told to come by TLS only, and never to go past a certificate's warning. Names of one's own
 * machine stay free: the same browser may run something else there. An address cannot be pinned (RFC 6797, 8.1.1).
 * @param host the request's Host, with or without a port
 */
export function pinsTransport(host: string | undefined): boolean {
  const name = (host ?? "").replace(/:\d+$/, "").replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase();
  return name !== "" && name !== "localhost" && !name.endsWith(".localhost") && isIP(name) === 0;
}
