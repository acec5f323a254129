import assert from "node:assert/strict";
import { repeatedMember } from "./repeated_member.ts";

const cases: [text: string, name: string | null][] = [
  ["{}", null],
  ["[]", null],
  ["1", null],
  ['"a"', null],
  ['{"a":1,"b":1}', null],
  ['{"a":1,"a":1}', "a"],
  ['{"a":1 , "b":[] ,"a" : {}}', "a"],
  // The same name in two objects is two names.
  ['{"a":{"a":{"a":1}}}', null],
  ['[{"a":1},{"a":1}]', null],
  ['{"x":[{"a":1,"b":{"c":1},"a":1}]}', "a"],
  // After an inner object ends, the outer one goes on.
  ['{"a":{"b":1},"c":{"b":1},"a":2}', "a"],
  // Another spelling of the same name.
  ['{"a":1,"\\u0061":2}', "a"],
  ['{"\\"":1,"\\u0022":2}', '"'],
  // Text that looks like a name, or like structure, is text.
  ['{"a":"a","b":"a"}', null],
  ['["a","a"]', null],
  ['{"a":"\\"a\\":","b":"{\\"a\\":1,\\"a\\":2}"}', null],
  ['{"a\\\\":1,"a":2}', null],
  ['{"":1,"":2}', ""],
  ['{"__proto__":1,"__proto__":2}', "__proto__"],
];

for (const [text, name] of cases) {
  Deno.test(`repeated member: ${text} has ${name === null ? "none" : JSON.stringify(name)}`, () => {
    JSON.parse(text);
    assert.equal(repeatedMember(text), name);
  });
}

Deno.test("repeated member: a megabyte of names is looked at in passing", () => {
  const text = `{${Array.from({ length: 60_000 }, (_, i) => `"member${i}":${i}`).join(",")}}`;
  assert.equal(repeatedMember(text), null);
  assert.equal(repeatedMember(text.slice(0, -1) + ',"member31":0}'), "member31");
});
