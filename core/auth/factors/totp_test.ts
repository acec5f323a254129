import assert from "node:assert/strict";
import { canonicalCode, canonicalRecoveryCode, groupsOfFour, recoveryCode, stepAt } from "./rules.ts";
import { codeAt, matchingStep, newSecret, otpauthUri } from "./totp.ts";

/** "12345678901234567890" in base 32. */
const RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const at = (seconds: number) => Temporal.Instant.fromEpochMilliseconds(seconds * 1000);

/** RFC 6238, appendix B: the last six of the eight digits for SHA-1. */
const VECTORS: [number, string][] = [
  [59, "287082"],
  [1_111_111_109, "081804"],
  [1_111_111_111, "050471"],
  [1_234_567_890, "005924"],
  [2_000_000_000, "279037"],
  [20_000_000_000, "353130"],
];

Deno.test("codes are those of RFC 6238", () => {
  for (const [seconds, code] of VECTORS) assert.equal(codeAt(RFC_SECRET, at(seconds)), code);
});

Deno.test("a code is good in its step and one beside it, and after a step was used only later ones are", () => {
  const now = at(2_000_000_000);
  const step = stepAt(now);
  const code = (offset: number) => codeAt(RFC_SECRET, now.add({ seconds: offset * 30 }));
  for (const offset of [-1, 0, 1]) assert.equal(matchingStep(RFC_SECRET, code(offset), now, 0), step + offset);
  for (const offset of [-3, -2, 2, 3]) {
    assert.equal(matchingStep(RFC_SECRET, code(offset), now, 0), null, String(offset));
  }
  assert.equal(matchingStep(RFC_SECRET, code(0), now, step), null, "used");
  assert.equal(matchingStep(RFC_SECRET, code(-1), now, step), null, "an older one, after a newer one was used");
  assert.equal(matchingStep(RFC_SECRET, code(1), now, step), step + 1);
});

Deno.test("secrets are 160 random bits, and the address says what apps need", () => {
  const secrets = new Set(Array.from({ length: 50 }, newSecret));
  assert.equal(secrets.size, 50);
  for (const secret of secrets) assert.match(secret, /^[A-Z2-7]{32}$/);
  const uri = new URL(otpauthUri(RFC_SECRET, "anne & co"));
  assert.equal(uri.protocol, "otpauth:");
  assert.equal(decodeURIComponent(uri.pathname).replace(/^\/+(totp\/)?/, ""), "Linux Patch Manager:anne & co");
  assert.equal(uri.searchParams.get("secret"), RFC_SECRET);
  assert.equal(uri.searchParams.get("issuer"), "Linux Patch Manager");
});

Deno.test("what people type as a code", () => {
  const table: [string, string | null][] = [
    ["123456", "123456"],
    [" 123 456 ", "123456"],
    ["123-456", "123456"],
    ["12345", null],
    ["1234567", null],
    ["12345a", null],
    ["", null],
    ["１２３４５６", null],
    ["-123456\u0000", null],
  ];
  for (const [typed, code] of table) assert.equal(canonicalCode(typed), code, JSON.stringify(typed));
});

Deno.test("recovery codes: all different, of letters nobody confuses, read back however they are typed", () => {
  const codes = Array.from({ length: 200 }, recoveryCode);
  assert.equal(new Set(codes).size, 200);
  for (const code of codes) {
    assert.match(code, /^([2-9a-hjkmnp-z]{4}-){5}[2-9a-hjkmnp-z]{4}$/);
    assert.equal(canonicalRecoveryCode(code.toUpperCase().replaceAll("-", " ")), code);
    assert.equal(canonicalRecoveryCode(code.replaceAll("-", "")), code);
  }
  for (const typed of ["", "x", codes[0].slice(1), codes[0] + "2", codes[0].replace(/^./, "0"), "1".repeat(24)]) {
    assert.equal(canonicalRecoveryCode(typed), null, typed);
  }
  assert.equal(groupsOfFour("ABCDEFGHI"), "ABCD EFGH I");
});
