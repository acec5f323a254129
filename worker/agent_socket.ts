import type { TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import { JobEvent } from "../protocol/api.ts";
import {
  CONNECT_TIMEOUT_MS,
  EVENT_WINDOW_MS,
  type JsonLimits,
  MAX_DEPTH,
  MAX_EVENT_BYTES,
  MAX_EVENTS_PER_WINDOW,
  parseJsonLimited,
} from "../protocol/limits.ts";
import { AgentError, agentError } from "./agent_error.ts";
import {
  type AgentAddress,
  type ClientCredentials,
  expectedName,
  explainFailure,
  openTls,
  serverProblem,
  type Trust,
} from "./agent_tls.ts";

const PING_INTERVAL_MS = 30_000;
/** How long a host may take to answer our goodbye. */
const GOODBYE_MS = 1_000;
const EVENT_LIMITS: JsonLimits = { max_bytes: MAX_EVENT_BYTES, max_depth: MAX_DEPTH, max_values: 10_000 };

/**
 * The most bytes of events within {@link EVENT_WINDOW_MS}. A job's whole log is 1 MiB at most, so this is sixteen
 * whole jobs in ten seconds; without it 2,000 events of 256 KiB would be half a gigabyte to parse.
 */
export const MAX_EVENT_BYTES_PER_WINDOW = 16 * 2 ** 20;

/** What the caller wants to hear. */
export interface EventHandlers {
  /** One event, in the order of arrival. */
  on_message(event: JobEvent): void;
  /** The socket has ended, told once. null: closed by us, or by the host in good order. */
  on_close?(reason: AgentError | null): void;
  /** A ping goes out this often; the socket is given up when two in a row were not answered. Default 30,000. */
  ping_interval_ms?: number;
  connect_timeout_ms?: number;
  /** Most messages within 10 s. Default 2,000. */
  max_events?: number;
  signal?: AbortSignal;
}

export interface EventSocket {
  /** Settles when the socket has ended, with the reason as for on_close. Never rejects. */
  closed: Promise<AgentError | null>;
  /** Sends `{ action: "subscribe", job_id }`. */
  subscribe(job_id: string): void;
  /** Says goodbye, and cuts the connection a second later when the host does not answer. */
  close(): void;
}

/**
 * Opens a host's event socket, with the same TLS and checks as a request. Throws AgentError, or the signal's
 * reason. Events may arrive a moment before the promise settles.
 */
export async function openEventSocket(
  host: AgentAddress,
  credentials: ClientCredentials,
  trust: Trust,
  handlers: EventHandlers,
): Promise<EventSocket> {
  const connect_timeout_ms = handlers.connect_timeout_ms ?? CONNECT_TIMEOUT_MS;
  const { signal } = handlers;
  let tls: TLSSocket | undefined;
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => {});
  const timer = setTimeout(() => {
    over.reject(agentError(Object.assign(new Error("silent"), { code: "ETIMEDOUT" }), host));
  }, connect_timeout_ms);
  const on_abort = () => over.reject(signal!.reason);
  signal?.addEventListener("abort", on_abort);
  try {
    signal?.throwIfAborted();
    const opening = openTls(host, credentials, trust, (socket) => tls = socket);
    const { socket: opened } = await Promise.race([opening, over.promise]);
    const socket = upgrade(host, opened);
    const events = watch(socket, opened, host, trust, handlers);
    await Promise.race([whenOpen(socket, host), over.promise]);
    return events;
  } catch (error) {
    tls?.destroy();
    if (signal?.aborted && error === signal.reason) throw error;
    throw await explainFailure(error, host, credentials, trust, connect_timeout_ms);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", on_abort);
  }
}

function upgrade(host: AgentAddress, opened: TLSSocket): WebSocket {
  const name = expectedName(host);
  return new WebSocket(`wss://${name.includes(":") ? `[${name}]` : name}:${host.port}/api/v1/ws/jobs`, {
    createConnection: () => opened,
    followRedirects: false,
    perMessageDeflate: false,
    maxPayload: MAX_EVENT_BYTES,
  });
}

function whenOpen(socket: WebSocket, host: AgentAddress): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("open", () => resolve());
  socket.once("error", reject);
  socket.once("close", () => reject(agentError(Object.assign(new Error("closed"), { code: "ECONNRESET" }), host)));
  socket.once("unexpected-response", (_request, response) => {
    const status = response.statusCode ?? 0;
    reject(
      new AgentError("http", `The host has no event socket: it answered HTTP ${status}.`, {
        http: { status, code: null, retryable: false },
      }),
    );
  });
  return promise;
}

/** Reads events, counts them, keeps the connection alive or finds out that it is not. */
function watch(
  socket: WebSocket,
  tls: TLSSocket,
  host: AgentAddress,
  trust: Trust,
  handlers: EventHandlers,
): EventSocket {
  const { promise: closed, resolve } = Promise.withResolvers<AgentError | null>();
  let reason: AgentError | null = null;
  let opened = false;
  let missed = 0;
  let goodbye: ReturnType<typeof setTimeout> | undefined;
  const fail = (error: AgentError) => {
    reason ??= error;
    socket.terminate();
  };
  const quota = eventQuota(handlers.max_events ?? MAX_EVENTS_PER_WINDOW);
  const alive = setInterval(() => {
    if (!opened) return;
    const problem = serverProblem(host, tls.getPeerCertificate(), trust);
    if (problem) return fail(problem);
    if (missed >= 2) return fail(new AgentError("timeout", "The host no longer answers on its event socket."));
    missed++;
    socket.ping();
  }, handlers.ping_interval_ms ?? PING_INTERVAL_MS);
  const close = () => {
    socket.close(1000);
    goodbye ??= setTimeout(() => socket.terminate(), GOODBYE_MS);
  };
  handlers.signal?.addEventListener("abort", close);
  socket.on("open", () => opened = true);
  socket.on("pong", () => missed = 0);
  socket.on("message", (data, is_binary) => {
    if (reason) return;
    const bytes = data as Uint8Array;
    const event = quota(bytes.length) ? readEvent(bytes, is_binary) : tooMany();
    if (event instanceof AgentError) fail(event);
    else handlers.on_message(event);
  });
  socket.on("error", (error) => reason ??= socketError(error, host));
  socket.on("close", (code) => {
    clearInterval(alive);
    clearTimeout(goodbye);
    handlers.signal?.removeEventListener("abort", close);
    tls.destroy();
    if (!reason && !goodbye && code !== 1000 && code !== 1001) {
      reason = new AgentError("closed", "The host broke off its event socket.");
    }
    resolve(reason);
    if (opened) handlers.on_close?.(reason);
  });
  return { closed, close, subscribe: (job_id) => socket.send(JSON.stringify({ action: "subscribe", job_id })) };
}

/** Counts messages and their bytes in windows; false when there are too many in one. */
function eventQuota(most: number): (bytes: number) => boolean {
  let began = performance.now();
  let count = 0;
  let sum = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - began >= EVENT_WINDOW_MS) {
      began = now;
      count = 0;
      sum = 0;
    }
    sum += bytes;
    return ++count <= most && sum <= MAX_EVENT_BYTES_PER_WINDOW;
  };
}

function tooMany(): AgentError {
  return new AgentError("too_large", "The host sends more events than its socket may carry.");
}

function readEvent(data: Uint8Array, is_binary: boolean): JobEvent | AgentError {
  if (is_binary) return new AgentError("malformed", "The host sent an event that is not text.");
  let value: unknown;
  try {
    value = parseJsonLimited(data, EVENT_LIMITS);
  } catch (error) {
    return new AgentError("malformed", "The host sent an event that cannot be read.", { cause: error });
  }
  const event = JobEvent.safeParse(value);
  return event.success
    ? event.data
    : new AgentError("schema", "The host sent an event that the protocol does not know.");
}

function socketError(error: Error, host: AgentAddress): AgentError {
  const code = (error as { code?: string }).code ?? "";
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
    return new AgentError("too_large", "The host sent an event larger than 256 KiB.", { cause: error });
  }
  if (code.startsWith("WS_ERR_")) {
    return new AgentError("malformed", "The host's event socket does not follow the protocol.", { cause: error });
  }
  return agentError(error, host);
}
