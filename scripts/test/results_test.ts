import assert from "node:assert/strict";
import { addResults, readResults } from "./results.ts";

const report = (tests: number, cases: string) =>
  `<?xml version="1.0"?>\n<testsuites name="deno test" tests="${tests}" failures="1" errors="0" time="0.007">
  <testsuite name="./a_test.ts" tests="${tests}">${cases}</testsuite></testsuites>`;

Deno.test("a report whose form is not understood is an error, never zero tests", () => {
  for (
    const [what, junit] of [
      ["empty", ""],
      ["no totals", "<testsuites></testsuites>"],
      ["more counted than listed", report(2, '<testcase name="a" classname="./a_test.ts" time="0"></testcase>')],
      ["another attribute order", report(1, '<testcase classname="./a_test.ts" name="a"></testcase>')],
    ]
  ) {
    assert.throws(() => readResults(junit), /the test report counts/, what);
  }
});

Deno.test("passed, failed and left out are told apart", () => {
  const cases = `
    <testcase name="good" classname="./core/a_test.ts" time="0.001" line="1" col="6">
    </testcase>
    <testcase name="no &lt;apt&gt; &amp; &quot;dpkg&quot;" classname="./core/a_test.ts" time="0" line="2" col="6">
        <skipped/>
    </testcase>
    <testcase name="bad" classname="./core/a_test.ts" time="0.001" line="3" col="6">
        <failure message="Uncaught Error: &lt;skipped/&gt;">Error: x</failure>
    </testcase>
    <testcase name="closed" classname="./core/a_test.ts" time="0.001"/>`;
  assert.deepEqual(readResults(report(4, cases)), {
    passed: 2,
    failed: 1,
    skipped: ['core/a_test.ts: no <apt> & "dpkg"'],
  });
});

Deno.test("no tests at all is a report too", () => {
  assert.deepEqual(readResults(report(0, "")), { passed: 0, failed: 0, skipped: [] });
});

Deno.test("results add up", () => {
  const one = { passed: 2, failed: 0, skipped: ["a"] };
  const two = { passed: 3, failed: 1, skipped: ["b"] };
  assert.deepEqual(addResults([one, two]), { passed: 5, failed: 1, skipped: ["a", "b"] });
  assert.deepEqual(addResults([]), { passed: 0, failed: 0, skipped: [] });
});
