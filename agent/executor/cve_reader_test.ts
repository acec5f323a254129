import assert from "node:assert/strict";
import { silentLog } from "../../core/log.ts";
import { publish } from "../../demo/sandbox.ts";
import { type FakeClock, fakeClock } from "../../testing/fake_clock.ts";
import { type Bed, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { answerTagged } from "../server/entity_tag.ts";
import { type CveReader, type CveReaderOptions, openCveReader } from "./cve_reader.ts";
import type { SecurityOffer } from "./cve_types.ts";
import type { PackageManager } from "./package_manager.ts";

const nameOf = (offer: SecurityOffer) => `${offer.source} ${offer.source_version}`;

/** A reader on the bed, with a count of what it read. */
interface Scene {
  reader: CveReader;
  clock: FakeClock;
  /** Sources read so far, in order. */
  reads: string[];
  /** Wakes the reader, waits for it, and answers what is known then: ids by package, null for unknown. */
  look(): Promise<Record<string, string[] | null>>;
}

function scene(bed: Bed, options: Partial<CveReaderOptions> = {}, clock = fakeClock()): Scene {
  const reads: string[] = [];
  const source = bed.apt.changelogs!;
  const manager: PackageManager = {
    ...bed.apt,
    changelogs: {
      since: source.since,
      read: (offers, ...rest) => (reads.push(nameOf(offers[0])), source.read(offers, ...rest)),
    },
    ...options.manager,
  };
  const reader = openCveReader({
    ...{ state: `${bed.folder}/state`, clock, log: silentLog, busy: () => false, free_bytes: () => 2 ** 40 },
    ...options,
    manager,
  });
  return {
    reader,
    clock,
    reads,
    async look() {
      reader.dress(await manager.listing());
      await reader.idle();
      const { patches } = reader.dress(await manager.listing());
      return Object.fromEntries(
        patches.filter((patch) => patch.security)
          .map((patch) => [patch.name, patch.cve_source === "changelog" ? patch.cve_ids! : null]),
      );
    },
  };
}

const everything = {
  // Version u3 has no fix of its own; those of u2 below it count, those of the installed one do not.
  "libtessera3": ["CVE-2026-990011", "CVE-2026-990012"],
  "tessera-tools": ["CVE-2026-990013"],
  "corvid-httpd": ["CVE-2026-990021"],
  "linux-image-sandbox": ["CVE-2026-990031"],
  "gannet-mail": ["CVE-2026-990041"],
};

sandboxTest("cves: a first listing has none and says so, the next one has them, in another ETag", async (bed) => {
  const { reader } = scene(bed);
  const first = reader.dress(await bed.apt.listing());
  assert.ok(first.patches.every((patch) => patch.cve_source === "none" && patch.cve_ids!.length === 0));
  await reader.idle();
  const second = reader.dress(await bed.apt.listing());
  const by = new Map(second.patches.map((patch) => [patch.name, patch]));
  assert.deepEqual([by.get("corvid-httpd")!.cve_ids, by.get("corvid-httpd")!.cve_source], [
    ["CVE-2026-990021"],
    "changelog",
  ]);
  assert.deepEqual([by.get("curlew")!.cve_ids, by.get("curlew")!.cve_source], [[], "none"], "no security source");
  const installed = new Map(second.installed.map((item) => [item.name, item]));
  assert.deepEqual(installed.get("corvid-httpd")!.cve_ids, ["CVE-2026-990021"]);
  assert.deepEqual(installed.get("plover-icons")!.cve_ids, [], "not upgradable");
  const tag = (patches: unknown) => answerTagged({}, { patches }, undefined).headers!.etag;
  assert.notEqual(tag(first.patches), tag(second.patches));
  assert.equal(tag(second.patches), tag(reader.dress(await bed.apt.listing()).patches));
  await reader.stop();
});

sandboxTest("cves: each source once, also after a restart, and without the mirror", async (bed) => {
  const first = scene(bed);
  const known = await first.look();
  assert.deepEqual(known, everything);
  assert.deepEqual([first.reads.length, new Set(first.reads).size], [5, 5]);
  assert.deepEqual(await first.look(), known);
  await first.reader.stop();
  await Deno.rename(`${bed.repository.folder}/pool`, `${bed.repository.folder}/gone`);
  const second = scene(bed);
  assert.deepEqual(
    second.reader.dress(await bed.apt.listing()).patches.filter((p) => p.cve_source === "changelog").length,
    5,
  );
  assert.deepEqual(await second.look(), known);
  assert.deepEqual(second.reads, []);
  await second.reader.stop();
});

sandboxTest("cves: a newer version is read anew, an update in between is not", async (bed) => {
  const { reader, reads, look } = scene(bed);
  await look();
  const before = reads.length;
  const text = (version: string, id: string) => `corvid-httpd (${version}) x; urgency=high\n\n  * ${id}\n\n`;
  await publish(bed.repository, {
    ...{ name: "corvid-httpd", version: "2.4.60-1", suite: "lab-updates", description: "newer" },
    changelog: text("2.4.60-1", "none") + text("2.4.59-1", "CVE-2026-990021") + text("2.4.58-1", "CVE-2026-990020"),
  });
  await bed.run("/usr/bin/apt-get", ["-q", "update"]);
  const listing = reader.dress(await bed.apt.listing());
  const waiting = listing.patches.find((patch) => patch.name === "corvid-httpd")!;
  assert.deepEqual(
    [waiting.cve_source, waiting.cve_ids],
    ["none", []],
    "what is known of another version is not shown",
  );
  await reader.idle();
  assert.deepEqual((await look())["corvid-httpd"], ["CVE-2026-990020", "CVE-2026-990021"]);
  assert.deepEqual(reads.slice(before), ["corvid-httpd 2.4.60-1"]);
  await reader.stop();
});

sandboxTest("cves: no more than the day's budget, the rest on the next day", async (bed) => {
  const offers = (await bed.apt.listing()).security_offers!;
  const sizes = [...Map.groupBy(offers, (offer) => `${offer.source} ${offer.source_version}`).values()]
    .map((group) => Math.min(...group.map((offer) => offer.size!))).sort((a, b) => a - b);
  const daily_bytes = sizes[0] + sizes[1];
  assert.ok(sizes.length > 3 && sizes.at(-1)! > daily_bytes);
  const { reader, clock, look } = scene(bed, { daily_bytes });
  const count = async () => Object.values(await look()).filter((ids) => ids !== null).length;
  const [first, again] = [await count(), await count()];
  assert.deepEqual([first, again], [2, 2], "the two smallest sources");
  clock.advance({ hours: 24 });
  const next = await count();
  assert.ok(next >= 2 && next < offers.length, "what is larger than a whole day stays unknown, never empty");
  await reader.stop();
});

sandboxTest(
  "cves: nothing is read while a job runs, another program installs, or the disk is nearly full",
  async (bed) => {
    let [busy, locked, free] = [true, false, 2 ** 40];
    const database: PackageManager["database"] = async () =>
      locked ? { state: "locked", words: "another one" } : await bed.apt.database();
    const manager = { database } as PackageManager;
    const { reader, reads, look } = scene(bed, { busy: () => busy, free_bytes: () => free, manager });
    await look();
    [busy, locked] = [false, true];
    await look();
    [locked, free] = [false, 100 * 2 ** 20];
    await look();
    assert.deepEqual(reads, []);
    free = 2 ** 40;
    await look();
    assert.equal(reads.length, 5);
    await reader.stop();
  },
);

sandboxTest("cves: a job that begins in the middle gets the machine after the current package", async (bed) => {
  let busy = false;
  const source = bed.apt.changelogs!;
  const reads: string[] = [];
  const manager = {
    changelogs: {
      since: source.since,
      read: (offers, ...rest) => {
        reads.push(offers[0].source);
        busy = true;
        return source.read(offers, ...rest);
      },
    },
  } as PackageManager;
  const { reader, look } = scene(bed, { busy: () => busy, manager });
  await look();
  assert.equal(reads.length, 1);
  await reader.stop();
});

sandboxTest("cves: failures are said, kept over a restart, and tried again later and later", async (bed) => {
  await Deno.rename(`${bed.repository.folder}/pool`, `${bed.repository.folder}/gone`);
  const clock = fakeClock();
  const first = scene(bed, {}, clock);
  assert.ok(Object.values(await first.look()).every((ids) => ids === null), "unknown is not empty");
  assert.equal(first.reads.length, 3, "after three in a row the mirror is left alone");
  await first.reader.stop();
  const second = scene(bed, {}, clock);
  await second.look();
  assert.ok(second.reads.every((source) => !first.reads.includes(source)), "those wait");
  const tries = async (minutes: number) => {
    const before = second.reads.length;
    clock.advance({ minutes });
    await second.look();
    return second.reads.length - before;
  };
  assert.equal(await tries(59), 0);
  assert.equal(await tries(2), 3, "an hour later");
  await tries(1);
  assert.equal(await tries(61), 0, "the second pause is longer");
  await Deno.rename(`${bed.repository.folder}/gone`, `${bed.repository.folder}/pool`);
  clock.advance({ hours: 24 * 8 });
  assert.ok(Object.values(await second.look()).every((ids) => ids !== null), "all is well again");
  clock.set("2020-01-01T00:00:00Z");
  await second.look();
  await second.reader.stop();
});

sandboxTest("cves: a folder that cannot be had costs the ids, not the list", async (bed) => {
  await Deno.mkdir(`${bed.folder}/state`);
  await Deno.writeTextFile(`${bed.folder}/state/changelogs`, "a file in the way");
  const { reader } = scene(bed);
  const listing = await bed.apt.listing();
  assert.deepEqual(reader.dress(listing), listing);
  await reader.stop();
});

sandboxTest("cves: stopped in the middle of a download, nothing is remembered and nothing is left", async (bed) => {
  const source = bed.apt.changelogs!;
  const holder: { stop: () => Promise<void> } = { stop: () => Promise.resolve() };
  let stopped: Promise<void> | null = null;
  const manager = {
    changelogs: {
      since: source.since,
      read: (...args) => {
        const answer = source.read(...args);
        stopped ??= holder.stop();
        return answer;
      },
    },
  } as PackageManager;
  const { reader, look } = scene(bed, { manager });
  holder.stop = () => reader.stop();
  await look();
  await stopped;
  const left = [...Deno.readDirSync(`${bed.folder}/state/changelogs`)].map((entry) => entry.name);
  assert.deepEqual(left.filter((name) => name !== "budget.json"), []);
  assert.deepEqual(reader.dress(await bed.apt.listing()).patches.filter((p) => p.cve_source !== "none"), []);
});
