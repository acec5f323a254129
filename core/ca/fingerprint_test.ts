import assert from "node:assert/strict";
import { displayFingerprint, fingerprint, parseFingerprint } from "./fingerprint.ts";

// SHA-256 of "abc", FIPS 180-2, appendix B.1.
const HEX = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const SHOWN = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

Deno.test("a fingerprint is SHA-256, in digits and for people", async () => {
  assert.equal(await fingerprint(new TextEncoder().encode("abc")), HEX);
  assert.equal(displayFingerprint(HEX), SHOWN);
});

for (
  const text of [
    HEX,
    HEX.toUpperCase(),
    SHOWN,
    SHOWN.toLowerCase(),
    ` ${SHOWN}\n`,
    `sha256:${HEX}`,
    `SHA256 Fingerprint=${SHOWN}`,
  ]
) {
  Deno.test(`read as a fingerprint: ${JSON.stringify(text).slice(0, 40)}`, () =>
    assert.equal(parseFingerprint(text), HEX));
}

const wrong = [
  "",
  HEX.slice(1),
  HEX + "0",
  HEX.replace("b", "g"),
  SHOWN.replace(":", ""),
  SHOWN + ":",
  SHOWN.replace("BA", "B"),
  `md5:${HEX}`,
  `${HEX} ${HEX}`,
  SHOWN.replaceAll(":", "-"),
];
for (const text of wrong) {
  Deno.test(`not a fingerprint: ${JSON.stringify(text).slice(0, 40)} (${text.length})`, () =>
    assert.equal(parseFingerprint(text), null));
}
