import { getRequestListener } from "@hono/node-server";
import { Buffer } from "node:buffer";
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { AllowList } from "../../core/access/allow_list.ts";
import { AppError, reason } from "../../core/errors.ts";
import { ulid } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import type { Site } from "../../web/mod.ts";
import { SECURITY_HEADERS } from "../(_middleware)/security_headers.ts";
import { errorResponse } from "./answer_error.ts";
import type { State } from "./state.ts";
import { pinsTransport, STRICT_TRANSPORT } from "./strict_transport.ts";

/** Largest request body in bytes. The largest that anybody sends is a deployment naming 2,500 hosts. */
export const MAX_BODY = 1 << 20;

/** Connections at a time. */
const MOST_CONNECTIONS = 2_000;
/** Of one address, unless it is a trusted proxy: nobody alone takes all places. A browser with a live page has seven. */
export const MOST_OF_ONE_ADDRESS = 500;

/** Addresses whose connections are logged when they are closed, in one minute. */
const MOST_LOGGED = 50;

export interface Certificate {
  /** PEM, leaf first. */
  certificate: string;
  /** PEM. */
  key: string;
}

export interface ListenerOptions extends Certificate {
  site: Site<State>;
  hostname: string;
  /** 0 takes a free one. */
  port: number;
  /** Whom connections are taken from. */
  access: AllowList;
  log: Log;
  /** The pair is the operator's own: browsers are told never to come without TLS again. False for one of our CA. */
  own_certificate: boolean;
}

export interface Listener {
  /** `https://127.0.0.1:8443`. */
  readonly address: string;
  readonly port: number;
  /** New connections get this certificate; those that are open go on. @throws AppError when the pair is no good */
  swap(pair: Certificate): void;
  /** Takes no new connections, waits for running requests, and cuts what is left after the deadline. */
  stop(deadline_ms: number): Promise<void>;
}

/**
 * The web listener: node:https, because only it can be held to TLS 1.3 and swap its certificate; HTTP/1.1, because a
 * WebSocket and HTTP/2 do not go together on it (measured with Deno 2.9.6).
 */
export async function startListener(
  { site, hostname, port, access, log, own_certificate, ...pair }: ListenerOptions,
): Promise<Listener> {
  refuseBadPair(pair);
  const listener = getRequestListener(site.app.fetch, { overrideGlobalObjects: false, hostname: "localhost" });
  const server = https.createServer(tlsOptions(pair), (request, response) => {
    // Here, because it is for every answer, assets and refusals too.
    if (own_certificate && pinsTransport(request.headers.host)) {
      response.setHeader("strict-transport-security", STRICT_TRANSPORT);
    }
    if (refuseBody(request, response)) return;
    void listener(request, response);
  });
  server.maxConnections = MOST_CONNECTIONS;
  closeForeign(server, access, log);
  server.on("tlsClientError", () => {});
  server.on("clientError", (_error, socket) => socket.destroy());
  // The permessage-deflate extension is off: it costs memory per socket and opens a compression side channel.
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 8_192, perMessageDeflate: false });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    upgrade(site, sockets, request, socket, head).catch((thrown) => {
      log.warn("http.upgrade_failed", { message: reason(thrown) });
      socket.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => reject(listenProblem(error, hostname, port)));
    server.listen(port, hostname, resolve);
  });
  const bound = server.address() as AddressInfo;
  const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return {
    address: `https://${host}:${bound.port}`,
    port: bound.port,
    swap(next) {
      refuseBadPair(next);
      server.setSecureContext(tlsOptions(next));
    },
    stop: (deadline_ms) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), deadline_ms);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
        for (const socket of sockets.clients) socket.close(1012, "the manager restarts");
      }),
  };
}

/**
 * Closes connections without an answer whose other end is neither allowed nor a trusted proxy, when they come in and when
 * the list changes. What a proxy passes on is judged with each request.
 */
function closeForeign(server: https.Server, access: AllowList, log: Log): void {
  const open = new Set<Socket>();
  const counts = new Map<string, number>();
  const count = (address: string, by: number): number => {
    const now = (counts.get(address) ?? 0) + by;
    if (now === 0) counts.delete(address);
    else counts.set(address, now);
    return now;
  };
  /** One line an address until the list is read again, every minute, and not of everybody: strangers fill no log. */
  const logged = new Set<string>();
  const judge = (socket: Socket) => {
    const { remoteAddress = "" } = socket;
    if (access.admitsPeer(remoteAddress)) return;
    socket.destroy();
    if (logged.has(remoteAddress) || logged.size >= MOST_LOGGED) return;
    logged.add(remoteAddress);
    log.info("http.address_refused", { address: remoteAddress });
  };
  // Before the handshake: a stranger learns nothing, not even our certificate.
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    open.add(socket);
    const crowd = count(address, 1) > MOST_OF_ONE_ADDRESS;
    socket.once("close", () => {
      open.delete(socket);
      count(address, -1);
    });
    if (crowd && !access.isProxy(address)) return socket.destroy();
    judge(socket);
  });
  access.on_change(() => {
    logged.clear();
    open.forEach(judge);
  });
}

/** Always all of them: setSecureContext forgets what it is not told, TLS 1.3 included. */
function tlsOptions({ certificate, key }: Certificate): https.ServerOptions {
  return {
    cert: certificate,
    key,
    minVersion: "TLSv1.3",
    handshakeTimeout: 10_000,
    headersTimeout: 15_000,
    requestTimeout: 60_000,
    keepAliveTimeout: 30_000,
    connectionsCheckingInterval: 2_000,
  };
}

/**
 * Refuses a body by its announced length, before anything reads. TLS sockets here ignore pause(), so a body that
 * nobody reads yet piles up in memory; one without a length could grow for ever.
 */
function refuseBody(request: IncomingMessage, response: ServerResponse): boolean {
  const chunked = request.headers["transfer-encoding"] !== undefined;
  const length = Number(request.headers["content-length"] ?? 0);
  if (!chunked && length <= MAX_BODY) return false;
  const error = new AppError("payload_too_large", {
    hint: chunked
      ? "Send the body with a Content-Length, without Transfer-Encoding."
      : `Send at most ${MAX_BODY} bytes at once.`,
  });
  const request_id = ulid();
  const answer = errorResponse(error, request_id);
  response.writeHead(answer.status, {
    ...SECURITY_HEADERS,
    "cache-control": "no-store",
    "content-type": "application/json",
    "x-request-id": request_id,
    connection: "close",
  });
  void answer.text().then((text) => response.end(text, () => request.socket.destroy()));
  return true;
}

async function upgrade(
  site: Site<State>,
  sockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
): Promise<void> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const url = `https://${request.headers.host ?? "localhost"}${request.url ?? "/"}`;
  const answer = request.method === "GET"
    ? await site.upgrade(new Request(url, { headers }), { incoming: request })
    : { refuse: errorResponse(new AppError("method_not_allowed"), ulid()) };
  if ("accept" in answer) {
    return sockets.handleUpgrade(request, socket, Buffer.from(head), (opened) => answer.accept(opened));
  }
  const { status, statusText } = answer.refuse;
  const body = await answer.refuse.text();
  const headers_out = [...answer.refuse.headers].filter(([name]) => !["content-length", "connection"].includes(name));
  socket.end(
    `HTTP/1.1 ${status} ${statusText || "Refused"}\r\n` +
      headers_out.map(([name, value]) => `${name}: ${value}\r\n`).join("") +
      `content-length: ${new TextEncoder().encode(body).length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** A context that does not fit would be taken silently and end every new handshake (measured). */
function refuseBadPair({ certificate, key }: Certificate): void {
  let fits = false;
  let cause: unknown;
  try {
    fits = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch (thrown) {
    // Without its words: they may quote the key.
    cause = new Error(`the pair cannot be read (${(thrown as { code?: string }).code ?? "no code"})`);
  }
  if (fits) return;
  throw new AppError("internal", {
    message: "The certificate of the web interface and its key do not belong together.",
    hint: "Check server.certificate_file and server.key_file.",
    cause,
  });
}

function listenProblem(error: Error & { code?: string }, hostname: string, port: number): Error {
  if (error.code === "EADDRINUSE" || error.code === "AddrInUse") {
    return new Error(`Port ${port} is taken by another program. Stop that one, or set server.port.`, { cause: error });
  }
  if (error.code === "EACCES" || error.code === "EPERM") {
    return new Error(`Port ${port} may not be opened. Use one above 1023, or give the service the right to.`, {
      cause: error,
    });
  }
  if (error.code === "EADDRNOTAVAIL") {
    return new Error(`${hostname} is no address of this machine. Correct server.listen.`, { cause: error });
  }
  return error;
}
