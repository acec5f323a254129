import assert from "node:assert/strict";
import { addressProblem, dnsNameProblem, renewalDue, renewalTime } from "./rules.ts";
import { DAY_MS } from "./types.ts";

const from = Temporal.Instant.from("2026-01-01T00:00:00Z");
const day = (count: number) => from.add({ milliseconds: Math.round(count * DAY_MS) });
const certificate = (tail: string) => ({ serial: "4" + "0".repeat(23) + tail, not_before: from, not_after: day(90) });

Deno.test("renewal is due at two thirds of the lifetime, three days either way", () => {
  for (const [tail, expected] of [["00000000", 57], ["80000000", 60], ["ffffffff", 63]] as const) {
    const at = renewalTime(certificate(tail));
    assert.ok(Math.abs(at.epochMilliseconds - day(expected).epochMilliseconds) < 1000, `${tail}: ${at}`);
    assert.equal(renewalDue(certificate(tail), at.subtract({ milliseconds: 1 })), false);
    assert.equal(renewalDue(certificate(tail), at), true);
    assert.equal(renewalDue(certificate(tail), day(91)), true);
  }
});

Deno.test("a fleet of one hour is spread over days", () => {
  const times = Array.from(
    { length: 256 },
    (_, i) => renewalTime(certificate(i.toString(16).padStart(2, "0") + "abcdef")),
  );
  const days = new Set(times.map((time) => Math.floor((time.epochMilliseconds - from.epochMilliseconds) / DAY_MS)));
  assert.deepEqual([...days].sort(), [57, 58, 59, 60, 61, 62]);
});

for (
  const name of [
    "localhost",
    "web-01.example.com",
    "a.b-c.d",
    "xn--bcher-kva.example",
    "1.example",
    "x".repeat(63) + ".example",
  ]
) {
  Deno.test(`a name for a certificate: ${name.slice(0, 40)}`, () => assert.equal(dnsNameProblem(name), null));
}
const names: [string, RegExp][] = [
  ["", /empty/],
  ["*.example.com", /wildcards/],
  ["*", /wildcards/],
  ["web-*.example.com", /wildcards/],
  ["Web.example.com", /capital/],
  ["10.0.0.1", /address/],
  ["::1", /address/],
  ["10.1", /last part/],
  ["127.0.0.0x1", /last part/],
  ["web.example.com.", /letters, digits/],
  ["a..b", /letters, digits/],
  ["-a.example", /letters, digits/],
  ["a-.example", /letters, digits/],
  ["a_b.example", /letters, digits/],
  ["bücher.example", /letters, digits/],
  ["a.example,DNS:evil.example", /capital/],
  ["a.example\u0000.evil.example", /letters, digits/],
  ["a.example\n", /letters, digits/],
  ["x".repeat(64) + ".example", /letters, digits/],
  ["a.".repeat(127) + "ab", /253/],
];
for (const [name, words] of names) {
  Deno.test(`no name for a certificate: ${JSON.stringify(name).slice(0, 40)}`, () =>
    assert.match(dnsNameProblem(name) ?? "accepted", words));
}

for (const address of ["10.0.0.1", "::1", "2001:DB8::1", "::ffff:10.0.0.1"]) {
  Deno.test(`an address for a certificate: ${address}`, () => assert.equal(addressProblem(address), null));
}
for (
  const address of ["", "10.1", "010.0.0.1", "256.0.0.1", "fe80::1%eth0", "10.0.0.0/8", "web", "1.2.3.4\n", "[::1]"]
) {
  Deno.test(`no address for a certificate: ${JSON.stringify(address)}`, () =>
    assert.equal(typeof addressProblem(address), "string"));
}
