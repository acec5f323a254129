import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Server, ServerOptions } from "node:https";
import { BlockList, isIP, isIPv6, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Clock, epochMs } from "../core/clock.ts";
import { HANDSHAKE_TIMEOUT_MS, HEADERS_TIMEOUT_MS, MAX_CONNECTIONS, REQUEST_TIMEOUT_MS } from "./limits.ts";
import { type PeerCheck, peerProblem } from "./peer.ts";

/** What a listener shows and whom it trusts, PEM. */
export interface ListenerCredentials {
  ca: string;
  certificate: string;
  key: string;
}

/**
 * All TLS and time options of a listener that checks client certificates. Always all of them: a swap of the
 * context replaces every option, and one without minVersion lets TLS 1.2 in again (measured).
 */
export function clientCheckedTlsOptions(credentials: ListenerCredentials): ServerOptions {
  return {
    ca: credentials.ca,
    cert: credentials.certificate,
    key: credentials.key,
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: REQUEST_TIMEOUT_MS,
  };
}

/** Says what is wrong with credentials, in words, or null. The runtime takes damaged ones and then serves nobody. */
export function credentialsProblem(credentials: ListenerCredentials, clock: Clock): string | null {
  let root: X509Certificate, certificate: X509Certificate;
  try {
    root = new X509Certificate(credentials.ca);
  } catch {
    return "The CA certificate is not a certificate in PEM form.";
  }
  try {
    certificate = new X509Certificate(credentials.certificate);
  } catch {
    return "The certificate is not a certificate in PEM form.";
  }
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(credentials.key))) {
      return "The private key does not belong to the certificate.";
    }
  } catch {
    return "The private key cannot be read.";
  }
  if (!certificate.checkIssued(root) || !certificate.verify(root.publicKey)) {
    return "The certificate was not issued by the CA certificate beside it.";
  }
  const now = epochMs(clock);
  if (now < Date.parse(certificate.validFrom)) return `The certificate is only valid from ${certificate.validFrom} on.`;
  return now >= Date.parse(certificate.validTo) ? `The certificate expired at ${certificate.validTo}.` : null;
}

/**
 * Shows new credentials to new connections; open ones go on with the old. Throws Error with the words of
 * {@link credentialsProblem} and changes nothing when they are wrong. After a change of the root or of revoked
 * certificates call {@link ListenerGuard.recheck} too.
 */
export function swapContext(server: Server, credentials: ListenerCredentials, clock: Clock): void {
  const problem = credentialsProblem(credentials, clock);
  if (problem) throw new Error(problem);
  server.setSecureContext(clientCheckedTlsOptions(credentials));
}

export interface GuardOptions {
  /** Asked on every connection, so that a swap of the root can put another one in its place. */
  check: () => PeerCheck;
  /** null: every address may connect. */
  allowed: AllowList | null;
  /** Told of every refused connection: a word for the log and the address, if it is known. */
  on_refused?: (why: string, address: string | undefined) => void;
  /** Told of every connection whose peer was let in. */
  on_accepted?: (socket: TLSSocket) => void;
  max_connections?: number;
}

export interface ListenerGuard {
  /** Checks every open connection again and cuts those that would not be let in now. Answers how many. */
  recheck(): number;
  /** Cuts every open connection. */
  cut(): void;
}

/**
 * Puts the checks before a server's handlers: address before the handshake, peer after it and before the HTTP
 * parser (upgrades included). What is refused is cut without an answer. Call it before `listen`.
 */
export function guardListener(server: Server, options: GuardOptions): ListenerGuard {
  const open = new Set<TLSSocket>();
  const refused = new WeakSet<Socket>();
  const refuse = (socket: Socket, why: string, address: string | undefined) => {
    refused.add(socket);
    options.on_refused?.(why, address);
    socket.destroy();
  };
  server.maxConnections = options.max_connections ?? MAX_CONNECTIONS;
  server.prependListener("connection", (socket: Socket) => {
    if (options.allowed && !options.allowed.allows(socket.remoteAddress)) {
      refuse(socket, "address_not_allowed", socket.remoteAddress);
    }
  });
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    const why = options.allowed && !options.allowed.allows(socket.remoteAddress)
      ? "address_not_allowed"
      : peerProblem(socket, options.check());
    if (why) return refuse(socket, why, socket.remoteAddress);
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    options.on_accepted?.(socket);
  });
  server.on("tlsClientError", (_error, socket) => {
    // The address is only on the socket below the TLS one (measured).
    const below = (socket as unknown as { _parent?: Socket })._parent;
    // That its handshake came to nothing is our doing.
    if (below && refused.has(below)) return void socket.destroy();
    refuse(socket, "handshake_failed", socket.remoteAddress ?? below?.remoteAddress);
  });
  return {
    recheck: () => {
      const bad = [...open].filter((socket) => peerProblem(socket, options.check()) !== null);
      for (const socket of bad) refuse(socket, peerProblem(socket, options.check())!, socket.remoteAddress);
      return bad.length;
    },
    cut: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

/** Addresses that may connect. */
export interface AllowList {
  /** False for anything that is not an address. An IPv4 address in IPv6 form is taken for the IPv4 address. */
  allows(address: string | undefined): boolean;
}

/**
 * Makes an allow-list of addresses (`10.1.2.3`, `fd00::1`) and networks (`10.0.0.0/8`, `fd00::/8`). Throws Error
 * that names the rule: other spellings of addresses, prefixes such as `/08`, and networks with bits set behind the
 * prefix are refused, because it cannot be known what was meant.
 */
export function createAllowList(rules: string[]): AllowList {
  const list = new BlockList();
  for (const rule of rules) addRule(list, rule);
  return {
    allows: (address) => {
      if (address === undefined || isIP(address) === 0) return false;
      return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
    },
  };
}

function addRule(list: BlockList, rule: string): void {
  const [address, prefix, ...rest] = rule.split("/");
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  if (version === 0 || rest.length > 0 || address.includes("%")) {
    throw new Error(`${JSON.stringify(rule)} is not an address or network, such as 10.0.0.0/8 or fd00::/8.`);
  }
  const family = version === 4 ? "ipv4" : "ipv6";
  if (prefix === undefined) return list.addAddress(address, family);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(prefix) || Number(prefix) > bits) {
    throw new Error(`${JSON.stringify(rule)}: the part behind the slash is a number from 0 to ${bits}.`);
  }
  if (hasHostBits(address, version, Number(prefix))) {
    throw new Error(`${JSON.stringify(rule)} names a host inside a network. Write the network's first address.`);
  }
  list.addSubnet(address, Number(prefix), family);
}

function hasHostBits(address: string, version: number, prefix: number): boolean {
  const bits = version === 4 ? 32 : 128;
  const below = BigInt(bits - prefix);
  return (addressValue(address, version) & ((1n << below) - 1n)) !== 0n;
}

function addressValue(address: string, version: number): bigint {
  if (version === 4) return address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  // The URL parser writes the one canonical form, with an IPv4 tail as two groups.
  const [head, tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::");
  const left = head ? head.split(":") : [];
  const right = tail ? tail.split(":") : [];
  const groups = [...left, ...Array(8 - left.length - right.length).fill("0"), ...right];
  return groups.reduce((sum, group) => sum * 65_536n + BigInt("0x" + group), 0n);
}
