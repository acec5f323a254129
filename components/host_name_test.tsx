import assert from "node:assert/strict";
import { renderToString } from "preact-render-to-string";
import { HostName, nameParts } from "./host_name.tsx";

const NAMES: [string, string, string][] = [
  ["web-01.example.org", "web-01", ".example.org"],
  ["app_1.staging.example.org", "app_1", ".staging.example.org"],
  ["xn--bcher-kva.example.xn--p1ai", "xn--bcher-kva", ".example.xn--p1ai"],
  ["localhost", "localhost", ""],
  ["Build server", "Build server", ""],
  ["Build server (rack 4.b)", "Build server (rack 4.b)", ""],
  ["10.20.4.17", "10.20.4.17", ""],
  ["2001:db8::1", "2001:db8::1", ""],
  ["שרת-1", "שרת-1", ""],
  ["", "", ""],
];

for (const [name, label, domain] of NAMES) {
  Deno.test(`a host's name in parts: ${name || "none"}`, () => {
    assert.deepEqual(nameParts(name), [label, domain]);
    assert.equal(renderToString(<HostName name={name} />).replaceAll(/<[^>]+>/g, ""), name, "nothing is lost");
  });
}

Deno.test("a long name is read in linear time", () => {
  const begun = performance.now();
  nameParts("a.".repeat(100_000) + "!");
  assert.ok(performance.now() - begun < 1_000);
});
