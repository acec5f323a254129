import assert from "node:assert/strict";
import { fakeClock } from "../../testing/fake_clock.ts";
import { openCveStore } from "./cve_store.ts";

const changelog = { entries: [{ version: "2.0-1", cve_ids: ["CVE-2026-990051"] }], complete: true };
const record = (source: string, version = "2.0-1") => ({ source, version, changelog, failure: null });

async function inFolder(body: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-cves-" });
  try {
    await body(`${folder}/changelogs`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const files = (folder: string) => [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();

Deno.test("store: what was saved is there after a restart, readable by nobody else", async () => {
  await inFolder((folder) => {
    const clock = fakeClock();
    openCveStore(folder, clock, 100).save(record("owl", "1:2.0~rc1+dfsg-1"));
    const again = openCveStore(folder, clock, 100);
    assert.deepEqual(again.find("owl", "1:2.0~rc1+dfsg-1")?.changelog, changelog);
    assert.equal(again.find("owl", "1:2.0~rc1+dfsg-2"), undefined, "another version is another source");
    assert.equal(again.find("owl 1:2.0~rc1+dfsg-1", ""), undefined);
    assert.equal(Deno.statSync(`${folder}/${files(folder)[0]}`).mode! & 0o777, 0o600);
  });
});

Deno.test("store: names from a repository name no file", async () => {
  await inFolder((folder) => {
    const store = openCveStore(folder, fakeClock(), 100);
    for (const source of ["../../escape", "/etc/passwd", "a/b", "", "x".repeat(250)]) store.save(record(source));
    assert.equal(files(folder).filter((name) => /^[0-9a-f]{64}\.json$/.test(name)).length, 5);
    assert.equal(files(folder).length, 5);
  });
});

const damages: [name: string, content: string | Uint8Array][] = [
  ["empty", ""],
  ["cut off", '{"format":1,"source":"ow'],
  ["of another shape", '{"format":1,"source":"owl"}'],
  ["of a later format", JSON.stringify({ format: 2, seen_ms: 0, ...record("owl") })],
  ["about another source", JSON.stringify({ format: 1, seen_ms: 0, ...record("eagle") })],
  ["binary", new Uint8Array([0xff, 0xfe, 0, 1])],
  ["endless", " ".repeat(2 ** 21)],
];

for (const [name, content] of damages) {
  Deno.test(`store: a record that is ${name} is read again, the others stay`, async () => {
    await inFolder((folder) => {
      const store = openCveStore(folder, fakeClock(), 100);
      store.save(record("owl"));
      const [file] = files(folder);
      store.save(record("heron"));
      Deno.writeFileSync(
        `${folder}/${file}`,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
      const again = openCveStore(folder, fakeClock(), 100);
      assert.equal(again.find("owl", "2.0-1"), undefined);
      assert.deepEqual(again.find("heron", "2.0-1")?.changelog, changelog);
      assert.equal(files(folder).length, 1);
      again.save(record("owl"));
      assert.deepEqual(openCveStore(folder, fakeClock(), 100).find("owl", "2.0-1")?.changelog, changelog);
    });
  });
}

Deno.test("store: what a killed executor left is cleared, links are not followed", async () => {
  await inFolder(async (folder) => {
    openCveStore(folder, fakeClock(), 100).save(record("owl"));
    const [file] = files(folder);
    Deno.mkdirSync(`${folder}/download-abc`);
    Deno.writeTextFileSync(`${folder}/download-abc/x.deb`, "half");
    Deno.writeTextFileSync(`${folder}/${file}.new`, "half");
    Deno.writeTextFileSync(`${folder}/../precious`, "kept");
    await new Deno.Command("/bin/ln", { args: ["-s", "../precious", `${folder}/${"0".repeat(64)}.json`] }).output();
    assert.equal(files(folder).length, 4);
    openCveStore(folder, fakeClock(), 100);
    assert.deepEqual(files(folder), [file]);
    assert.equal(Deno.readTextFileSync(`${folder}/../precious`), "kept");
  });
});

Deno.test("store: the budget is one of a day, and a restart does not renew it", async () => {
  await inFolder((folder) => {
    const clock = fakeClock("2026-11-20T10:00:00Z");
    const store = openCveStore(folder, clock, 100);
    assert.deepEqual([60, 50, 40, 1].map((bytes) => store.spend(bytes)), [true, false, true, false]);
    assert.equal(openCveStore(folder, clock, 100).spend(1), false);
    clock.set("2026-11-20T23:59:59Z");
    assert.equal(store.spend(1), false);
    clock.set("2026-11-21T00:00:00Z");
    assert.deepEqual([100, 1].map((bytes) => store.spend(bytes)), [true, false]);
    assert.equal(store.spend(0), true);
    Deno.writeTextFileSync(`${folder}/budget.json`, "{");
    assert.equal(store.spend(100), true, "damaged: begun anew");
  });
});

Deno.test("store: 90 days after it was last on offer a source is forgotten", async () => {
  await inFolder((folder) => {
    const clock = fakeClock();
    const store = openCveStore(folder, clock, 100);
    for (const source of ["owl", "heron"]) store.save(record(source));
    for (let day = 0; day < 91; day++) {
      store.keep([{ source: "owl", version: "2.0-1" }, { source: "unknown", version: "1" }]);
      clock.advance({ hours: 24 });
    }
    assert.ok(store.find("owl", "2.0-1"));
    assert.ok(store.find("heron", "2.0-1"), "the last day has not been looked at");
    store.keep([{ source: "owl", version: "2.0-1" }]);
    assert.equal(store.find("heron", "2.0-1"), undefined);
    assert.equal(files(folder).length, 1);
    assert.ok(openCveStore(folder, clock, 100).find("owl", "2.0-1"));
  });
});

Deno.test("store: never more than 2,000 sources, the longest unseen go first", async () => {
  await inFolder((folder) => {
    const clock = fakeClock();
    const store = openCveStore(folder, clock, 100);
    for (let i = 0; i < 2_010; i++) {
      store.save(record(`s${i}`));
      clock.advance({ seconds: 1 });
    }
    store.keep([]);
    assert.equal(files(folder).length, 2_000);
    assert.deepEqual([9, 10].map((i) => store.find(`s${i}`, "2.0-1") !== undefined), [false, true]);
  });
});
