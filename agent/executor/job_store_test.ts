import assert from "node:assert/strict";
import { systemClock } from "../../core/clock.ts";
import { writeDurable } from "./durable_file.ts";
import { followFile, readTail } from "./followed_file.ts";
import { type JobRecord, newJobRecord } from "./job_record.ts";
import { KEY_DAYS, openJobStore } from "./job_store.ts";
import { order } from "./executor_fixture_test.ts";

function record(run_id: string, created_ms: number, stage: JobRecord["stage"] = "ended"): JobRecord {
  return { ...newJobRecord(order(run_id), systemClock), created_ms, stage };
}

async function inFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-store-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("run ids are kept for 90 days, not longer, and one that has not ended for ever", () =>
  inFolder((folder) => {
    const now = systemClock.now();
    const days = (count: number) => now.epochMilliseconds - count * 86_400_000;
    const store = openJobStore(folder, { now: () => now });
    store.add(record("young", days(KEY_DAYS - 1)));
    const later = openJobStore(folder, { now: () => now });
    assert.equal(later.byRun("young")?.job.run_id, "young");
    const old = openJobStore(folder, { now: () => now.add({ hours: 48 }) });
    assert.equal(old.byRun("young"), undefined);
    old.add(record("open", days(400), "started"));
    assert.ok(openJobStore(folder, { now: () => now }).byRun("open"));
  }));

Deno.test("an ended dry run is forgotten after a day, one that has not ended and every real run is not", () =>
  inFolder((folder) => {
    const now = systemClock.now();
    const yesterday = now.epochMilliseconds - 25 * 3_600_000;
    const dry = (run_id: string, created_ms: number, stage: JobRecord["stage"] = "ended") => {
      const one = record(run_id, created_ms, stage);
      one.job.dry_run = true;
      return one;
    };
    const store = openJobStore(folder, { now: () => now.subtract({ hours: 25 }) });
    [dry("old", yesterday), dry("open", yesterday, "waiting"), record("real", yesterday)].forEach(store.add);
    const later = openJobStore(folder, { now: () => now });
    assert.deepEqual(["old", "open", "real"].map((run) => later.byRun(run) !== undefined), [false, true, true]);
    assert.equal([...Deno.readDirSync(`${folder}/jobs`)].length, 2);
    // Two hundred are kept, however young: whoever asks four times a second must not fill the disk.
    for (let index = 0; index < 205; index++) later.add(dry(`flood-${index}`, now.epochMilliseconds + index));
    assert.equal(later.byRun("flood-4"), undefined);
    assert.ok(later.byRun("flood-204") && later.byRun("real") && later.byRun("open"));
    assert.equal(later.byJob(later.byRun("real")!.job.job_id)?.job.run_id, "real");
  }));

Deno.test("the folder keeps its name; a job that cannot be read stops the start instead of being forgotten", () =>
  inFolder((folder) => {
    const store = openJobStore(folder, systemClock);
    assert.match(store.state_id, /^[0-9a-f-]{36}$/);
    assert.equal(openJobStore(folder, systemClock).state_id, store.state_id);
    const kept = record("kept", systemClock.now().epochMilliseconds);
    store.add(kept);
    assert.deepEqual(openJobStore(folder, systemClock).records, [kept]);
    for (const broken of ["", "{", "{}", JSON.stringify({ ...kept, stage: "elsewhere" })]) {
      Deno.writeTextFileSync(`${store.folder(kept)}/job.json`, broken);
      assert.throws(() => openJobStore(folder, systemClock), /cannot be read\. Move the folder away/);
    }
    // Half written beside the old content: what a crash in the middle of a write leaves.
    writeDurable(`${store.folder(kept)}/job.json`, JSON.stringify(kept));
    Deno.writeTextFileSync(`${store.folder(kept)}/job.json.new`, "{");
    assert.equal(openJobStore(folder, systemClock).records.length, 1);
    // A folder without its file: the crash came before the job was promised to anybody.
    Deno.mkdirSync(`${folder}/jobs/${crypto.randomUUID()}`);
    assert.equal(openJobStore(folder, systemClock).records.length, 1);
  }));

Deno.test("a file is followed from a position, in chunks, with letters cut in the middle made whole", () =>
  inFolder((folder) => {
    const path = `${folder}/output`;
    const file = followFile(path);
    assert.equal(file.next(), "");
    Deno.writeFileSync(path, new TextEncoder().encode("ä\0b\x1b[1m").subarray(0, 1));
    assert.equal(file.next(), "");
    Deno.writeFileSync(path, new TextEncoder().encode("ä\0b\x1b[1m\n").subarray(1), { append: true });
    assert.equal(file.next(), "ä\ufffdb\ufffd[1m\n");
    assert.equal(file.next(), "");
    assert.equal(file.offset, 9);
    Deno.writeTextFileSync(path, "é".repeat(200_000), { append: true });
    let whole = "";
    for (let part = file.next(); part !== ""; part = file.next()) {
      assert.ok(part.length <= 2 ** 16);
      whole += part;
    }
    assert.equal(whole, "é".repeat(200_000));
    file.close();
    const rest = followFile(path, 9);
    assert.equal(rest.next()[0], "é");
    rest.close();
    assert.equal(readTail(path, 4), "éé");
    // Up to a byte in the middle of the third é.
    assert.equal(readTail(path, 5, 9 + 5), "éé");
    assert.equal(readTail(`${folder}/none`, 4), "");
  }));
