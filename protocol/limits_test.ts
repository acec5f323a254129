import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { request } from "node:http";
import { createServer } from "node:http";
import { listening } from "../testing/tls.ts";
import {
  type JsonLimits,
  LimitError,
  MAX_DEPTH,
  parseJsonLimited,
  readBytesLimited,
  readJsonLimited,
} from "./limits.ts";

const small: JsonLimits = { max_bytes: 64, max_depth: 3, max_values: 8 };
const bytes = (text: string) => new TextEncoder().encode(text);

const refused: { name: string; input: Uint8Array; kind: LimitError["kind"] }[] = [
  { name: "one byte too many", input: bytes(" ".repeat(64) + "1"), kind: "too_large" },
  { name: "one level too deep", input: bytes("[[[[]]]]"), kind: "too_deep" },
  { name: "one level too deep in objects", input: bytes('{"a":{"a":{"a":{}}}}'), kind: "too_deep" },
  { name: "depth that never closes", input: bytes("[".repeat(50)), kind: "too_deep" },
  { name: "depth behind a string with a quote", input: bytes('["\\"[",[[[]]]]'), kind: "too_deep" },
  { name: "depth behind a backslash at a string's end", input: bytes('["\\\\",[[[]]]]'), kind: "too_deep" },
  { name: "too many values", input: bytes("[1,2,3,4,5,6,7,8]"), kind: "too_large" },
  { name: "too many empty objects", input: bytes("[{},{},{},{},{}]"), kind: "too_large" },
  { name: "nothing", input: new Uint8Array(), kind: "malformed" },
  { name: "half a document", input: bytes('{"a":'), kind: "malformed" },
  { name: "two documents", input: bytes("{}{}"), kind: "malformed" },
  { name: "a string that never ends", input: bytes('"abc\\'), kind: "malformed" },
  { name: "a lone continuation byte", input: Uint8Array.of(0x22, 0x80, 0x22), kind: "malformed" },
  { name: "an overlong slash", input: Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), kind: "malformed" },
  { name: "a surrogate in UTF-8", input: Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), kind: "malformed" },
  { name: "UTF-16", input: Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0), kind: "malformed" },
  { name: "NaN", input: bytes("NaN"), kind: "malformed" },
  { name: "a comment", input: bytes("{/* */}"), kind: "malformed" },
];
for (const { name, input, kind } of refused) {
  Deno.test(`JSON with ${name} is refused`, async () => {
    const is_right = (error: unknown) => error instanceof LimitError && error.kind === kind;
    assert.throws(() => parseJsonLimited(input, small), is_right);
    await assert.rejects(readJsonLimited(input, small), is_right);
  });
}

const accepted: [string, unknown][] = [
  ["[[[]]]", [[[]]]],
  ['{"a":"[[[[[[[[[[{{{{{{{,,,,,,,,,,,"}', { a: "[[[[[[[[[[{{{{{{{,,,,,,,,,,," }],
  ['["\\"","\\\\",[1]]', ['"', "\\", [1]]],
  ['"ä€😀"', "ä€😀"],
  [" ".repeat(63) + "1", 1],
  ["null", null],
];
for (const [text, value] of accepted) {
  Deno.test(`JSON at the limit is read: ${text.trim().slice(0, 30)}`, () => {
    assert.deepEqual(parseJsonLimited(bytes(text), small), value);
  });
}

Deno.test("a key named __proto__ stays a key", () => {
  const value = parseJsonLimited(bytes('{"__proto__":{"admin":true}}'), small) as Record<string, unknown>;
  assert.equal((({}) as Record<string, unknown>).admin, undefined);
  assert.equal(value.admin, undefined);
});

Deno.test("the words of a refusal quote nothing of what was sent", () => {
  assert.throws(() => parseJsonLimited(bytes('{"password":"hunter2"'), small), (error: Error) => {
    assert.doesNotMatch(error.message, /hunter2|password/);
    return true;
  });
});

Deno.test("the deepest document allowed is read, one more level is not", () => {
  const limits = { ...small, max_bytes: 1000, max_depth: MAX_DEPTH, max_values: 1000 };
  assert.ok(parseJsonLimited(bytes("[".repeat(32) + "]".repeat(32)), limits));
  assert.throws(() => parseJsonLimited(bytes("[".repeat(33) + "]".repeat(33)), limits), /deeper than 32/);
});

/** A stream as node has it, under the test's control. */
class Source extends EventEmitter {
  destroyed = 0;
  destroy() {
    this.destroyed++;
    this.emit("close");
  }
}

Deno.test("a node stream is read from the first tick on, joined in order", async () => {
  const source = new Source();
  const read = readJsonLimited(source, small);
  for (const part of ['{"a":', '"ä', '"}']) source.emit("data", bytes(part));
  source.emit("end");
  source.emit("close");
  assert.deepEqual(await read, { a: "ä" });
  assert.equal(source.destroyed, 0);
});

Deno.test("a node stream is destroyed at the first byte too many, and what comes later is dropped", async () => {
  const source = new Source();
  const read = readBytesLimited(source, 4);
  source.emit("data", bytes("1234"));
  assert.equal(source.destroyed, 0);
  source.emit("data", bytes("5"));
  assert.equal(source.destroyed, 1);
  source.emit("data", bytes("6"));
  source.emit("end");
  await assert.rejects(read, (error) => error instanceof LimitError && error.message === "It is larger than 4 bytes.");
  assert.equal(source.destroyed, 1);
});

Deno.test("a node stream that breaks off or fails is an error, never half a document", async () => {
  const broken = new Source();
  const read = readJsonLimited(broken, small);
  broken.emit("data", bytes("1"));
  broken.emit("close");
  await assert.rejects(read, { code: "ECONNRESET" });

  const failed = new Source();
  const other = readJsonLimited(failed, small);
  failed.emit("error", new Error("cable cut"));
  await assert.rejects(other, /cable cut/);
});

Deno.test("a web stream is cancelled at the first chunk too many", async () => {
  let pulled = 0;
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulled++;
      controller.enqueue(new Uint8Array(10));
    },
    cancel: () => {
      cancelled = true;
    },
  });
  await assert.rejects(readBytesLimited(stream, 25), /larger than 25 bytes/);
  assert.ok(cancelled);
  assert.ok(pulled <= 5, String(pulled));
  assert.deepEqual(await readJsonLimited(new Blob(['{"a":1}']).stream(), small), { a: 1 });
  assert.deepEqual(await readBytesLimited(null, 0), new Uint8Array());
});

Deno.test("a real request body without a length is cut at the limit", async () => {
  const outcome = Promise.withResolvers<unknown>();
  await using server = await listening(createServer((incoming, response) => {
    readJsonLimited(incoming, { ...small, max_bytes: 100_000 }).catch((error) => error).then((value) => {
      outcome.resolve(value);
      response.destroy();
    });
  }));
  const sender = request({ host: "127.0.0.1", port: server.port, method: "POST" });
  sender.on("error", () => {});
  for (let i = 0; i < 20; i++) sender.write(new Uint8Array(10_000));
  const error = await outcome.promise;
  assert.ok(error instanceof LimitError && error.kind === "too_large", String(error));
  sender.destroy();
});
