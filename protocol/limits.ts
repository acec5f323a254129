/**
 * Limits on what another machine may send. They hold for both directions: an agent is as much an enemy to the
 * manager as a caller is to an agent.
 */

/** The longest answer of an agent that is read: 16 MiB. */
export const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
/** The longest request body that an agent or the manager's enrolment reads: 1 MiB. */
export const MAX_REQUEST_BYTES = 1024 * 1024;
/** The deepest nesting of arrays and objects. */
export const MAX_DEPTH = 32;
/**
 * The most values in one document. 16 MiB of `{},{},…` would become 300 MB of objects; the longest honest
 * document, 50,000 packages of 15 fields, stays below.
 */
export const MAX_VALUES = 2_000_000;
/** A whole exchange, from the connection's first packet to the answer's last byte: 30 s, slow drips included. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** TCP and TLS handshake together: 5 s. */
export const CONNECT_TIMEOUT_MS = 5_000;
/** A listener gives up a handshake after 5 s and waits 10 s for a request's head. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
export const HEADERS_TIMEOUT_MS = 10_000;
/** What is kept of one job's log on one host: 1 MiB. */
export const MAX_JOB_LOG_BYTES = 1024 * 1024;
/** The longest message on the event socket, both ways: 256 KiB; an event carries at most 64 KiB of output. */
export const MAX_EVENT_BYTES = 256 * 1024;
/** The most messages that a host may send on one event socket within {@link EVENT_WINDOW_MS}. */
export const MAX_EVENTS_PER_WINDOW = 2_000;
export const EVENT_WINDOW_MS = 10_000;
/** Connections that one listener of an agent holds at once. */
export const MAX_CONNECTIONS = 256;

export interface JsonLimits {
  max_bytes: number;
  max_depth: number;
  max_values: number;
}

/** For an agent's answers. */
export const answerLimits: JsonLimits = {
  max_bytes: MAX_RESPONSE_BYTES,
  max_depth: MAX_DEPTH,
  max_values: MAX_VALUES,
};
/** For request bodies. */
export const requestLimits: JsonLimits = { ...answerLimits, max_bytes: MAX_REQUEST_BYTES };

/** Something went over a limit (`too_large`, `too_deep`) or is no JSON in UTF-8 (`malformed`). */
export class LimitError extends Error {
  readonly kind: "too_large" | "too_deep" | "malformed";
  constructor(kind: LimitError["kind"], message: string) {
    super(message);
    this.name = "LimitError";
    this.kind = kind;
  }
}

/** A node stream as far as it is used here: a request's or an answer's body. */
export interface EventedBody {
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "end" | "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  destroy(error?: Error): unknown;
}

export type Body = Uint8Array | EventedBody | ReadableStream<Uint8Array> | null;

/**
 * Reads a body as JSON: bytes counted while they arrive, depth and number of values before parsing.
 * Throws LimitError; an error of the stream is passed on.
 *
 * Call it before the first await of a handler: TLS streams go on reading into memory while nobody listens.
 */
export function readJsonLimited(body: Body, limits: JsonLimits): Promise<unknown> {
  return readBytesLimited(body, limits.max_bytes).then((bytes) => parseJsonLimited(bytes, limits));
}

/** Reads a body of at most `max` bytes. The stream is destroyed at the first byte too many. */
export function readBytesLimited(body: Body, max: number): Promise<Uint8Array> {
  if (body === null) return Promise.resolve(new Uint8Array());
  if (body instanceof Uint8Array) {
    return body.length > max ? Promise.reject(tooLarge(max)) : Promise.resolve(body);
  }
  return body instanceof ReadableStream ? readWebStream(body, max) : readEvented(body, max);
}

function readEvented(body: EventedBody, max: number): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let over = false;
  body.on("data", (chunk) => {
    if (over) return;
    length += chunk.length;
    if (length <= max) return void chunks.push(chunk);
    over = true;
    chunks.length = 0;
    reject(tooLarge(max));
    body.destroy();
  });
  body.on("end", () => over || resolve(join(chunks, length)));
  body.on("error", reject);
  // After "end" this changes nothing.
  body.on("close", () => reject(Object.assign(new Error("The sender broke off."), { code: "ECONNRESET" })));
  return promise;
}

async function readWebStream(body: ReadableStream<Uint8Array>, max: number): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length;
    if (length > max) {
      await reader.cancel().catch(() => {});
      throw tooLarge(max);
    }
    chunks.push(next.value);
  }
  return join(chunks, length);
}

/** Parses bytes as JSON in UTF-8 within the limits. Throws LimitError; its words quote nothing of the input. */
export function parseJsonLimited(bytes: Uint8Array, limits: JsonLimits): unknown {
  if (bytes.length > limits.max_bytes) throw tooLarge(limits.max_bytes);
  scan(bytes, limits);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new LimitError("malformed", "It is not valid UTF-8.");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new LimitError("malformed", "It is not valid JSON.");
  }
}

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c, OPEN_BRACKET = 0x5b, CLOSE_BRACKET = 0x5d, OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Counts nesting and values outside of strings. Bytes of a longer UTF-8 sequence are never below 0x80. */
function scan(bytes: Uint8Array, limits: JsonLimits): void {
  let depth = 0;
  let values = 1;
  for (let i = 0; i < bytes.length; i++) {
    switch (bytes[i]) {
      case QUOTE:
        for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        values++;
        if (++depth > limits.max_depth) {
          throw new LimitError("too_deep", `It is nested deeper than ${limits.max_depth} levels.`);
        }
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        depth--;
        break;
      case COMMA:
        values++;
    }
    if (values > limits.max_values) {
      throw new LimitError("too_large", `It has more than ${limits.max_values.toLocaleString("en")} values.`);
    }
  }
}

function tooLarge(max: number): LimitError {
  const words = max % (1024 * 1024) === 0
    ? `${max / 1024 / 1024} MiB`
    : max % 1024 === 0
    ? `${max / 1024} KiB`
    : `${max} bytes`;
  return new LimitError("too_large", `It is larger than ${words}.`);
}

function join(chunks: Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
