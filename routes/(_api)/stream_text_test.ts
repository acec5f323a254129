import assert from "node:assert/strict";
import { streamText } from "./stream_text.ts";

Deno.test("what fails before the first piece is thrown; nothing at all is an empty answer", async () => {
  await assert.rejects(
    streamText(
      // deno-lint-ignore require-yield -- it has nothing to give
      async function* () {
        throw new Error("no database");
      }(),
      {},
    ),
    /no database/,
  );
  assert.equal(await (await streamText(async function* () {}(), {})).text(), "");
});

Deno.test("once the session or the token that asked has ended, a stream breaks off and reads no further", async () => {
  let ended = false;
  let read = 0;
  let closed = false;
  const pieces = (async function* () {
    try {
      for (;; read++) yield `row ${read}\n`;
    } finally {
      closed = true;
    }
  })();
  const reader = (await streamText(pieces, {}, () => ended)).body!.getReader();
  for (let i = 0; i < 5; i++) assert.ok(!(await reader.read()).done);
  ended = true;
  await assert.rejects(async () => {
    for (let i = 0; i < 5; i++) await reader.read();
  }, /no longer signed in/);
  assert.ok(closed && read < 10, `${read} pieces were read`);
});
