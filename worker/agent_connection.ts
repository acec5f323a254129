import type { PeerCertificate, TLSSocket } from "node:tls";
import { Client } from "undici";
import { MAX_RESPONSE_BYTES } from "../protocol/limits.ts";
import { type AgentAddress, type ClientCredentials, openTls, type Trust } from "./agent_tls.ts";

/** One connection to one host, for one exchange at a time. */
export interface AgentConnection {
  readonly host: AgentAddress;
  readonly client: Client;
  /** Settles when the handshake is done and everything was checked; rejects with what was wrong. */
  readonly opened: Promise<void>;
  /** False before it was opened, and once either side has ended it. */
  readonly open: boolean;
  /** End of the certificate that the host showed; null where it does not say so readably, and before that. */
  readonly certificate_expires_at: Temporal.Instant | null;
  close(): void;
}

/** Opens with the first request, and never again: whoever finds it ended makes another one. */
export function connectAgent(host: AgentAddress, credentials: ClientCredentials, trust: Trust): AgentConnection {
  let socket: TLSSocket | undefined;
  let certificate_expires_at: Temporal.Instant | null = null;
  let secure = false;
  const opened = Promise.withResolvers<void>();
  opened.promise.catch(() => {});
  const client = new Client("https://agent", {
    pipelining: 1,
    // One timer for everything, the attempt's: the library's are up to a second late and do not see a slow drip.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16 * 1024,
    maxResponseSize: MAX_RESPONSE_BYTES,
    connect: (_options, callback) => {
      if (socket) return callback(Object.assign(new Error("ended"), { code: "ECONNRESET" }), null);
      openTls(host, credentials, trust, (made) => socket = made).then(
        ({ socket, certificate }) => {
          secure = true;
          certificate_expires_at = endOf(certificate);
          opened.resolve();
          callback(null, socket);
        },
        (error) => {
          opened.reject(error);
          callback(error, null);
        },
      );
    },
  });
  return {
    host,
    client,
    opened: opened.promise,
    get open() {
      return secure && !socket!.destroyed && socket!.writable;
    },
    get certificate_expires_at() {
      return certificate_expires_at;
    },
    close() {
      // First the socket: with the client's error in hand the runtime would write out its stack.
      socket?.destroy();
      client.destroy().catch(() => {});
    },
  };
}

/** The end of the certificate that was shown, as far as an instant can say it. */
function endOf(certificate: PeerCertificate): Temporal.Instant | null {
  const ms = Date.parse(certificate.valid_to ?? "");
  return Number.isFinite(ms) ? Temporal.Instant.fromEpochMilliseconds(ms) : null;
}

/**
 * What one poll asks of a host one after the other goes over one connection, which saves the handshake: most of what a
 * short exchange costs both sides. Whoever makes it closes it, so nothing of a host stays open between two polls.
 */
export class KeptConnection {
  #connection: AgentConnection | null = null;
  #closed = false;

  /** The connection to this host if it is still good, for the caller alone; null when a new one is needed. */
  take(host: AgentAddress): AgentConnection | null {
    const kept = this.#connection;
    this.#connection = null;
    if (kept?.open && isSame(kept.host, host)) return kept;
    kept?.close();
    return null;
  }

  /** Keeps a connection whose exchange has ended well. */
  keep(connection: AgentConnection): void {
    this.#connection?.close();
    this.#connection = connection;
    if (this.#closed) this.close();
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
    this.#connection = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** An answer must never belong to another host. */
function isSame(a: AgentAddress, b: AgentAddress): boolean {
  return a.id === b.id && a.address === b.address && a.port === b.port && a.tls_name === b.tls_name;
}
