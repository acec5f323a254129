import assert from "node:assert/strict";
import { Hono } from "hono";
import { serveAssets } from "./assets.ts";
import type { AssetManifest } from "./types.ts";

const manifest: AssetManifest = {
  build: "b",
  entry: null,
  entryImports: [],
  styles: [],
  fonts: [],
  islands: {},
  names: {},
  files: { "app-1.css": { type: "text/css; charset=utf-8", size: 3 }, "gone-1.css": { type: "text/css", size: 1 } },
};

function serve() {
  const reads: string[] = [];
  const app = new Hono();
  app.get(
    "/assets/:name",
    serveAssets({
      manifest,
      read(name) {
        reads.push(name);
        if (name === "gone-1.css") return Promise.reject(new Deno.errors.NotFound());
        return new TextEncoder().encode("a{}");
      },
    }),
  );
  app.onError(() => new Response("failed", { status: 500 }));
  return { reads, get: (path: string, headers = {}) => app.request(`http://x${path}`, { headers }) };
}

Deno.test("names outside the manifest are never read", async () => {
  const { reads, get } = serve();
  for (
    const path of [
      "/assets/other.css",
      "/assets/..%2Fmanifest.json",
      "/assets/__proto__",
      "/assets/constructor",
      "/assets/%00",
    ]
  ) assert.equal((await get(path)).status, 404, path);
  assert.deepEqual(reads, []);
});

Deno.test("a file that cannot be read is asked for again next time", async () => {
  const { reads, get } = serve();
  assert.equal((await get("/assets/gone-1.css")).status, 500);
  assert.equal((await get("/assets/gone-1.css")).status, 500);
  assert.equal(reads.length, 2);
});

Deno.test("assets carry type, no sniffing, a year of cache, and are read once", async () => {
  const { reads, get } = serve();
  const response = await get("/assets/app-1.css");
  assert.equal(await response.text(), "a{}");
  assert.equal(response.headers.get("content-type"), "text/css; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "public, max-age=31536000, immutable");
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  const again = await get("/assets/app-1.css", { "if-none-match": response.headers.get("etag") });
  assert.equal(again.status, 304);
  await get("/assets/app-1.css");
  assert.deepEqual(reads, ["app-1.css"]);
});
