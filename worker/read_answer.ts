import { type EventedBody, LimitError } from "../protocol/limits.ts";
import { AgentError } from "./agent_error.ts";
import { FREE_ANSWER_BYTES, type LargeAnswers, type LargeTurn } from "./large_answers.ts";

/** The answer is larger than what is free for everybody, and there is no place now: ask again when there is one. */
export class TurnNeeded extends Error {
  override readonly name = "TurnNeeded";
}

/** Bounds for one answer's body. */
export interface AnswerBounds {
  /** The longest body, in bytes. */
  max_bytes: number;
  turn: LargeTurn;
  large: LargeAnswers;
}

/** What a head says of the body behind it. */
export interface AnswerHead {
  "content-length"?: string | string[];
  "content-encoding"?: string | string[];
}

/**
 * Reads an answer's body. Bytes are counted while they arrive; a body that its head announces as too large is not read
 * at all. To be called before any other await: the stream goes on reading into memory while nobody listens.
 *
 * @throws LimitError too large or compressed, TurnNeeded, AgentError when a large one is slow while others wait
 */
export function readAnswerBody(body: EventedBody, head: AnswerHead, bounds: AnswerBounds): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const { max_bytes, turn, large } = bounds;
  const chunks: Uint8Array[] = [];
  let length = 0;
  let over = false;
  let watch: ReturnType<typeof setInterval> | undefined;
  const end = (error: Error) => {
    if (over) return;
    over = true;
    clearInterval(watch);
    chunks.length = 0;
    reject(error);
    body.destroy();
  };
  const admit = (bytes: number): boolean => {
    if (bytes > max_bytes) end(tooLarge(max_bytes));
    else if (bytes > FREE_ANSWER_BYTES && !turn.tryTake()) end(new TurnNeeded());
    else if (bytes > FREE_ANSWER_BYTES) watch ??= watchHold(large, end);
    return !over;
  };
  body.on("error", (error) => {
    clearInterval(watch);
    reject(error);
  });
  // After "end" this changes nothing.
  body.on("close", () => {
    clearInterval(watch);
    reject(Object.assign(new Error("The sender broke off."), { code: "ECONNRESET" }));
  });
  const encoding = String(head["content-encoding"] ?? "identity").toLowerCase();
  if (encoding !== "identity") {
    end(new LimitError("malformed", "It is compressed, which was not asked for."));
    return promise;
  }
  if (!admit(Number(head["content-length"] ?? 0))) return promise;
  body.on("data", (chunk) => {
    if (over) return;
    length += chunk.length;
    if (admit(length)) chunks.push(chunk);
  });
  body.on("end", () => {
    if (over) return;
    over = true;
    clearInterval(watch);
    resolve(join(chunks, length));
  });
  return promise;
}

/** Ends a large answer that takes long, once others wait for its place. */
function watchHold(large: LargeAnswers, end: (error: Error) => void) {
  const began = performance.now();
  return setInterval(() => {
    if (large.waiting === 0 || performance.now() - began < large.hold_ms) return;
    const seconds = Math.round(large.hold_ms / 1_000);
    end(
      new AgentError(
        "timeout",
        `The host took longer than ${seconds} s to send a large answer, and other hosts waited.`,
      ),
    );
  }, Math.min(500, large.hold_ms));
}

function tooLarge(max: number): LimitError {
  const words = max >= 2 ** 20 ? `${max / 2 ** 20} MiB` : `${max / 2 ** 10} KiB`;
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
