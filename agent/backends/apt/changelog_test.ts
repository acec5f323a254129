import assert from "node:assert/strict";
import { publish } from "../../../demo/sandbox.ts";
import type { SandboxPackage } from "../../../demo/sandbox_packages.ts";
import type { SecurityOffer } from "../../executor/cve_types.ts";
import { createChangelogSource } from "./changelog.ts";
import { downloadArguments, findInArchives } from "./changelog_download.ts";
import { changelogOf } from "./changelog_fixture_test.ts";
import { type Bed, isThere, sandboxTest } from "./sandbox_fixture_test.ts";

const never = new AbortController().signal;

/** Reads the changelog of a source that is on offer; tells what it wanted to download. */
async function readSource(bed: Bed, source: string, limit = Infinity) {
  const offers = (await bed.apt.listing()).security_offers!.filter((offer) => offer.source === source);
  const spent: number[] = [];
  const spend = (bytes: number) => bytes <= limit && spent.push(bytes) > 0;
  const folder = `${bed.folder}/changelogs`;
  const answer = await createChangelogSource(bed.root).read(offers, folder, spend, never);
  if (await isThere(folder)) assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing is left behind");
  return { answer, spent, offers };
}

const fix = (change: Partial<SandboxPackage> & { name: string; version: string }): SandboxPackage => ({
  suite: "lab-security",
  description: "invented",
  ...change,
});

async function offer(bed: Bed, ...items: SandboxPackage[]): Promise<void> {
  for (const item of items) await publish(bed.repository, item);
  assert.equal((await bed.run("/usr/bin/apt-get", ["-q", "update"])).code, 0);
}

sandboxTest("changelogs: one download per source, of its smallest package, and none is left behind", async (bed) => {
  const { answer, spent, offers } = await readSource(bed, "corvid-httpd");
  assert.deepEqual(answer, { complete: true, entries: [{ version: "2.4.59-1", cve_ids: ["CVE-2026-990021"] }] });
  assert.deepEqual(spent, [offers[0].size]);
  assert.deepEqual([offers[0].installed_source_version, offers[0].key], ["2.4.57-2", "corvid-httpd"]);
});

sandboxTest(
  "changelogs: the listing offers exactly what has a security source, with its source's version",
  async (bed) => {
    await offer(
      bed,
      fix({
        name: "curlew",
        version: "7.88.1-12+b1",
        source: "curlew (7.88.1-12)",
        changelog: changelogOf("curlew", [["7.88.1-12", "CVE-2026-990061"]]),
      }),
    );
    const { patches, security_offers } = await bed.apt.listing();
    const security = patches.filter((patch) => patch.security).map((patch) => patch.name).sort();
    assert.deepEqual(security_offers!.map((item) => item.key).sort(), security);
    const { answer, offers } = await readSource(bed, "curlew");
    assert.deepEqual([offers[0].version, offers[0].source_version], ["7.88.1-12+b1", "7.88.1-12"], "a rebuild");
    assert.deepEqual(answer, { complete: true, entries: [{ version: "7.88.1-12", cve_ids: ["CVE-2026-990061"] }] });
  },
);

sandboxTest("changelogs: where the documents are a link, the package that it names is read next", async (bed) => {
  const source = "tessera (4.0-1)";
  const changelog = changelogOf("tessera", [["4.0-1", "CVE-2026-990071"], ["3.0.11-1"]]);
  await offer(
    bed,
    fix({ name: "tessera-tools", version: "4.0-1", source, documents_of: "libtessera3" }),
    fix({ name: "libtessera3", version: "4.0-1", source, changelog, filler_kib: 200 }),
  );
  const { answer, spent, offers } = await readSource(bed, "tessera");
  assert.ok("entries" in answer);
  assert.deepEqual(answer.entries[0], { version: "4.0-1", cve_ids: ["CVE-2026-990071"] });
  assert.deepEqual(spent, offers.map((item) => item.size!).sort((a, b) => a - b), "the small one, then the named one");
});

sandboxTest("changelogs: links that lead nowhere, and changelogs of something else, are no changelogs", async (bed) => {
  await offer(
    bed,
    fix({ name: "curlew", version: "8.0-1", documents_of: "curlew" }),
    fix({ name: "lumen-utils", version: "8.0-1", documents_of: "/etc" }),
    fix({
      name: "plover-icons",
      version: "8.0-1",
      changelog: changelogOf("plover-icons", [["7.0-1", "CVE-2026-990081"]]),
    }),
    fix({ name: "gannet-mail", version: "1:8.0-1", changelog: "Release notes\n\n- fixes CVE-2026-990082\n" }),
  );
  for (const source of ["curlew", "lumen-utils", "plover-icons", "gannet-mail"]) {
    const { answer } = await readSource(bed, source);
    assert.deepEqual(answer, { kind: "damaged", words: `${source} has no changelog of ${source}.` });
  }
});

sandboxTest("changelogs: versions with every letter that Debian allows", async (bed) => {
  const versions = { "curlew": "2:9.0~rc1+dfsg-1+b2", "lumen-utils": "9.0+really3+" };
  await offer(
    bed,
    ...Object.entries(versions).map(([name, version]) => fix({ name, version, changes: ["CVE-2026-990091"] })),
  );
  for (const [source, version] of Object.entries(versions)) {
    const { answer } = await readSource(bed, source);
    assert.deepEqual(answer, { complete: true, entries: [{ version, cve_ids: ["CVE-2026-990091"] }] });
  }
});

sandboxTest("changelogs: what lies in apt's cache is not downloaded", async (bed) => {
  const archives = `${bed.root}/var/cache/apt/archives`;
  const deb = [...Deno.readDirSync(`${bed.repository.folder}/pool/lab-security`)].find((entry) =>
    entry.name.startsWith("gannet-mail")
  )!.name;
  await Deno.copyFile(`${bed.repository.folder}/pool/lab-security/${deb}`, `${archives}/${deb}`);
  const { answer, spent, offers } = await readSource(bed, "gannet-mail", 0);
  assert.ok("entries" in answer && spent.length === 0, JSON.stringify(answer));
  assert.equal(await findInArchives(bed.root, offers[0]), `${archives}/gannet-mail_1%3a2.3.19+dfsg1-1_all.deb`);
  assert.ok(await isThere(`${archives}/${deb}`), "it is not ours to remove");
  await Deno.truncate(`${archives}/${deb}`, 100);
  assert.equal(await findInArchives(bed.root, offers[0]), null, "half a download");
  await Deno.remove(`${archives}/${deb}`);
  await bed.run("/bin/ln", ["-s", `${bed.repository.folder}/pool/lab-security/${deb}`, `${archives}/${deb}`]);
  assert.equal(await findInArchives(bed.root, offers[0]), null, "a link");
});

sandboxTest("changelogs: nothing is downloaded beyond what may be spent", async (bed) => {
  const { answer, spent } = await readSource(bed, "corvid-httpd", 1000);
  assert.ok("kind" in answer && answer.kind === "over_budget", JSON.stringify(answer));
  assert.deepEqual(spent, []);
});

sandboxTest("changelogs: a package that the mirror has lost, or changed, is another day's", async (bed) => {
  await publish(bed.repository, fix({ name: "curlew", version: "8.0-1" }), { damage: "missing" });
  await publish(bed.repository, fix({ name: "lumen-utils", version: "8.0-1" }), { damage: "corrupt" });
  await offer(bed);
  for (const source of ["curlew", "lumen-utils"]) {
    const { answer } = await readSource(bed, source);
    assert.ok("kind" in answer && answer.kind === "unreachable" && answer.words.length > 10, JSON.stringify(answer));
  }
});

Deno.test("changelogs: only an exact name:arch=version becomes an argument", () => {
  const base: SecurityOffer = {
    ...{ key: "curlew", name: "curlew", arch: "amd64", version: "1.0-1", size: 1 },
    ...{ source: "curlew", source_version: "1.0-1", installed_source_version: "0" },
  };
  assert.deepEqual(downloadArguments(base).slice(-2), ["download", "curlew:amd64=1.0-1"]);
  assert.equal(downloadArguments({ ...base, version: "1.0+" }).at(-1), "curlew:amd64=1.0+");
  for (
    const name of ["-o", "curlew-", "cur lew", "../x", "curlew/lab", "~i", "?all", "*", "CURLEW", "a;b", "http://x"]
  ) {
    if (name === "curlew-") continue; // a legal name: with its version behind it, it is one (measured)
    assert.throws(() => downloadArguments({ ...base, name }), TypeError, name);
  }
  for (const version of ["*", "1.0/lab", "1.0 -o", "-1", "1.0-", "$(id)", ""]) {
    assert.throws(() => downloadArguments({ ...base, version }), TypeError, version);
  }
  assert.throws(() => downloadArguments({ ...base, arch: "../amd64" }), TypeError);
});
