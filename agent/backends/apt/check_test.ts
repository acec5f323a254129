import assert from "node:assert/strict";
import type { Patch } from "../../../protocol/api.ts";
import type { Listing } from "../../executor/package_manager.ts";
import { checkHost, compareListing, sizeWords } from "./check.ts";
import { type AptTruth, readAptTruth, readNames, readSimulation, readUpgradable } from "./check_truth.ts";
import { aptTest, makeBed, sandboxTest } from "./sandbox_fixture_test.ts";

Deno.test("apt's words are read by a reader of their own", () => {
  const text = `Reading package lists...
The following NEW packages will be installed:
  libnew1
The following upgrades have been deferred due to phasing:
  wren-portal
The following packages have been kept back:
  heron libc6:i386 magpie
  osprey
3 upgraded, 1 newly installed, 0 to remove and 4 not upgraded.
Inst libnew1 (1.0 Lab:lab [all])
Inst curlew [1.0] (2.0 Lab:lab [all])
Inst libtiff6:i386 [1.0] (1:2.0 Lab:lab, Lab:lab-security [i386]) []
Remv exim4 [4.9]
Conf curlew (2.0 Lab:lab [all])
`;
  const { updated, added, removed } = readSimulation(text);
  assert.deepEqual([...updated], [["curlew", { from: "1.0", to: "2.0" }], ["libtiff6:i386", {
    from: "1.0",
    to: "1:2.0",
  }]]);
  assert.deepEqual([[...added], [...removed]], [["libnew1"], ["exim4"]]);
  assert.deepEqual([...readNames(text, /kept back:$/)], ["heron", "libc6:i386", "magpie", "osprey"]);
  assert.deepEqual([...readNames(text, /deferred due to phasing:$/)], ["wren-portal"]);
  assert.deepEqual([...readNames(text, /will be REMOVED:$/)], []);
  const policy = (installed: string, candidate: string, table: string) =>
    readUpgradable(`p:\n  Installed: ${installed}\n  Candidate: ${candidate}\n  Version table:\n${table}`).size;
  assert.equal(policy("1", "2", "     2 500\n *** 1 100\n"), 1);
  assert.equal(policy("2", "1", " *** 2 100\n     1 1001\n"), 0, "a downgrade is no update");
  assert.equal(policy("(none)", "2", "     2 500\n"), 0);
  assert.equal(policy("1", "1", " *** 1 500\n"), 0);
});

Deno.test("sizes are written as apt writes them", () => {
  const cases: [number, string][] = [[0, "0 B"], [812, "812 B"], [71_872, "71.9 kB"], [1_734_592, "1735 kB"]];
  for (
    const [bytes, words] of [...cases, [168_282_864, "168 MB"], [9_999, "9999 B"], [12_400_000_000, "12.4 GB"]] as const
  ) {
    assert.equal(sizeWords(bytes), words);
  }
});

/** Every way in which a listing could lie; each has to be seen. */
const lies: { what: string; tell: (listing: Listing, patch: (name: string) => Patch) => void; seen: RegExp }[] = [
  {
    what: "an update is missing",
    tell: (l) => drop(l, "curlew"),
    seen: /^curlew: apt says 7\.88\.1-10 to 7\.88\.1-11/,
  },
  {
    what: "an update is invented",
    tell: (l, patch) => l.patches.push({ ...patch("curlew"), name: "plover-icons" }),
    seen: /^plover-icons: apt says there is no update/,
  },
  { what: "another version", tell: (_, p) => p("curlew").available_version = "8", seen: /^curlew: .*10 to 8$/ },
  { what: "another installed one", tell: (_, p) => p("curlew").current_version = "7", seen: /^curlew: .*says 7 to/ },
  {
    what: "security overlooked",
    tell: (_, p) => p("libtessera3").security = false,
    seen: /^libtessera3: apt says security/,
  },
  { what: "security invented", tell: (_, p) => p("curlew").security = true, seen: /^curlew: apt says no security/ },
  { what: "installable hidden", tell: (_, p) => p("curlew").state = "kept_back", seen: /^curlew: .*would be updated/ },
  {
    what: "kept back sold",
    tell: (_, p) => p("stork-plugins").state = "installable",
    seen: /^stork-plugins: .*would stay/,
  },
  { what: "phased sold", tell: (_, p) => p("wren-portal").state = "installable", seen: /^wren-portal: .*would stay/ },
  {
    what: "hold overlooked",
    tell: (_, p) => p("magpie-server").held = false,
    seen: /^magpie-server: apt says on hold/,
  },
  { what: "hold invented", tell: (_, p) => p("stork-plugins").state = "held", seen: /^stork-plugins: .*not on hold/ },
  { what: "pin invented", tell: (_, p) => p("curlew").state = "pinned", seen: /^curlew: .*there is an update/ },
  { what: "exclusion invented", tell: (_, p) => p("curlew").state = "excluded", seen: /^curlew: .*list does not/ },
  {
    what: "signature invented",
    tell: (_, p) => p("curlew").state_reason = "signature could not be verified",
    seen: /./,
  },
  {
    what: "a new package hidden",
    tell: (_, p) => p("pelican-proxy").new_dependencies = [],
    seen: /^libpelican-filters1/,
  },
  { what: "a new one invented", tell: (_, p) => p("curlew").new_dependencies = ["x"], seen: /^x: .*not be installed/ },
  { what: "a smaller download", tell: (l) => l.download_bytes! -= 50_000, seen: /^download: apt says \d+ kB/ },
];

function drop(listing: Listing, name: string): void {
  listing.patches = listing.patches.filter((patch) => patch.name !== name);
}

aptTest("the comparison is silent about the truth and sees every lie", async (context) => {
  const bed = await makeBed();
  try {
    const { listing, differences } = await checkHost(bed.root);
    assert.deepEqual(differences, []);
    const native = (await bed.run("/usr/bin/dpkg", ["--print-architecture"])).stdout.trim();
    const truth: AptTruth = await readAptTruth(bed.root, native, new Map());
    for (const { what, tell, seen } of lies) {
      await context.step(what, () => {
        const lying = structuredClone(listing);
        tell(lying, (name) => lying.patches.find((patch) => patch.name === name)!);
        // The word of a signature alone excuses a state, so it has to be checked against the sources.
        if (what === "signature invented") lying.patches.find((patch) => patch.name === "curlew")!.state = "blocked";
        const found = compareListing(lying, truth, () => false);
        assert.ok(found.some((line) => seen.test(line)), `${what}: ${JSON.stringify(found)}`);
      });
    }
    const silent = { ...truth, error: "E: broken" };
    assert.match(compareListing(listing, silent, () => false).join(), /apt-get: apt says E: broken/);
  } finally {
    await Deno.remove(bed.folder, { recursive: true });
  }
});

sandboxTest("a check changes nothing on the host", async (bed) => {
  const look = async () => {
    const files: string[] = [];
    const walk = async (folder: string) => {
      for await (const entry of Deno.readDir(folder)) {
        const path = `${folder}/${entry.name}`;
        // apt's own memory of its indexes, written by any reading of them.
        if (path.endsWith("pkgcache.bin")) continue;
        if (entry.isDirectory) await walk(path);
        const { mtime, size } = await Deno.lstat(path);
        if (!entry.isDirectory) files.push(`${path} ${mtime?.getTime()} ${size}`);
      }
    };
    await walk(bed.root);
    return files.toSorted();
  };
  const before = await look();
  assert.deepEqual((await checkHost(bed.root)).differences, []);
  assert.deepEqual(await look(), before);
});
