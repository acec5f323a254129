import assert from "node:assert/strict";
import { firstTicks, type Offered, severalVersions } from "./ticks.ts";

const offered: Offered[] = [
  { name: "openssl", version: "3.0-2" },
  { name: "openssl", version: "3.1-1.fc" },
  { name: "bash", version: "5.2-4" },
  // Of another architecture.
  { name: "bash", version: "5.2-4" },
];
const table: [what: string, chosen: string[] | null, ticked: string[]][] = [
  ["nothing was chosen before: all", null, ["openssl 3.0-2", "openssl 3.1-1.fc", "bash 5.2-4"]],
  ["an empty choice is one", [], []],
  ["a name: all its versions", ["openssl"], ["openssl 3.0-2", "openssl 3.1-1.fc"]],
  ["one version of two stays alone", ["openssl 3.1-1.fc", "bash 5.2-4"], ["openssl 3.1-1.fc", "bash 5.2-4"]],
  ["a version that moved on: what is there now", ["bash 5.2-3"], ["bash 5.2-4"]],
  ["one of two moved on: the other stays alone", ["openssl 3.0-1", "openssl 3.1-1.fc"], ["openssl 3.1-1.fc"]],
  ["names that are no longer on offer", ["zsh", "dash 1"], []],
];
for (const [what, chosen, ticked] of table) {
  Deno.test(`first ticks: ${what}`, () => assert.deepEqual([...firstTicks(offered, chosen)], ticked));
}

Deno.test("only names with several versions need to be told apart", () => {
  assert.deepEqual(severalVersions(offered), ["openssl 3.0-2", "openssl 3.1-1.fc"]);
  assert.deepEqual(severalVersions([]), []);
});
