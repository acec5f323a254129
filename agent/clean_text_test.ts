import assert from "node:assert/strict";
import { cleanText } from "./clean_text.ts";

const cases: [what: string, text: string, expected: string][] = [
  ["letters of any language, tabs and line ends stay", "Größe\t日本 ✓ 🦀\r\n", "Größe\t日本 ✓ 🦀\r\n"],
  ["NUL", "a\u0000b", "a\ufffdb"],
  ["an escape sequence loses its start", "\u001b[2Jx\u001b]0;title\u0007", "\ufffd[2Jx\ufffd]0;title\ufffd"],
  ["the one-byte forms of 0x80 to 0x9f too", "\u009b31m\u0085", "\ufffd31m\ufffd"],
  ["marks that turn the direction of writing", "\u202eexe.\u2066x\u2069", "\ufffdexe.\ufffdx\ufffd"],
  ["backspace and delete", "rm\b\bls\u007f", "rm\ufffd\ufffdls\ufffd"],
];

for (const [what, text, expected] of cases) {
  Deno.test(`clean text: ${what}`, () => assert.equal(cleanText(text), expected));
}
