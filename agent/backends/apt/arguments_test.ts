import assert from "node:assert/strict";
import { applyArguments, planArguments, refreshArguments, runMark, targetArgument } from "./arguments.ts";
import { publish } from "../../../demo/sandbox.ts";
import { sandboxTest } from "./sandbox_fixture_test.ts";

const good = { name: "libtessera3", arch: "amd64", version: "3.0.11-1+deb12u3" };

/** Each acts as a removal, a pattern, an option, a path or a second word for apt when it gets through. */
const hostileNames = [
  ..."-o --option -oDpkg::Pre-Invoke::=id curlew- curlew_ *  ?installed ~i curlew,lumen curlew/lab".split(/\s+/),
  ..."curlew=1 curlew:amd64 ../curlew ./curlew.deb /tmp/x.deb http://x/y @group !curlew Curlew a".split(" "),
  "",
  " curlew",
  "curlew ",
  "curlew\n",
  "curlew\0",
  "curlew lumen-utils",
  "$(id)",
  "`id`",
  "a".repeat(300),
  "kürlew",
];

Deno.test("a hostile name never becomes an argument", () => {
  for (const name of hostileNames) {
    // One that ends with a dash or plus is allowed by Policy; as name:arch=version it is harmless.
    if (/^[a-z0-9][a-z0-9+.-]+$/.test(name) && name.length < 256) {
      assert.match(targetArgument({ ...good, name }), /^[a-z0-9][^=]*:amd64=3\.0\.11-1\+deb12u3$/);
    } else assert.throws(() => targetArgument({ ...good, name }), TypeError, JSON.stringify(name));
  }
});

Deno.test("a hostile architecture or version never becomes an argument", () => {
  for (const arch of ["", "-", "any*", "amd64=1", "AMD64", "amd64 ", "amd64\n", "a/b", "a".repeat(40)]) {
    assert.throws(() => targetArgument({ ...good, arch }), TypeError, JSON.stringify(arch));
  }
  for (const version of ["", "-1", "1-", "1.0 -o", "1*", "1/lab", "1=2", "1\n2", "1\0", "$(id)", "~1", "1;2", "é"]) {
    assert.throws(() => targetArgument({ ...good, version }), TypeError, JSON.stringify(version));
  }
  for (const run of ["", "a b", "a\nb", "a=b", "../a", "a".repeat(65), "a;b", "ä"]) {
    assert.throws(() => runMark(run), TypeError, JSON.stringify(run));
  }
  assert.throws(() => applyArguments("r", [], 1), TypeError);
  assert.throws(() => planArguments([]), TypeError);
});

Deno.test("whatever random text comes, an argument has the one shape or there is none", () => {
  const alphabet = [..."abz019+.-~:=/*?!@_ \t\n\0$;&|<>()[]{}'\"\\%,#^ABZäé-–-o"];
  const random = createRandom(20261121);
  // Half of the time nearly right, or hardly anything would get as far as the later checks.
  const mild = [..."abz019+.-~:"];
  const text = () => {
    const from = random(2) ? mild : alphabet;
    return Array.from({ length: random(12) }, () => from[random(from.length)]).join("");
  };
  let accepted = 0;
  for (let round = 0; round < 50_000; round++) {
    const target = { name: text(), arch: random(4) ? "amd64" : text(), version: text() };
    let argument: string;
    try {
      argument = targetArgument(target);
    } catch (error) {
      assert.ok(error instanceof TypeError);
      continue;
    }
    accepted++;
    assert.match(argument, /^[a-z0-9][a-z0-9+.-]+:[a-z0-9][a-z0-9-]*=[0-9A-Za-z][0-9A-Za-z.+:~-]*$/);
    assert.ok(!argument.endsWith("-"), argument);
    assert.ok(argument.startsWith(`${target.name}:${target.arch}=${target.version}`), argument);
  }
  assert.ok(accepted > 500, `only ${accepted} accepted: the test would prove nothing`);
});

Deno.test("the transaction never removes, and its mark comes before everything that a log may cut", () => {
  const args = applyArguments("0192-ab", [good], 120.9);
  assert.deepEqual(args.slice(0, 2), ["-o", "LinuxPatchManager::Run=0192-ab"]);
  for (const needed of ["--no-remove", "--only-upgrade", "APT::Status-Fd=3", "DPkg::Lock::Timeout=120"]) {
    assert.ok(args.includes(needed), needed);
  }
  assert.deepEqual(args.slice(-2), ["install", "libtessera3:amd64=3.0.11-1+deb12u3"]);
  for (const never of ["--allow-unauthenticated", "--force-yes", "--allow-downgrades", "--allow-remove-essential"]) {
    assert.ok(!args.includes(never), never);
  }
});

sandboxTest("real apt takes every shape we build for what it is, and removes nothing", async (bed) => {
  const arch = (await bed.run("/usr/bin/dpkg", ["--print-architecture"])).stdout.trim();
  await publish(bed.repository, { name: "lumen-utils", version: "2.39+", suite: "lab-updates", description: "plus" });
  assert.equal((await bed.run("/usr/bin/apt-get", refreshArguments)).code, 0);
  const before = (await bed.run("/usr/bin/dpkg-query", [`--admindir=${bed.root}/var/lib/dpkg`, "-W"])).stdout;
  const cases = [
    { name: "curlew", version: "7.88.1-11", rc: 0 },
    { name: "curlew-", version: "7.88.1-11", rc: 100 },
    // apt falls back to a regular expression for a name that it does not know: why names have to be known ones.
    { name: "curlew+", version: "7.88.1-11", rc: 0 },
    // Without the second plus apt would take 7.88.1-11.
    { name: "curlew", version: "7.88.1-11+", rc: 100 },
    { name: "lumen-utils", version: "2.39+", rc: 0, to: "2.39+" },
  ];
  for (const { name, version, rc, to } of cases) {
    const { code, stdout } = await bed.run("/usr/bin/apt-get", planArguments([{ name, arch, version }]));
    assert.equal(code, rc, `${name}=${version}: ${stdout}`);
    assert.doesNotMatch(stdout, /^(Remv|Purg) /m);
    if (to) assert.match(stdout, /^Inst lumen-utils \[2\.38\.1-5\] \(2\.39\+ /m);
  }
  assert.equal((await bed.run("/usr/bin/dpkg-query", [`--admindir=${bed.root}/var/lib/dpkg`, "-W"])).stdout, before);
});

function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}
