import assert from "node:assert/strict";
import { passkeysAt } from "./relying_party.ts";

const NAMED = { id: "patch.example.org", origin: "https://patch.example.org:8443" };

/** Configured address, where the page was opened, whom passkeys are for. */
const TABLE: [string | null, string, { id: string; origin: string } | RegExp][] = [
  ["https://patch.example.org:8443", "https://patch.example.org:8443/login", NAMED],
  ["https://patch.example.org", "https://patch.example.org/login", { ...NAMED, origin: "https://patch.example.org" }],
  // The browser is told by its own address, the server by its configuration: a Host header decides nothing.
  ["https://patch.example.org:8443", "https://evil.example/login", NAMED],
  ["https://patch.example.org:8443", "https://10.0.0.1:8443/login", NAMED],
  ["https://localhost:8443", "https://localhost:8443/", { id: "localhost", origin: "https://localhost:8443" }],
  [null, "https://localhost:9000/", { id: "localhost", origin: "https://localhost:9000" }],
  [null, "https://10.0.0.1:8443/", /an admin sets server\.public_url/],
  [null, "https://patch.example.org/", /an admin sets server\.public_url/],
  [null, "https://localhost.evil.example/", /an admin sets server\.public_url/],
  ["https://10.0.0.1:8443", "https://10.0.0.1:8443/", /by an address only/],
  ["https://[fd00::1]:8443", "https://[fd00::1]:8443/", /by an address only/],
  ["https://10.0.0.1:8443", "https://localhost:8443/", /by an address only/],
];

Deno.test("passkeys belong to the configured name, or to localhost; an address has none", () => {
  for (const [public_url, asked, expected] of TABLE) {
    const { party, unavailable } = passkeysAt(public_url, new URL(asked));
    if (expected instanceof RegExp) {
      assert.equal(party, null, asked);
      assert.match(unavailable!, expected, asked);
    } else assert.deepEqual(party, expected, asked);
  }
});
