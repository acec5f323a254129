import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { testSite } from "../testing/site.ts";

Deno.test("a program's lists travel compressed, a browser's do not", async () => {
  await using site = await testSite();
  const program = await site.signIn("auditor");
  const browser = await site.signIn("auditor", { kind: "browser" });
  const gzip = { "accept-encoding": "gzip" };

  const plain = await program.get("/api/v1/settings");
  assert.equal(plain.headers.get("content-encoding"), null, "nobody asked for it");
  assert.match(plain.headers.get("vary") ?? "", /accept-encoding/i);

  const packed = await program.get("/api/v1/settings", gzip);
  assert.equal(packed.headers.get("content-encoding"), "gzip");
  assert.deepEqual(JSON.parse(gunzipSync(packed.bytes).toString()), plain.json);
  assert.ok(packed.bytes.length < plain.bytes.length / 2, `${packed.bytes.length} of ${plain.bytes.length} bytes`);

  // What a browser brings along by itself, another site can make it ask for.
  for (const headers of [gzip, { ...gzip, authorization: `Bearer ${program.token}` }]) {
    const answer = await browser.get("/api/v1/settings", headers);
    assert.equal(answer.headers.get("content-encoding"), null);
  }
  const refused = await program.get("/api/v1/hosts?limit=0", gzip);
  assert.equal(refused.status, 400);
  assert.equal(refused.headers.get("content-encoding"), null, "an error is read by people");
});
