import assert from "node:assert/strict";
import { canonicalJson } from "./canonical_json.ts";

const good: [string, unknown, string][] = [
  ["literals", [null, true, false, "x"], '[null,true,false,"x"]'],
  [
    "members sorted by UTF-16 code units (RFC 8785, 3.2.3)",
    {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    },
    '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
  ],
  [
    "numbers as ECMAScript writes them (RFC 8785, 3.2.2)",
    [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001, -0],
    "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]",
  ],
  [
    "strings with the shortest escapes",
    '\u20ac$\u000f\nA\'B"\\\\"/',
    '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"',
  ],
  ["nested, without white space", { b: [{ z: 1, a: {} }], a: [] }, '{"a":[],"b":[{"a":{},"z":1}]}'],
  ["undefined members left out, undefined items null", { a: undefined, b: [undefined] }, '{"b":[null]}'],
  [
    "the same object twice is no cycle",
    (() => {
      const one = { x: 1 };
      return [one, one];
    })(),
    '[{"x":1},{"x":1}]',
  ],
];

for (const [name, value, text] of good) {
  Deno.test(`canonical JSON: ${name}`, () => assert.equal(canonicalJson(value), text));
}

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
const bad: [string, unknown][] = [
  ["NaN", [NaN]],
  ["infinity", { a: Infinity }],
  ["a bigint", 1n],
  ["a function", () => 1],
  ["a symbol", Symbol("x")],
  ["an unpaired surrogate", "\ud800"],
  ["an unpaired surrogate as a name", { "\udc00": 1 }],
  ["a cycle", cycle],
  ["a class instance", new Map()],
  ["a date", new Date(0)],
];
for (const [name, value] of bad) {
  Deno.test(`canonical JSON refuses ${name}`, () => assert.throws(() => canonicalJson(value), TypeError));
}

Deno.test("canonical JSON of parsed canonical JSON is the same text", () => {
  for (const [, value] of good) {
    const text = canonicalJson(value);
    assert.equal(canonicalJson(JSON.parse(text)), text);
  }
});
