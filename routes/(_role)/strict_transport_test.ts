import assert from "node:assert/strict";
import { testSite } from "../../testing/site.ts";
import { pinsTransport } from "./strict_transport.ts";

Deno.test("strict transport: names of others' machines, never this machine's own, never an address", () => {
  for (
    const [host, pinned] of [
      ["patches.example.org", true],
      ["patches.example.org:8443", true],
      ["PATCHES.example.org.", true],
      ["localhosts.example", true],
      ["localhost", false],
      ["LOCALHOST:8443", false],
      ["localhost.:8443", false],
      ["manager.localhost:8443", false],
      ["192.0.2.7", false],
      ["192.0.2.7:8443", false],
      ["[2001:db8::7]:8443", false],
      ["[::1]", false],
      ["", false],
      [undefined, false],
    ] as const
  ) assert.equal(pinsTransport(host), pinned, String(host));
});

Deno.test("with the operator's own certificate every answer asks for TLS alone, whoever makes it", async () => {
  for (const own_certificate of [true, false]) {
    await using site = await testSite({ own_certificate });
    for (
      const [what, request] of [
        ["a page", { path: "/login" }],
        ["the API", { path: "/api/v1/hosts" }],
        ["nothing", { path: "/nothing" }],
        ["an asset that is not there", { path: "/assets/nothing.js" }],
        ["the listener's own refusal", { method: "POST", path: "/login", body: "x".repeat(2 << 20) }],
      ] as const
    ) {
      const pinned = await site.anonymous.send({ ...request, headers: { host: "patches.example.org:8443" } });
      const expected = own_certificate ? "max-age=31536000; includeSubDomains" : null;
      assert.equal(pinned.headers.get("strict-transport-security"), expected, what);
      const here = await site.anonymous.send({ ...request });
      assert.equal(here.headers.get("strict-transport-security"), null, `${what}, on localhost`);
    }
  }
});
