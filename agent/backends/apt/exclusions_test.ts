import assert from "node:assert/strict";
import { exclusionFile, parseExclusions, readExclusions } from "./exclusions.ts";
import { believe, everything, exclude, listed, offer } from "./listing_fixture_test.ts";
import { sandboxTest } from "./sandbox_fixture_test.ts";

Deno.test("exclusions: names, beginnings of names, comments", () => {
  const list = parseExclusions("# ours\n\n nginx \nlinux-image-*  # kernels by hand\nlibc6:i386\r\nlibstdc++6\n");
  assert.equal(list.problem, null);
  for (
    const [key, line] of [
      ["nginx", "nginx"],
      ["nginx:i386", "nginx"],
      ["nginx-common", null],
      ["linux-image-6.1.0-9-amd64", "linux-image-*"],
      ["linux-images", null],
      ["libc6:i386", "libc6:i386"],
      ["libc6", null],
      ["libstdc++6", "libstdc++6"],
    ]
  ) assert.equal(list.find(key as string), line, key as string);
  assert.equal(list.empty, false);
  assert.equal(parseExclusions("*").find("anything"), "*");
  for (const text of ["", "\n\n", "# only words\n  # more"]) {
    const none = parseExclusions(text);
    assert.deepEqual([none.empty, none.problem, none.find("nginx")], [true, null, null]);
  }
});

Deno.test("exclusions: a line that nobody understands is never passed over", () => {
  const wrong = [
    "nginx apache2",
    "Nginx",
    "*nginx",
    "ng*nx",
    "nginx=1.0",
    "~i",
    "?all",
    "-nginx",
    "nginx/stable",
    "[x]",
  ];
  for (const line of wrong) {
    const { problem } = parseExclusions(`curlew\n${line}\n`);
    assert.ok(problem?.includes(`line 2, ${JSON.stringify(line)}`), `${line}: ${problem}`);
    assert.match(problem!, /Nothing is installed until it is corrected/);
  }
  const { problem } = parseExclusions(wrong.join("\n") + "\n" + "X".repeat(5_000));
  assert.match(problem!, /line 3, .* and 8 more/);
  assert.ok(problem!.length <= 500);
});

sandboxTest("excluded packages are left alone, whoever orders them and whatever needs them", async (bed) => {
  await believe(bed, ["ibis-ex", "ibis-needs", "ibis-app", "ibis-free"].map((name) => ({ name })));
  // A version that no argument may carry, so apt cannot be told to keep it.
  await believe(bed, [{ name: "magpie-odd", fields: "Architecture: all\nVersion: 1.0_by+hand" }]);
  await offer(bed, [
    ["magpie-odd", "2.0-1", "lab-updates"],
    ["ibis-ex", "2.0-1", "lab-security"],
    ["ibis-needs", "2.0-1", "lab-updates", { depends: "ibis-ex (>= 2.0)" }],
    ["ibis-lib2", "2.0-1", "lab-updates", { depends: "ibis-lib3" }],
    ["ibis-lib3", "2.0-1", "lab-updates"],
    ["ibis-app", "2.0-1", "lab-updates", { depends: "ibis-lib2" }],
    ["ibis-free", "2.0-1", "lab-updates"],
  ]);
  assert.equal((await listed(bed)).get("ibis-needs")!.state, "installable");
  await exclude(bed, "# agreed with the database team\nibis-ex\nibis-lib*\nmagpie-*\nplover-icons\n");
  const by = await listed(bed);
  assert.deepEqual([by.get("ibis-ex")!.state, by.get("ibis-ex")!.security], ["excluded", true]);
  assert.ok(by.get("ibis-ex")!.state_reason!.includes(`${exclusionFile} has the line ibis-ex`));
  assert.deepEqual([by.get("magpie-server")!.state, by.get("magpie-server")!.held], ["excluded", true]);
  assert.equal(by.get("ibis-needs")!.state, "kept_back");
  assert.match(by.get("ibis-needs")!.state_reason!, /it needs ibis-ex 2\.0-1, which is excluded by this host's admin/);
  assert.equal(by.get("ibis-app")!.state, "kept_back");
  assert.match(by.get("ibis-app")!.state_reason!, /^It needs ibis-lib2\. Excluded by .* line ibis-lib\*/);
  assert.deepEqual([by.get("ibis-free")!.state, by.get("magpie-odd")!.state], ["installable", "excluded"]);

  for (const name of ["ibis-ex", "ibis-needs", "ibis-app", "magpie-server", "magpie-odd"]) {
    const plan = await bed.apt.plan({ ...everything, packages: [name, "curlew"] });
    assert.deepEqual([plan.targets, plan.refused.map((item) => item.name)], [[], [name]]);
    assert.match(plan.refused[0].reason, /xcluded/);
  }
  // Ordered by name before its turn, so apt was never told to leave it alone: the plan itself has to see it.
  await offer(bed, [["ibis-free", "3.0-1", "lab-updates", { depends: "ibis-lib3", phased_percent: 0 }]]);
  const early = await bed.apt.plan({ ...everything, packages: ["ibis-free"] });
  assert.deepEqual(early.refused.map((item) => item.name), ["ibis-lib3"]);
  assert.match(early.refused[0].reason, /Excluded by this host's administrator/);
  await offer(bed, [["ibis-free", "4.0-1", "lab-updates"]]);

  const all = await bed.apt.plan(everything);
  assert.deepEqual(all.refused, []);
  const names = all.changes.map((change) => change.name);
  assert.ok(names.includes("ibis-free") && names.includes("libpelican-filters1"));
  assert.deepEqual(names.filter((name) => /^ibis-(?!free)|magpie/.test(name)), []);
});

sandboxTest("a list that cannot be read stops everything and says so", async (bed) => {
  await exclude(bed, "curlew");
  await Deno.remove(`${bed.root}${exclusionFile}`);
  await Deno.mkdir(`${bed.root}${exclusionFile}`);
  assert.match((await readExclusions(bed.root)).problem!, /cannot be read/);
  await Deno.remove(`${bed.root}${exclusionFile}`);
  await bed.run("/bin/ln", ["-s", "/nowhere/at/all", `${bed.root}${exclusionFile}`]);
  assert.match((await readExclusions(bed.root)).problem!, /cannot be read/, "a link to nowhere is no empty list");
  const { patches, error } = await bed.apt.listing();
  assert.match(error!, /exclude is not clear: it cannot be read/);
  assert.ok(patches.length === 13 && patches.every((patch) => !patch.installable));
  assert.deepEqual((await bed.apt.plan(everything)).targets, []);
});
