import assert from "node:assert/strict";
import {
  applyArguments,
  archivePath,
  downloadArguments,
  downloadListArguments,
  fixArguments,
  planArguments,
  rollbackArguments,
  rollbackSimulation,
  type Target,
  targetArgument,
  upgradeArguments,
} from "./arguments.ts";
import { everything } from "./listing_fixture_test.ts";
import { sandboxTest } from "./sandbox_fixture_test.ts";

/** What acts on apt when it gets through as a word, measured: removal, installation, patterns, other suites, options. */
const injections = [
  ...["curlew-", "curlew+", "cur.ew", "cur*", "curlew*", "?installed", "~i", "~ncurlew", "curlew=*", "curlew=7*"],
  ...["curlew/lab", "curlew/lab-updates", "-o", "-o Dpkg::Pre-Invoke::=id", "-oDpkg::Pre-Invoke::=id", "--", "-y"],
  ...["--allow-unauthenticated", "--option=Dpkg::Pre-Invoke::=id", "--purge", "-c/tmp/apt.conf", "/tmp/evil.deb"],
  ...[
    "./evil.deb",
    "../../evil.deb",
    "file:///tmp/evil.deb",
    "http://evil.example/x.deb",
    "@group",
    "!curlew",
    "curlew^",
  ],
  ...[
    "curlew:any",
    "curlew:native",
    "curlew:amd64-",
    "curlew,lumen-utils",
    "curlew lumen-utils",
    "curlew\tx",
    "curlew\n-y",
  ],
  ...[
    "curlew\r",
    "curlew\0",
    "\0",
    "\n",
    "",
    " ",
    "curlew;id",
    "$(id)",
    "`id`",
    "${IFS}",
    "%s",
    "curlew|id",
    "curlew&",
  ],
  ...["сurlew", "cürlew", "curlew\u200b", "\u202ecurlew", "curlew－", "ｃurlew", "curlew\u0301", "Curlew", "CURLEW"],
  ...[
    "c",
    "_curlew",
    "curlew_",
    "curlew~",
    "curlew#",
    "curlew'",
    'curlew"',
    "curlew\\",
    "[curlew]",
    "{curlew}",
    "^curlew$",
  ],
  ...[
    "a".repeat(256),
    "a".repeat(5_000),
    "curlew" + "-".repeat(300),
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
  ],
];

const NAME = "[a-z0-9][a-z0-9+.-]{1,254}";
const ARCHITECTURE = "[a-z0-9][a-z0-9-]{0,30}";
/** The one shape of a word about a package. It may not end with a minus: apt takes that for a removal. */
const WORD = new RegExp(`^${NAME}:${ARCHITECTURE}=[0-9A-Za-z][0-9A-Za-z.+:~-]{0,255}(?<!-)$`);
const PATH = new RegExp(`^/var/lib/patch-agent/jobs/[0-9a-f-]{36}/saved/${NAME}_${ARCHITECTURE}\\.deb$`);
const REMOVAL = new RegExp(`^${NAME}:${ARCHITECTURE}-$`);
const JOB = "0192f0c8-5b5e-7c3a-9d7e-2f6a1b3c4d5e";

const good: Target = { name: "curlew", arch: "amd64", version: "7.88.1-11" };

/** What a builder adds by itself, apart from the words about packages. */
const fixed = new Set([
  ...applyArguments("r", [good], 5),
  ...planArguments([good]),
  ...upgradeArguments([good]),
  ...downloadListArguments([good]),
  ...downloadArguments([good], { only_print: true }),
  ...downloadArguments([good], { only_print: false }),
  ...fixArguments("r", [good], 5),
  ...rollbackArguments("r", [{ state: "/var/lib/patch-agent", job_id: JOB, ...good }], [good], 5),
  ...rollbackSimulation([], [good]),
].filter((word) => ![WORD, PATH, REMOVAL].some((shape) => shape.test(word))));

/** Whatever it was given: every word is one of the builder's own, or has the one shape and is about what was given. */
function checkWords(words: string[], shapes: RegExp[], given: Target): void {
  for (const word of words) {
    if (fixed.has(word)) continue;
    assert.ok(shapes.some((shape) => shape.test(word)), `a word of no allowed shape: ${JSON.stringify(word)}`);
    assert.ok(word.includes(given.name) && word.includes(given.arch), JSON.stringify(word));
  }
}

function attempt(build: () => string[]): string[] | null {
  try {
    return build();
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error));
    return null;
  }
}

const builders: { name: string; shapes: RegExp[]; build: (target: Target) => string[] }[] = [
  { name: "apply", shapes: [WORD], build: (target) => applyArguments("r", [target], 5) },
  { name: "plan", shapes: [WORD], build: (target) => planArguments([target]) },
  { name: "upgrade", shapes: [WORD], build: (target) => upgradeArguments([target]) },
  { name: "download list", shapes: [WORD], build: (target) => downloadListArguments([target]) },
  { name: "fix", shapes: [WORD], build: (target) => fixArguments("r", [target], 5) },
  { name: "download", shapes: [WORD], build: (target) => downloadArguments([target], { only_print: false }) },
  {
    name: "rollback",
    shapes: [PATH],
    build: ({ name, arch }) =>
      rollbackArguments("r", [{ state: "/var/lib/patch-agent", job_id: JOB, name, arch }], [], 5),
  },
  { name: "rollback removal", shapes: [REMOVAL], build: (target) => rollbackSimulation([], [target]) },
];

Deno.test("no injection gets through any builder, in any part", () => {
  for (const text of injections) {
    for (const part of ["name", "arch", "version"] as const) {
      const target = { ...good, [part]: text };
      for (const { name, shapes, build } of builders) {
        const words = attempt(() => build(target));
        if (words === null) continue;
        checkWords(words, shapes, target);
        // What passes as a part is a part that Debian Policy allows, and stands where it does nothing but be one.
        if (part === "version" && shapes[0] !== WORD) continue;
        assert.match(text, /^[0-9A-Za-z][0-9A-Za-z.+:~-]*$/, `${name}, ${part}: ${JSON.stringify(text)}`);
      }
    }
  }
});

Deno.test("a saved archive's path leads nowhere else, whatever it is made of", () => {
  const state = "/var/lib/patch-agent";
  assert.match(archivePath({ state, job_id: JOB, name: "curlew", arch: "amd64" }), PATH);
  const parts = ["..", "../..", "/etc", "a/b", "a/../../b", ".", "x y", "x\n", "-x", "x\0", ...injections];
  for (const text of parts) {
    // A name of Debian's alphabet is one even when apt would read it otherwise alone; a path with it is still that path.
    if (!/^[a-z0-9][a-z0-9+.-]+$/.test(text) || text.length > 255) {
      assert.throws(
        () => archivePath({ state, job_id: JOB, name: text, arch: "amd64" }),
        TypeError,
        JSON.stringify(text),
      );
    }
    assert.throws(() => archivePath({ state, job_id: text, name: "curlew", arch: "amd64" }), TypeError);
    // An absolute folder of plain letters is a state folder: where it lies is the executor's own option, not an order's.
    if (/^(\/[A-Za-z0-9]+(\.[a-z]+)?)+$/.test(text)) continue;
    assert.throws(() => archivePath({ state: text, job_id: JOB, name: "curlew", arch: "amd64" }), TypeError, text);
  }
});

/** As seeded as it can be: the same hundred and twenty thousand on every machine. */
function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const wild = [..."abz019+.-~:=/*?!@_ \t\n\r\0$;&|<>()[]{}'\"\\%,#^`ABZäéс\u200b\u202e－\u0301"];
const mild = [..."abz019+.-~:"];

function randomText(random: (below: number) => number): string {
  const kind = random(8);
  if (kind === 0) return injections[random(injections.length)];
  if (kind === 1) {
    // A good word with one character exchanged, added or put at an end: nearly right is where a check fails.
    const word = ["curlew", "libstdc++6", "7.88.1-11", "1:2.3~rc1+b2", "amd64"][random(5)];
    const at = random(word.length + 1);
    return word.slice(0, at) + wild[random(wild.length)] + word.slice(at + random(2));
  }
  const alphabet = kind < 5 ? mild : wild;
  return Array.from({ length: random(14) }, () => alphabet[random(alphabet.length)]).join("");
}

Deno.test("a hundred and twenty thousand hostile targets yield nothing but name:arch=version", () => {
  const random = createRandom(20261121);
  let accepted = 0;
  for (let round = 0; round < 120_000; round++) {
    const target: Target = {
      name: random(5) ? randomText(random) : good.name,
      arch: random(3) ? good.arch : randomText(random),
      version: random(5) ? randomText(random) : good.version,
    };
    const { shapes, build } = builders[round % builders.length];
    const words = attempt(() => build(target));
    if (words === null) continue;
    accepted++;
    checkWords(words, shapes, target);
    if (shapes[0] === WORD) assert.ok(words.at(-1)!.startsWith(`${target.name}:${target.arch}=${target.version}`));
  }
  assert.ok(accepted > 5_000 && accepted < 100_000, `${accepted} accepted: the test would prove little`);
});

sandboxTest("real apt takes what passes the builder for that package at that version, or for nothing", async (bed) => {
  const arch = (await bed.run("/usr/bin/dpkg", ["--print-architecture"])).stdout.trim();
  const random = createRandom(7);
  const known = new Map((await bed.apt.listing()).installed.map((item) => [item.name, item.version]));
  const names = [...known.keys()];
  let asked = 0;
  for (let round = 0; asked < 300; round++) {
    assert.ok(round < 50_000, "too few pass the builder");
    const target = { name: names[random(names.length)], arch, version: randomText(random) };
    if (random(4) === 0) Object.assign(target, { name: randomText(random), version: good.version });
    const words = attempt(() => planArguments([target]));
    if (words === null) continue;
    asked++;
    const { code, stdout } = await bed.run("/usr/bin/apt-get", words);
    const about = JSON.stringify(target);
    assert.doesNotMatch(stdout, /^(Remv|Purg) /m, about);
    const changed = [...stdout.matchAll(/^Inst (\S+) (?:\[[^\]]+\] )?\((\S+) /gm)].map((match) => match.slice(1));
    // apt takes an unknown name for a regular expression, which is why a name has to be a key of the listing.
    if (!known.has(target.name)) continue;
    for (const [name, version] of changed) assert.deepEqual([name, version], [target.name, target.version], about);
    assert.ok(code === 0 || changed.length === 0, about);
  }
});

sandboxTest("every injection, sent as an order, becomes no target and changes no plan", async (bed) => {
  const listing = await bed.apt.listing();
  const offered = new Set(listing.patches.map((patch) => `${patch.name}=${patch.available_version}`));
  const versions = Object.fromEntries(injections.map((text) => [text, text]));
  const plan = await bed.apt.plan({
    ...everything,
    packages: [...injections, "curlew"],
    versions,
    new_packages: injections,
  });
  assert.deepEqual(plan.targets, []);
  assert.deepEqual(plan.changes, []);
  assert.deepEqual(plan.refused.map((item) => item.name).toSorted(), [...new Set(injections)].toSorted());
  assert.ok(plan.refused.every((item) => item.reason === "It is not installed on this host."));
  for (const text of injections) {
    // The version and the approval are hostile, the package is real: another version than the offered one is refused.
    const choice = { ...everything, packages: ["curlew"], versions: { curlew: text }, new_packages: [text] };
    const one = text === "" || text.length > 64 ? null : await bed.apt.plan(choice);
    if (one === null) continue;
    assert.deepEqual([one.targets, one.refused.map((item) => item.name)], [[], ["curlew"]], JSON.stringify(text));
  }
  const sane = await bed.apt.plan({
    ...everything,
    versions: {},
    new_packages: [...injections, "libpelican-filters1"],
  });
  assert.deepEqual(sane.refused, []);
  for (const target of sane.targets) {
    assert.ok(offered.has(`${target.name}=${target.version}`), targetArgument(target));
    assert.match(targetArgument(target), WORD);
  }
});
