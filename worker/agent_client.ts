import type { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { plainWords } from "../core/hosts/rules.ts";
import type { Log } from "../core/log.ts";
import { Envelope } from "../protocol/api.ts";
import {
  answerLimits,
  CONNECT_TIMEOUT_MS,
  LimitError,
  MAX_RESPONSE_BYTES,
  parseJsonLimited,
  REQUEST_TIMEOUT_MS,
} from "../protocol/limits.ts";
import { type AgentConnection, connectAgent, type KeptConnection } from "./agent_connection.ts";
import { AgentError, agentError, BROKEN_ANSWER, worthAnotherTry } from "./agent_error.ts";
import { type EventHandlers, type EventSocket, openEventSocket } from "./agent_socket.ts";
import { FREE_ANSWER_BYTES, LargeAnswers, type LargeTurn } from "./large_answers.ts";
import { type AnswerBounds, readAnswerBody, TurnNeeded } from "./read_answer.ts";
import {
  type AgentAddress,
  type ClientCredentials,
  clientCredentialsProblem,
  expectedName,
  explainFailure,
  type Trust,
} from "./agent_tls.ts";

export { AgentError, type AgentErrorKind, type HttpFailure } from "./agent_error.ts";
export type { AgentAddress, ClientCredentials } from "./agent_tls.ts";
export type { EventHandlers, EventSocket } from "./agent_socket.ts";

export interface AgentClientOptions extends ClientCredentials {
  /** The only root, PEM. */
  ca: string;
  /** Serial numbers as lower-case hexadecimal. Asked on every connection, so it may change. */
  revoked: { has(serial: string): boolean };
  clock: Clock;
  log: Log;
  /** TCP and TLS together, milliseconds. Default 5,000. */
  connect_timeout_ms?: number;
  /** Shared by all hosts; tests bring one with other bounds. */
  large?: LargeAnswers;
}

export interface AgentRequest<Schema extends z.ZodType> {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path with query, from the root: `/api/v1/patches?max_index_age=0`. Ids in it are encoded by the caller. */
  path: string;
  /** What `data` of the answer must be. */
  schema: Schema;
  /** Sent as JSON. */
  body?: unknown;
  /** The tag of the answer that is known already; the host may then say "not modified". */
  etag?: string | null;
  /** From the first packet to the last byte, a second try included. Default and most: 30,000. */
  timeout_ms?: number;
  /** The longest answer, in bytes. Default and most: 16 MiB to GET, 1 MiB to others, which are never asked twice. */
  max_bytes?: number;
  /** Keeps its place, once it has one, until the caller releases it; without, until the answer was read. */
  turn?: LargeTurn;
  /** Only for GET: goes over this connection if it is good, and leaves it open for the next; the caller closes it. */
  kept?: KeptConnection;
  signal?: AbortSignal;
}

/** An answer whose `data` fits the schema, or the word that nothing has changed. */
export type AgentAnswer<Data> =
  & (
    | { not_modified: false; status: number; data: Data; etag: string | null }
    | { not_modified: true; status: 304; etag: string | null }
  )
  & {
    /** When the certificate that the host showed ends; null where it does not say so readably. */
    certificate_expires_at: Temporal.Instant | null;
  };

export interface AgentClient {
  /**
   * One exchange with one host. A GET whose connection was refused or broke is tried once more at once; one whose
   * answer is larger than others leave room for is asked again when it is its turn, and that time is not the host's.
   * Throws AgentError, or the signal's reason when the caller gave up.
   */
  request<Schema extends z.ZodType>(
    host: AgentAddress,
    request: AgentRequest<Schema>,
  ): Promise<AgentAnswer<z.infer<Schema>>>;
  /** For answers that stay in memory after they were read: see {@link AgentRequest.turn}. To be released. */
  largeTurn(): LargeTurn;
  /** Opens the host's event socket. Throws AgentError when it cannot be opened. */
  openEvents(host: AgentAddress, handlers: EventHandlers): Promise<EventSocket>;
  /** New requests use these; running ones end with the old; event sockets are closed, so that they open anew. */
  swapCredentials(credentials: ClientCredentials): void;
  /** Ends everything that is open. */
  close(): void;
}

/**
 * One connection for each request, or for the few of one poll: between two sweeps nothing stays open, and no answer can
 * belong to another host.
 */
export function createAgentClient(options: AgentClientOptions): AgentClient {
  const trust: Trust = { ca: options.ca, revoked: options.revoked, clock: options.clock };
  const connect_timeout_ms = options.connect_timeout_ms ?? CONNECT_TIMEOUT_MS;
  const large = options.large ?? new LargeAnswers();
  let credentials = readable(options);
  const ended = new AbortController();
  const sockets = new Set<EventSocket>();

  return {
    async request(host, request) {
      const started = performance.now();
      const timeout_ms = Math.min(request.timeout_ms ?? REQUEST_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
      const turn = request.turn ?? large.turn();
      const most = request.method === "GET" ? MAX_RESPONSE_BYTES : FREE_ANSWER_BYTES;
      const bounds = { turn, large, max_bytes: Math.min(request.max_bytes ?? most, most) };
      const tryTwice = async () => {
        const deadline = performance.now() + timeout_ms;
        const limits = { connect_timeout_ms, deadline, timeout_ms, ended: ended.signal, bounds };
        const over = (connection: AgentConnection) => exchange(connection, request, credentials, trust, limits);
        const again = (next: () => ReturnType<typeof over>) => (error: unknown) => {
          if (request.method === "GET" && worthAnotherTry(error) && !ended.signal.aborted) return next();
          throw error;
        };
        const once = () => over(connectAgent(host, credentials, trust));
        const twice = () => once().catch(again(once));
        const kept = request.kept?.take(host);
        // A host may end what was kept at any time, so that is no try (RFC 9112, 9.3.1).
        return await (kept ? over(kept).catch(again(twice)) : twice());
      };
      try {
        return await tryTwice().catch(async (error) => {
          if (!(error instanceof TurnNeeded)) throw error;
          await turn.take(request.signal);
          return await tryTwice();
        });
      } catch (error) {
        if (error instanceof AgentError) {
          options.log.debug("agent.failed", {
            host_id: host.id,
            method: request.method,
            error_code: error.kind,
            duration_ms: Math.round(performance.now() - started),
          });
        }
        throw error;
      } finally {
        if (!request.turn) turn.release();
      }
    },
    largeTurn: () => large.turn(),
    async openEvents(host, handlers) {
      const socket = await openEventSocket(host, credentials, trust, { ...handlers, connect_timeout_ms });
      sockets.add(socket);
      socket.closed.then(() => sockets.delete(socket));
      if (ended.signal.aborted) socket.close();
      return socket;
    },
    swapCredentials(next) {
      credentials = readable(next);
      for (const socket of sockets) socket.close();
    },
    close() {
      ended.abort();
      for (const socket of sockets) socket.close();
    },
  };
}

interface Limits {
  connect_timeout_ms: number;
  /** On the scale of performance.now(). */
  deadline: number;
  timeout_ms: number;
  ended: AbortSignal;
  bounds: AnswerBounds;
}

async function exchange<Schema extends z.ZodType>(
  connection: AgentConnection,
  request: AgentRequest<Schema>,
  credentials: ClientCredentials,
  trust: Trust,
  limits: Limits,
): Promise<AgentAnswer<z.infer<Schema>>> {
  const { host, client } = connection;
  const attempt = startAttempt(connection, credentials, trust, limits, request.signal);
  let good = false;
  try {
    request.signal?.throwIfAborted();
    const response = await attempt.race(client.request({
      method: request.method,
      path: request.path,
      reset: request.kept === undefined,
      headers: requestHeaders(host, request),
      body: request.body === undefined ? null : JSON.stringify(request.body),
    }));
    attempt.answering();
    // Before any other await: the stream goes on reading into memory while nobody listens.
    const bytes = await attempt.race(readAnswerBody(response.body, response.headers, limits.bounds));
    const answer = readAnswer(response.statusCode, response.headers, bytes, request.schema);
    good = true;
    return { ...answer, certificate_expires_at: connection.certificate_expires_at };
  } catch (error) {
    if (error instanceof TurnNeeded) throw error;
    throw await attempt.explain(error);
  } finally {
    attempt.end();
    if (good && request.kept) request.kept.keep(connection);
    else connection.close();
  }
}

/** What one try holds beside its connection: timers, and the first reason why it must end. */
function startAttempt(
  connection: AgentConnection,
  credentials: ClientCredentials,
  trust: Trust,
  limits: Limits,
  signal: AbortSignal | undefined,
) {
  const { host } = connection;
  let connect_failure: unknown;
  let head_seen = false;
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => {});
  const slow_connect = setTimeout(() => {
    over.reject(agentError(Object.assign(new Error("silent"), { code: "ETIMEDOUT" }), host));
  }, Math.min(limits.connect_timeout_ms, limits.deadline - performance.now()));
  const slow_answer = setTimeout(() => {
    over.reject(new AgentError("timeout", `The host took longer than ${seconds(limits.timeout_ms)} to answer.`));
  }, limits.deadline - performance.now());
  const on_abort = () => over.reject(signal!.reason);
  signal?.addEventListener("abort", on_abort);
  const on_end = () => over.reject(new AgentError("closed", "The manager is stopping."));
  limits.ended.addEventListener("abort", on_end);
  if (limits.ended.aborted) on_end();
  connection.opened.then(() => clearTimeout(slow_connect), (error) => {
    connect_failure = error;
    over.reject(error);
  });
  return {
    race: <Value>(work: Promise<Value>): Promise<Value> => Promise.race([work, over.promise]),
    answering: () => {
      head_seen = true;
    },
    async explain(error: unknown): Promise<unknown> {
      if (signal?.aborted && error === signal.reason) return error;
      const left = Math.max(0, Math.min(limits.connect_timeout_ms, limits.deadline - performance.now()));
      const explained = await explainFailure(connect_failure ?? error, host, credentials, trust, left);
      if (explained.kind !== "closed" || !head_seen || error instanceof AgentError) return explained;
      return new AgentError("closed", BROKEN_ANSWER, { cause: error });
    },
    end() {
      clearTimeout(slow_connect);
      clearTimeout(slow_answer);
      signal?.removeEventListener("abort", on_abort);
      limits.ended.removeEventListener("abort", on_end);
    },
  };
}

/** The type without a member, kept as the union that it is. */
type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never;

function requestHeaders(host: AgentAddress, request: AgentRequest<z.ZodType>): Record<string, string> {
  const name = expectedName(host);
  return {
    host: `${name.includes(":") ? `[${name}]` : name}:${host.port}`,
    accept: "application/json",
    ...(request.body === undefined ? {} : { "content-type": "application/json" }),
    ...(request.etag ? { "if-none-match": request.etag } : {}),
  };
}

function readAnswer<Schema extends z.ZodType>(
  status: number,
  headers: Record<string, string | string[] | undefined>,
  bytes: Uint8Array,
  schema: Schema,
): DistributiveOmit<AgentAnswer<z.infer<Schema>>, "certificate_expires_at"> {
  const etag = typeof headers.etag === "string" && /^(W\/)?"[\x21\x23-\x7e]{0,200}"$/.test(headers.etag)
    ? headers.etag
    : null;
  if (status === 304) return { not_modified: true, status, etag };
  if (status >= 300 && status < 400) {
    throw new AgentError("http", `The host answered with a redirect (HTTP ${status}), which is never followed.`, {
      http: { status, code: null, retryable: false },
    });
  }
  if (status >= 400) throw errorAnswer(status, bytes);
  const envelope = fit(Envelope, parseAnswer(bytes, headers["content-type"]));
  if (!envelope.success) throw errorAnswer(status, bytes);
  return { not_modified: false, status, data: fit(schema, envelope.data), etag };
}

/** A page where JSON belongs is some other service, or a proxy: the type that it calls itself helps to find it. */
function parseAnswer(bytes: Uint8Array, content_type: string | string[] | undefined): unknown {
  try {
    return parseJsonLimited(bytes, answerLimits);
  } catch (error) {
    const [type] = String(content_type ?? "").split(";");
    if (!(error instanceof LimitError) || error.kind !== "malformed") throw error;
    if (type === "" || type === "application/json") throw error;
    throw new LimitError("malformed", `${error.message} It calls itself ${printable(type.slice(0, 100))}.`);
  }
}

/** An error answer; one that is not in the agreed form is still an error, with less to say. */
function errorAnswer(status: number, bytes: Uint8Array): AgentError {
  let error: Envelope["error"] = null;
  try {
    error = Envelope.parse(parseJsonLimited(bytes, answerLimits)).error;
  } catch {
    // Told by the status alone: the body may be anything, such as the page of a proxy.
  }
  const words = error ? `: ${printable(error.message)} (${printable(error.code)})` : "";
  return new AgentError("http", `The host answered with an error, HTTP ${status}${words}.`, {
    http: { status, code: error?.code ?? null, retryable: error?.retryable ?? false },
  });
}

/** Parses with a schema. The words name the first field that is wrong, never its value. */
function fit<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  const where = first.path.length > 0 ? `${printable(first.path.join("."))}: ` : "";
  throw new AgentError("schema", `The host's answer is not as the protocol says. ${where}${printable(first.message)}.`);
}

/** A stranger's words, cut, without control characters, without the full stop that we put ourselves. */
function printable(text: string): string {
  return plainWords(text.slice(0, 300)).replace(/\.$/, "");
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`;
}

function readable(credentials: ClientCredentials): ClientCredentials {
  const problem = clientCredentialsProblem(credentials);
  if (problem) throw new Error(problem);
  return { client_cert: credentials.client_cert, client_key: credentials.client_key };
}
