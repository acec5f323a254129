import assert from "node:assert/strict";
import { compareVersions } from "./debian_version.ts";
import { aptTest } from "./sandbox_fixture_test.ts";

const ordered = [
  "0~~",
  "0~",
  "0",
  "0+a",
  "1.0~rc1",
  "1.0",
  "1.0-1~bpo12+1",
  "1.0-1",
  "1.0-1+deb12u1",
  "1.0-1+deb12u2",
  "1.0-1+deb12u10",
  "1.0a-1",
  "1.0+git20240101-1",
  "1.0.1-1",
  "1.2-3-4",
  "1.10-1",
  "20240101000000000000001-1",
  "20240101000000000000002-1",
  "1:0.1",
  "1:1.0~rc1",
  "1:1.0",
];

Deno.test("versions compare as written down in deb-version(7)", () => {
  for (const [i, left] of ordered.entries()) {
    for (const [j, right] of ordered.entries()) {
      assert.equal(Math.sign(compareVersions(left, right)), Math.sign(i - j), `${left} and ${right}`);
    }
  }
  assert.equal(compareVersions("1.0", "0:1.0"), 0);
  assert.equal(compareVersions("1.00-1", "1.0-01"), 0);
});

aptTest("versions compare as dpkg compares them", async () => {
  const pieces = ["0", "1", "9", "10", "01", "a", "b", "Z", "~", "+", ".", "rc", "deb12u"];
  let seed = 7;
  const next = (below: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % below;
  const part = () => Array.from({ length: 1 + next(5) }, () => pieces[next(pieces.length)]).join("");
  const version = () => `${next(3) === 0 ? `${next(3)}:` : ""}${next(10)}${part()}${next(2) ? `-${part()}` : ""}`;
  for (let round = 0; round < 60; round++) {
    const [left, right] = [version(), version()];
    const relation = compareVersions(left, right) < 0 ? "lt" : compareVersions(left, right) > 0 ? "gt" : "eq";
    const { code, stderr } = await new Deno.Command("/usr/bin/dpkg", {
      args: ["--compare-versions", left, relation, right],
    }).output();
    assert.equal(code, 0, `${left} ${relation} ${right}: ${new TextDecoder().decode(stderr)}`);
  }
});
