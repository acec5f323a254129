import assert from "node:assert/strict";
import { stopBundler } from "../scripts/build.ts";
import { makeFixture } from "./testdata/fixture.ts";

Deno.test("site", { sanitizeResources: false, sanitizeOps: false }, async (t) => {
  const fixture = await makeFixture();
  const { site, asked, thrown } = fixture;
  const call = (path: string, init: RequestInit & { as?: string } = {}) =>
    site.app.request(`http://site.test${path}`, {
      ...init,
      headers: { ...init.as ? { "x-role": init.as } : {}, ...init.headers as Record<string, string> },
    });
  const form = (fields: Record<string, string>) => ({ method: "POST", body: new URLSearchParams(fields) });

  await t.step("refusals: who may not call gets no handler, page or API", async () => {
    for (
      const [method, path, as, status] of [
        ["GET", "/hosts/7", "anonymous", 403],
        ["POST", "/hosts/7", "auditor", 403],
        ["POST", "/hosts/new", "operator", 403],
        ["GET", "/api/v1/hosts", "anonymous", 403],
        ["GET", "/api/v1/hosts/export", "operator", 403],
        ["GET", "/api/v1/hosts/7", "auditor", 200],
        ["GET", "/hosts/7", "auditor", 200],
      ] as const
    ) {
      const response = await call(path, { method, as });
      assert.equal(response.status, status, `${method} ${path} as ${as}`);
      if (status === 403) assert.doesNotMatch(await response.text(), /Host 7|export/);
    }
    const created = await call("/api/v1/hosts", {
      method: "POST",
      as: "auditor",
      body: JSON.stringify({ name: "a" }),
      headers: { "content-type": "application/json" },
    });
    assert.equal(created.status, 403);
    assert.doesNotMatch(created.headers.get("x-steps")!, /created/);
  });

  await t.step("refusal comes before the request is validated", async () => {
    const broken = { method: "POST", body: "{", headers: { "content-type": "application/json" } };
    assert.equal((await call("/api/v1/hosts", { ...broken, as: "auditor" })).status, 403);
    assert.equal((await call("/api/v1/hosts", { ...broken, as: "operator" })).status, 400);
  });

  await t.step("authorize is asked once, for exactly the route that matched", async () => {
    asked.length = 0;
    await call("/api/v1/hosts/export");
    await call("/hosts/7", form({ name: "a" }));
    assert.deepEqual(asked.map(({ audit }) => audit), ["host.export", "host.rename"]);
  });

  await t.step("a missing method is 405 with Allow, inside the middleware", async () => {
    for (
      const [method, path, allow] of [
        ["DELETE", "/hosts/7", "GET, HEAD, POST"],
        ["GET", "/hosts/new", "POST"],
        ["OPTIONS", "/", "GET, HEAD"],
        ["DELETE", "/api/v1/hosts", "GET, HEAD, POST"],
      ] as const
    ) {
      asked.length = 0;
      const response = await call(path, { method });
      assert.equal(response.status, 405);
      assert.equal(response.headers.get("allow"), allow);
      assert.equal(response.headers.get("x-seen-status"), "405");
      assert.equal(asked.length, 0);
    }
  });

  await t.step("HEAD is GET without a body", async () => {
    for (const path of ["/hosts/7", "/api/v1/hosts"]) {
      const response = await call(path, { method: "HEAD" });
      assert.equal(response.status, 200);
      assert.equal(await response.text(), "");
    }
  });

  await t.step("an unknown address passes the middleware and is answered in its own form", async () => {
    const html = await call("/nowhere");
    assert.equal(html.status, 404);
    assert.match(await html.text(), /Problem 404/);
    assert.ok(html.headers.get("content-security-policy"));
    const json = await call("/api/v1/nowhere");
    assert.equal(json.status, 404);
    assert.deepEqual(await json.json(), { code: "http_404", status: 404, message: "There is nothing here." });
    assert.equal((await call("/hosts/0")).status, 404);
  });

  await t.step("what fails is reported and never shown", async () => {
    for (const path of ["/fails", "/api/v1/hosts/boom"]) {
      thrown.length = 0;
      const response = await call(path);
      assert.equal(response.status, 500);
      assert.doesNotMatch(await response.text(), /secret/);
      assert.match(String(thrown[0]), /secret/);
      assert.equal(thrown.length, 1);
    }
  });

  await t.step("a failing error page still gives an answer", async () => {
    thrown.length = 0;
    const response = await call("/nowhere?broken");
    assert.equal(response.status, 404);
    assert.equal(await response.text(), "There is nothing here.");
    assert.equal(thrown.length, 2);
  });

  await t.step("middleware: outside in, may answer, may throw, not next twice", async () => {
    assert.equal((await call("/hosts/7")).headers.get("x-steps"), "record,hosts,authorize");
    assert.equal((await call("/hosts/7", { headers: { "x-refuse": "answer" } })).status, 418);
    assert.equal((await call("/api/v1/hosts", { headers: { "x-refuse": "answer" } })).status, 418);
    const refused = await call("/hosts/7", { headers: { "x-refuse": "throw" } });
    assert.equal(refused.status, 403);
    assert.equal(refused.headers.get("x-seen-status"), "403");
    assert.equal((await call("/", { headers: { "x-refuse": "twice" } })).status, 500);
    for (const path of ["/", "/api/v1/hosts"]) {
      const replaced = await call(path, { headers: { "x-refuse": "replace" } });
      assert.equal(await replaced.text(), "replaced");
      // Set further in, on the answer that is gone.
      assert.equal(replaced.headers.get("content-security-policy"), null);
      assert.equal(replaced.headers.get("x-seen-status"), "200");
    }
  });

  await t.step("redirects stay on the site unless that is said", async () => {
    const away = await call("/fails", { method: "POST" });
    assert.equal(away.status, 500);
    assert.equal(away.headers.get("location"), null);
    const external = await call("/fails", { method: "PUT" });
    assert.equal(external.headers.get("location"), "https://elsewhere.example/a");
  });

  await t.step("a form works without script: problems keep the page, success is 303", async () => {
    const bad = await call("/hosts/7", form({ name: "" }));
    assert.equal(bad.status, 422);
    assert.equal(bad.headers.get("x-kept"), "1");
    assert.match(await bad.text(), /A host needs a name/);
    const good = await call("/hosts/7", form({ name: "web-1" }));
    assert.equal(good.status, 303);
    assert.equal(good.headers.get("location"), "/hosts/7");
  });

  await t.step("the exact pattern wins over the parameter; the rest is decoded", async () => {
    assert.equal((await call("/hosts/new", { method: "POST" })).status, 201);
    assert.equal((await (await call("/api/v1/hosts/export")).json()).role, "/api/v1/hosts/export");
    assert.equal(await (await call("/files/a/b%20c")).text(), "a/b c");
    assert.equal((await call("/files")).status, 404);
    assert.equal((await call("/record")).status, 404);
    assert.equal((await call("/note")).status, 404);
  });

  await t.step("documents: layouts nest, nothing inline, nothing escapes the data block", async () => {
    const text = await (await call("/")).text();
    assert.match(text, /^<!DOCTYPE html><html lang="en">/);
    assert.match(text, /<title>Home<\/title>/);
    assert.doesNotMatch(text, / style=/);
    assert.doesNotMatch(text, / on[a-z]+=/);
    const scripts = [...text.matchAll(/<script[^>]*>/g)].map(([tag]) => tag);
    assert.equal(scripts.filter((tag) => !tag.includes("application/json")).length, 1);
    assert.ok(scripts.every((tag) => tag.includes(" src=") || tag.includes('type="application/json"')));
    assert.equal(text.split("</script>").length - 1, scripts.length);
    assert.match(await (await call("/hosts/7")).text(), /<section id="hosts"><h1>Host 7/);
    assert.match(await (await call("/bare")).text(), /<body><h1>Bare<\/h1>/);
  });

  await t.step("modules of the page's islands are preloaded, and only those", async () => {
    const { islands } = fixture.assets.manifest;
    const text = await (await call("/hosts/7")).text();
    assert.ok(text.includes(`<link rel="modulepreload" href="/assets/${islands.counter[0]}">`));
    assert.ok(!text.includes(islands.fold[0]));
  });

  await t.step("a WebSocket passes the same gate; a plain GET is told so", async () => {
    const words: string[] = [];
    const request = (as: string) => new Request("http://site.test/live", { headers: { "x-role": as } });
    const refused = await site.upgrade(request("auditor"));
    assert.equal("refuse" in refused && refused.refuse.status, 403);
    const missing = await site.upgrade(new Request("http://site.test/nowhere"));
    assert.equal("refuse" in missing && missing.refuse.status, 404);
    const agreed = await site.upgrade(request("operator"));
    assert.ok("accept" in agreed);
    agreed.accept({ words });
    assert.deepEqual(words, ["hello operator"]);
    const plain = await call("/live", { headers: { upgrade: "websocket" } });
    assert.equal(plain.status, 426);
    for (const path of ["/hosts/7", "/api/v1/hosts"]) {
      const answer = await site.upgrade(new Request(`http://site.test${path}`, { headers: { "x-role": "operator" } }));
      assert.equal("refuse" in answer && answer.refuse.status, 400, `${path} is no socket's`);
    }
  });

  await t.step("the OpenAPI document has every operation under its mount", () => {
    const { paths } = site.apiDocument({ info: { title: "Fixture", version: "1" } }) as { paths: object };
    assert.deepEqual(Object.keys(paths).sort(), ["/api/v1/hosts", "/api/v1/hosts/export", "/api/v1/hosts/{id}"]);
  });

  await t.step("the table knows pages, API, upgrades and assets", () => {
    const kinds = new Set(site.routeTable().map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), ["api", "page", "static", "upgrade"]);
    assert.ok(site.routeTable().every(({ access, file }) => access.role && file));
  });

  await fixture.remove();
  await stopBundler();
});
