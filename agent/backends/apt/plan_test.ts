import assert from "node:assert/strict";
import type { Choice } from "../../executor/package_manager.ts";
import { believe, everything, listed, offer, prefer } from "./listing_fixture_test.ts";
import { sandboxTest } from "./sandbox_fixture_test.ts";

/** What was refused, by name. */
const refusals = (plan: { refused: { name: string; reason: string }[] }) =>
  Object.fromEntries(plan.refused.map(({ name, reason }) => [name, reason]));

sandboxTest("new packages come along only when they were approved by name", async (bed) => {
  await believe(bed, [{ name: "ibis-app" }]);
  await offer(bed, [
    ["ibis-app", "2.0-1", "lab-updates", { depends: "ibis-lib2" }],
    ["ibis-lib2", "2.0-1", "lab-updates", { depends: "ibis-lib3" }],
    ["ibis-lib3", "2.0-1", "lab-updates"],
  ]);
  const wish = { ...everything, packages: ["ibis-app", "pelican-proxy"] };
  const cases: { approved: string[] | null; refused: string[] }[] = [
    { approved: null, refused: [] },
    { approved: [], refused: ["ibis-lib2", "ibis-lib3", "libpelican-filters1"] },
    { approved: ["ibis-lib2", "libpelican-filters1"], refused: ["ibis-lib3"] },
    { approved: ["ibis-lib2", "ibis-lib3", "libpelican-filters1"], refused: [] },
    {
      approved: ["ibis-lib2-", "IBIS-LIB3", "libpelican-filters1 ", "ibis-lib*"],
      refused: ["ibis-lib2", "ibis-lib3", "libpelican-filters1"],
    },
    { approved: ["ibis-lib2", "ibis-lib3", "libpelican-filters1", "never-heard-of"], refused: [] },
  ];
  for (const { approved, refused } of cases) {
    const plan = await bed.apt.plan({ ...wish, new_packages: approved });
    assert.deepEqual(plan.refused.map((item) => item.name).toSorted(), refused, JSON.stringify(approved));
    for (const { name, reason } of plan.refused) {
      assert.match(reason, new RegExp(`bring ${name} \\S+ along, which nobody`));
    }
    assert.equal(plan.error_code, refused.length > 0 ? "DEPENDENCY_CONFLICT" : null);
    // Nobody approves a package into the arguments by naming it there.
    assert.deepEqual(plan.targets.map((target) => target.name).toSorted(), ["ibis-app", "pelican-proxy"]);
  }
  const all = await bed.apt.plan({ ...everything, new_packages: [] });
  assert.deepEqual(Object.keys(refusals(all)).toSorted(), ["ibis-lib2", "ibis-lib3", "libpelican-filters1"]);
});

sandboxTest("whatever differs from what was approved is named, each one", async (bed) => {
  await believe(bed, ["ibis-dep", "ibis-needs", "ibis-conflict", "ibis-old"].map((name) => ({ name })));
  await offer(bed, [
    ["ibis-dep", "2.0-1", "lab-updates"],
    ["ibis-needs", "2.0-1", "lab-updates", { depends: "ibis-dep (>= 2.0)" }],
    ["ibis-conflict", "2.0-1", "lab-updates", { conflicts: "ibis-old" }],
  ]);
  await listed(bed);
  const cases: { what: string; choice: Partial<Choice>; refused: Record<string, RegExp>; code: string }[] = [
    {
      what: "another version is on offer now",
      choice: { packages: ["curlew", "lumen-utils"], versions: { curlew: "7.88.1-10.5", "lumen-utils": "2.38.1-5.9" } },
      refused: { curlew: /Approved was 7\.88\.1-10\.5, on offer is now 7\.88\.1-11/, "lumen-utils": /on offer is now/ },
      code: "PKG_NOT_FOUND",
    },
    {
      what: "an update that nobody named",
      choice: { packages: ["ibis-needs", "curlew"] },
      refused: { "ibis-dep": /would be updated to 2\.0-1 too, which nobody approved/ },
      code: "DEPENDENCY_CONFLICT",
    },
    {
      what: "a removal",
      choice: { packages: ["ibis-conflict"] },
      refused: { "ibis-conflict": /would remove ibis-old/ },
      code: "DEPENDENCY_CONFLICT",
    },
    {
      what: "on hold",
      choice: { packages: ["magpie-server", "curlew"] },
      refused: { "magpie-server": /[Oo]n hold on this host/ },
      code: "DEPENDENCY_CONFLICT",
    },
    {
      what: "not there, not on offer",
      choice: { packages: ["never-heard-of", "plover-icons", "libpelican-filters1"] },
      refused: {
        "never-heard-of": /not installed/,
        "plover-icons": /No update is on offer any more; installed is 5\.0-1/,
        "libpelican-filters1": /not installed/,
      },
      code: "PKG_NOT_FOUND",
    },
  ];
  for (const { what, choice, refused, code } of cases) {
    const plan = await bed.apt.plan({ ...everything, ...choice });
    const found = refusals(plan);
    assert.deepEqual(Object.keys(found).toSorted(), Object.keys(refused).toSorted(), what);
    for (const [name, words] of Object.entries(refused)) assert.match(found[name], words, what);
    assert.equal(plan.error_code, code, what);
  }
  const both = await bed.apt.plan({ ...everything, packages: ["ibis-needs", "ibis-dep"] });
  assert.deepEqual([both.refused, both.changes.length], [[], 2]);
});

sandboxTest("a downgrade is never planned, although a preference asks apt for it", async (bed) => {
  await believe(bed, ["ibis-dep", "ibis-needs", "ibis-old"].map((name) => ({ name })));
  await offer(bed, [
    ["ibis-dep", "0.9-1", "lab-updates"],
    ["ibis-old", "0.9-1", "lab-updates"],
    ["ibis-needs", "2.0-1", "lab-updates", { depends: "ibis-dep (<< 1.0)" }],
  ]);
  await prefer(bed, "Package: ibis-dep ibis-old\nPin: version 0.9-1\nPin-Priority: 1001\n");
  // Told to answer yes, as it is with -qq, apt does not even simulate: one such wish must not block all the others.
  const apt = await bed.run("/usr/bin/apt-get", ["-s", "-q=2", "dist-upgrade"]);
  assert.match(apt.stderr, /downgraded and -y was used/);
  const by = await listed(bed);
  assert.equal(by.get("curlew")!.state, "installable");
  assert.equal(by.get("ibis-needs")!.state, "kept_back");
  assert.deepEqual([by.has("ibis-dep"), by.has("ibis-old")], [false, false], "an older version is no update");
  for (const packages of [["ibis-needs"], ["ibis-needs", "ibis-dep"], ["ibis-old"]]) {
    const plan = await bed.apt.plan({ ...everything, packages });
    assert.deepEqual(plan.targets, [], `${packages}`);
    assert.ok(plan.refused.length > 0 && plan.error_code !== null, JSON.stringify(plan));
  }
  const all = await bed.apt.plan(everything);
  const names = all.changes.map((change) => change.name);
  assert.ok(names.includes("curlew"), JSON.stringify(all.refused));
  assert.deepEqual(all.changes.filter((change) => change.action === "downgrade" || /^ibis-/.test(change.name)), []);
});

sandboxTest("an unsigned source is refused before anything starts, and blocks only what comes from it", async (bed) => {
  const sources = `${bed.root}/etc/apt/sources.list`;
  const signed = await Deno.readTextFile(sources);
  await offer(bed, [
    ["pelican-proxy", "1.2-1", "lab", { depends: "libpelican-filters1 (>= 1.1)" }],
    ["lumen-utils", "2.38.1-7", "lab"],
  ]);
  await Deno.writeTextFile(sources, signed.replace(/\[trusted=yes\] (.* lab-updates)/, "$1"));
  const { patches, error } = await bed.apt.listing();
  assert.equal(error, null);
  const by = new Map(patches.map((patch) => [patch.name, patch]));
  assert.deepEqual([by.get("curlew")!.state, by.get("curlew")!.installable], ["blocked", false]);
  assert.match(by.get("curlew")!.state_reason!, /signature could not be verified.*lab-updates\/main/);
  assert.deepEqual([by.get("corvid-httpd")!.state, by.get("lumen-utils")!.state], ["installable", "installable"]);
  assert.equal(by.get("pelican-proxy")!.state, "kept_back", "it would bring an unsigned package along");
  assert.match(by.get("pelican-proxy")!.state_reason!, /^It needs libpelican-filters1\. .*signature/);
  assert.match(by.get("tessera-tools")!.state_reason!, /needs libtessera3 .* a source whose signature could not be/);
  await listed(bed);
  for (const name of ["curlew", "pelican-proxy"]) {
    const plan = await bed.apt.plan({ ...everything, packages: [name, "corvid-httpd"] });
    assert.deepEqual([plan.targets, Object.keys(refusals(plan))], [[], [name]]);
    assert.match(refusals(plan)[name], /signature could not be verified/);
  }
  assert.equal((await bed.apt.plan({ ...everything, packages: ["curlew"] })).error_code, "GPG_ERROR");
  const all = await bed.apt.plan(everything);
  assert.deepEqual([all.refused, all.changes.some((change) => change.name === "curlew")], [[], false]);
  assert.ok(all.changes.some((change) => change.name === "corvid-httpd"));
});

sandboxTest("a repository without any signature leaves nothing to install", async (bed) => {
  const plan = await bed.apt.plan({ ...everything, packages: ["curlew"] });
  assert.deepEqual([plan.targets, plan.error_code], [[], "GPG_ERROR"]);
  const all = await bed.apt.plan(everything);
  assert.deepEqual([all.targets, all.changes, all.refused], [[], [], []]);
  assert.ok((await bed.apt.listing()).patches.every((patch) => patch.installable === false));
}, { trusted: false });

sandboxTest("security only takes what is one, and keeps who came automatically", async (bed) => {
  assert.equal((await bed.run("/usr/bin/apt-mark", ["auto", "libtessera3"])).code, 0);
  const plan = await bed.apt.plan({ ...everything, security_only: true });
  assert.deepEqual(plan.refused, []);
  assert.deepEqual(plan.targets.map((target) => target.name).toSorted(), [
    "corvid-httpd",
    "gannet-mail",
    "libtessera3",
    "linux-image-sandbox",
    "tessera-tools",
  ]);
  assert.deepEqual(plan.automatic, ["libtessera3"]);
});
