import assert from "node:assert/strict";
import { waitFor } from "./wait_for.ts";

Deno.test("the deadline says what was waited for, how long, and the last error", async () => {
  const fast = { deadline_ms: 40, every_ms: 5 };
  await assert.rejects(() => waitFor("the moon", () => false, fast), /waited \d+ ms for the moon, in vain$/);
  await assert.rejects(
    () => waitFor("a file", () => Promise.reject(new Error("no such file")), fast),
    /for a file, in vain; last error: no such file/,
  );
  // An error that went away is not named any more.
  let calls = 0;
  await assert.rejects(
    () =>
      waitFor("it", () => {
        if (++calls === 1) throw new Error("once");
        return null;
      }, fast),
    /in vain$/,
  );
});

Deno.test("the first value that is neither false, null nor undefined is the answer", async () => {
  const values = [undefined, null, false, 0];
  assert.equal(await waitFor("zero", () => values.shift(), { every_ms: 1 }), 0);
  assert.equal(await waitFor("text", () => Promise.resolve("")), "");
  let attempts = 0;
  const answer = await waitFor("the third attempt", () => {
    if (++attempts < 3) throw new Error("not yet");
    return attempts;
  }, { every_ms: 1 });
  assert.equal(answer, 3);
});
