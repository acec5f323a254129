import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { agentErrorStatus } from "../protocol/api.ts";
import {
  type EventedBody,
  type JsonLimits,
  LimitError,
  parseJsonLimited,
  readBytesLimited,
  requestLimits,
} from "../protocol/limits.ts";
import {
  type AllowList,
  clientCheckedTlsOptions,
  guardListener,
  type ListenerCredentials,
  swapContext,
} from "../protocol/listener.ts";
import { type PeerCheck, peerProblem } from "../protocol/peer.ts";
import type { Clock } from "../core/clock.ts";
import { uuidv7 } from "../core/ids.ts";
import { reason } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { EventSockets, type SocketLimits } from "./events.ts";
import { type HostOperations, OperationError } from "./host_operations.ts";
import { Refusal, sendAnswer, sendRefusal } from "./server/answer.ts";
import type { CertificateKeeper } from "./renewal.ts";
import { HealthReport, type NetworkHealth } from "./server/health.ts";
import { RefusalLog } from "./server/refusal_log.ts";
import { matchRoute } from "./server/routes.ts";
import { standardTraffic, Traffic, type TrafficLimits } from "./server/traffic.ts";

export interface AgentServerOptions {
  operations: HostOperations;
  credentials: ListenerCredentials;
  /** Whom we believe; asked on every connection and every request, because revocation does not wait. */
  check: () => PeerCheck;
  /** Addresses that may connect at all; null for every one. */
  allowed: AllowList | null;
  /** What `GET /health` says about certificates and clock. */
  network: () => NetworkHealth;
  /** Address to listen on; port 0 takes a free one. */
  hostname: string;
  port: number;
  version: string;
  clock: Clock;
  log: Log;
  /** Who takes a new certificate; without one the addresses for that answer 404. */
  certificates?: CertificateKeeper;
  traffic?: TrafficLimits;
  body?: JsonLimits;
  sockets?: SocketLimits;
}

/** A running agent listener. */
export interface AgentServer {
  readonly hostname: string;
  readonly port: number;
  /**
   * Shows other credentials to new connections and ends the open ones that would not be let in now.
   * @throws Error with words, and changes nothing, when the credentials do not hold together
   */
  reload(credentials: ListenerCredentials): void;
  /** Ends the connections whose peer is no longer welcome, after a new revocation list. Answers how many. */
  recheck(): number;
  /** Stops listening, ends every connection; answers when all are gone. */
  close(): Promise<void>;
}

/**
 * Serves the Linux Patch API over TLS 1.3 with client certificates. Listeners that check client certificates stand
 * alone in their process: a TLS ticket of another listener would resume here past the check; the guard
 * closes that hole a second time.
 * @throws the error of the system when the address cannot be listened on (EADDRINUSE, EACCES, EADDRNOTAVAIL)
 */
export async function startAgentServer(options: AgentServerOptions): Promise<AgentServer> {
  const { operations, check, clock, log } = options;
  const certificates = options.certificates ?? null;
  const limits = options.traffic ?? standardTraffic;
  const traffic = new Traffic(limits);
  const health = new HealthReport({ version: options.version, network: options.network });
  const events = new EventSockets(operations, clock, options.sockets);
  const bodyLimits = options.body ?? standardBody;
  const refusals = new RefusalLog(log);

  const server = createServer({ ...clientCheckedTlsOptions(options.credentials), maxHeaderSize: 8_192 });
  const guard = guardListener(server, {
    check,
    allowed: options.allowed,
    max_connections: limits.connections,
    on_refused: (why, address) => {
      if (why === "handshake_failed") certificates?.attempted();
      refusals.say(why, address);
    },
    on_accepted: () => certificates?.attempted(),
  });
  // Every connection, also one whose handshake never ends: closing must not wait for its time limit.
  const connections = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  server.on("secureConnection", (socket: TLSSocket) => socket.on("error", () => socket.destroy()));
  server.on("request", (request, response) => void serve(request, response));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Uint8Array) => upgrade(request, socket, head));
  server.on("clientError", (_error: Error, socket: Duplex) => socket.destroy());

  /** True when the peer may go on; else its connection has ended without an answer. */
  function welcome(socket: TLSSocket): boolean {
    const why = peerProblem(socket, check());
    if (why === null) {
      certificates?.used(shownSerial(socket));
      return true;
    }
    refusals.say(why, socket.remoteAddress);
    socket.destroy();
    return false;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // TLS sockets ignore pause(): the counter has to be there before anything is awaited.
    const [path, query] = splitTarget(request.url ?? "/");
    const found = matchRoute(path);
    const body = readBody(request, found?.route.body ?? bodyLimits);
    const began = performance.now();
    const request_id = uuidv7(clock);
    const socket = request.socket as TLSSocket;
    response.on("error", () => socket.destroy());
    if (!welcome(socket)) return;
    let status = 500;
    const wait = traffic.enter();
    try {
      if (wait !== null) throw tooMuch("Too many requests at once.", wait);
      const parsed = await body;
      if (!found) throw new Refusal("NOT_FOUND", "The Linux Patch API has no such address.");
      const handler = found.route.methods[request.method as "GET"];
      if (!handler || !Object.hasOwn(found.route.methods, request.method ?? "")) {
        const allow = Object.keys(found.route.methods).join(", ");
        throw new Refusal("METHOD_NOT_ALLOWED", `This address takes ${allow} only.`, { headers: { allow } });
      }
      const answer = await handler({
        operations,
        health,
        certificates,
        clock,
        query: new URLSearchParams(query),
        name: found.name,
        body: parsed,
        if_none_match: request.headers["if-none-match"],
      });
      status = answer.status;
      sendAnswer(response, answer, request_id, clock);
    } catch (thrown) {
      const refusal = refusalOf(thrown, log.with({ request_id }));
      status = agentErrorStatus[refusal.code];
      // What the peer still sends would only be thrown away: the connection ends with the answer.
      if (!request.complete) response.setHeader("connection", "close");
      sendRefusal(response, refusal, request_id, clock);
      if (!request.complete) response.once("finish", () => socket.destroySoon());
    } finally {
      if (wait === null) traffic.leave();
      log.debug("request.answered", {
        request_id,
        method: request.method,
        route: found?.route.pattern ?? "unknown",
        status,
        duration_ms: Math.round(performance.now() - began),
      });
    }
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const peer = request.socket as TLSSocket;
    socket.on("error", () => socket.destroy());
    if (!welcome(peer)) return;
    const path = (request.url ?? "").split("?")[0];
    if (path !== "/api/v1/ws/jobs") return refuseUpgrade(socket, "404 Not Found");
    if (events.size >= limits.sockets) return refuseUpgrade(socket, "429 Too Many Requests\r\nRetry-After: 10");
    const wait = traffic.enter();
    if (wait !== null) return refuseUpgrade(socket, `429 Too Many Requests\r\nRetry-After: ${wait}`);
    traffic.leave();
    events.accept(request, socket, head, () => peerProblem(peer, check()) === null);
  }

  const address = await listen(server, options.hostname, options.port);
  return {
    hostname: options.hostname,
    port: address.port,
    reload(credentials) {
      swapContext(server, credentials, clock);
      guard.recheck();
    },
    recheck: () => guard.recheck(),
    async close() {
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      events.close();
      guard.cut();
      for (const socket of connections) socket.destroy();
      await ended;
    },
  };
}

/** An apply of 5,000 packages with their versions takes about 600 KiB and nests three levels. */
const standardBody: JsonLimits = { ...requestLimits, max_depth: 8, max_values: 50_000 };

/**
 * The body as JSON, undefined when there is none. The connection stays open when it is too long, so that the answer
 * can say so; what is too much is not kept.
 */
function readBody(request: IncomingMessage, limits: JsonLimits): Promise<unknown> {
  const stream = { on: request.on.bind(request), destroy: () => {} } as unknown as EventedBody;
  const body = readBytesLimited(stream, limits.max_bytes)
    .then((bytes) => bytes.length === 0 ? undefined : parseJsonLimited(bytes, limits));
  // It may fail before anybody waits for it.
  body.catch(() => {});
  return body;
}

/** Serial of the certificate that this connection was shown: after a swap older connections still have the former. */
function shownSerial(socket: TLSSocket): string {
  return (socket.getCertificate() as { serialNumber?: string } | null)?.serialNumber ?? "";
}

/** Words and code for the peer; what is ours to know goes to the log. */
function refusalOf(thrown: unknown, log: Log): Refusal {
  if (thrown instanceof Refusal) return thrown;
  if (thrown instanceof LimitError) {
    const code = thrown.kind === "too_large" ? "PAYLOAD_TOO_LARGE" : "VALIDATION_ERROR";
    return new Refusal(code, `The body cannot be read. ${thrown.message}`);
  }
  if (thrown instanceof OperationError) {
    if (thrown.code === "QUEUE_FULL") return tooMuch(thrown.message, 60);
    return new Refusal(thrown.code, thrown.message, { retryable: thrown.retryable });
  }
  log.error("request.failed", { message: reason(thrown) });
  return new Refusal("PKG_MANAGER_ERROR", "The agent could not do this; its log has the reason under the request id.", {
    retryable: true,
  });
}

function tooMuch(message: string, seconds: number): Refusal {
  return new Refusal("QUEUE_FULL", message, {
    retryable: true,
    details: { retry_after_seconds: seconds },
    headers: { "retry-after": String(seconds) },
  });
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Path and query of a request target. Nothing is normalised: a path with dots is an unknown address. */
function splitTarget(target: string): [string, string] {
  const mark = target.indexOf("?");
  return mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark + 1)];
}

function listen(server: Server, hostname: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: hostname, port }, () => {
      server.off("error", reject);
      server.on("error", () => {});
      resolve(server.address() as AddressInfo);
    });
  });
}
