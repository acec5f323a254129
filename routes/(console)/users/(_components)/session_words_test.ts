import assert from "node:assert/strict";
import { deviceWords, kindWords, methodWords } from "./session_words.ts";

Deno.test("what somebody is signed in with, in a few words; the unknown keeps its own name", () => {
  const linux = "Mozilla/5.0 (X11; Linux x86_64)";
  const webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
  const table: [string | null, string][] = [
    [null, "Unknown program"],
    ["", "Unknown program"],
    [`${linux}; rv:145.0) Gecko/20100101 Firefox/145.0`, "Firefox on Linux"],
    [`${linux} ${webkit} Chrome/142.0.0.0 Safari/537.36`, "Chrome on Linux"],
    [`${linux} ${webkit} HeadlessChrome/142.0.0.0 Safari/537.36`, "Chrome on Linux"],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/142.0.0.0 Safari/537.36 Edg/142.0`, "Edge on Windows"],
    [
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
      "Safari on macOS",
    ],
    [`Mozilla/5.0 (Linux; Android 15; Pixel 9) ${webkit} Chrome/142.0.0.0 Mobile Safari/537.36`, "Chrome on Android"],
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
      "Safari on iOS",
    ],
    ["curl/8.14.1", "curl"],
    ["ansible-httpget", "ansible-httpget"],
    ["x".repeat(400), `${"x".repeat(40)}…`],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
  ];
  for (const [agent, words] of table) assert.equal(deviceWords(agent), words, agent ?? "none");
});

Deno.test("what was proven, and what sort of session it is", () => {
  assert.equal(methodWords({ methods: ["pwd", "otp"] }), "password, code");
  assert.equal(methodWords({ methods: ["hwk", "swk", "user"] }), "passkey");
  assert.equal(methodWords({ methods: ["pwd", "rc", "nonsense"] }), "password, recovery code");
  assert.equal(methodWords({ methods: [] }), "");
  assert.equal(kindWords({ kind: "browser", name: null, stage: "full" }), null);
  assert.equal(kindWords({ kind: "wall", name: "Hall 3", stage: "full" }), "wall screen Hall 3");
  assert.equal(kindWords({ kind: "api", name: null, stage: "factor" }), "API client, second factor still missing");
});
