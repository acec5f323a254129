import assert from "node:assert/strict";
import { appendAudit } from "../audit/append_audit.ts";
import { linesOfFile, readOutside } from "../audit/checkpoint_file.ts";
import { pruneAudit } from "../audit/prune_audit.ts";
import { signCheckpoints } from "../audit/sign_checkpoints.ts";
import { openSigningKey } from "../audit/signing_key.ts";
import type { AuditEntry } from "../audit/types.ts";
import { verifyExport } from "../audit/verify_export.ts";
import { AppError } from "../errors.ts";
import { silentLog } from "../log.ts";
import { testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { testFolder } from "../../testing/test_folder.ts";
import { exportAuditCsv, exportAuditJson } from "./audit_export.ts";
import type { AuditFilter } from "./audit_log.ts";

const hostile = '=cmd|"/c calc"!A1\n\u2028 ünï \\ "q"';
const entry = (n: number): AuditEntry => ({
  actor: { kind: "user", id: `u${n % 2}`, name: n % 2 ? "alice" : "bob" },
  address: "192.0.2.1",
  action: n % 3 ? "host.create" : "job.create",
  object: { kind: "host", id: `h${n}`, name: n === 2 ? hostile : `web-${n}.example.org` },
  outcome: "success",
  details: { n, words: n === 2 ? hostile : "" },
});

async function made(start = "2026-11-20T10:00:00Z") {
  const stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const { path } = stack.use(await testFolder("audit-"));
  const { signer, keys } = await openSigningKey(path);
  const proof = { signer, keys, folder: `${path}/audit` };
  const clock = fakeClock(start);
  for (let n = 1; n <= 6; n++) {
    await appendAudit(database.web, entry(n), clock);
    if (n % 2 > 0) continue;
    clock.advance({ minutes: 10 });
    await signCheckpoints(database.web, proof, clock, silentLog);
  }
  const json = async (filter: AuditFilter = {}) => {
    const pieces: string[] = [];
    for await (const piece of exportAuditJson(database.web, filter, keys, clock.now())) pieces.push(piece);
    return pieces.join("");
  };
  const csv = async (filter: AuditFilter = {}) => {
    const pieces: string[] = [];
    for await (const piece of exportAuditCsv(database.web, filter)) pieces.push(piece);
    return pieces.join("");
  };
  /** As the command line reads it. */
  const verify = async (text: string, options: Parameters<typeof verifyExport>[1] = { keys }) => {
    await Deno.writeTextFile(`${path}/export.json`, text);
    return await verifyExport(linesOfFile(`${path}/export.json`), options);
  };
  return { database, proof, path, clock, json, csv, verify, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("an export is one JSON document that verifies without the database", async () => {
  await using bed = await made();
  const text = await bed.json();
  const document = JSON.parse(text);
  assert.deepEqual([document.complete, document.count, document.head.seq], [true, 6, 6]);
  assert.equal(document.rows[1].entry.object.name, hostile);
  assert.deepEqual(document.checkpoints.map(({ seq }: { seq: number }) => seq), [2, 4, 6]);
  const verdict = await bed.verify(text, { keys: bed.proof.keys, outside: await readOutside(bed.proof.folder) });
  assert.ok(verdict.intact && !verdict.own_keys);
  assert.deepEqual([verdict.rows, verdict.checkpoints, verdict.outside, verdict.proven_to], [6, 6, 3, 6]);
  const alone = await bed.verify(text, {});
  assert.ok(alone.intact && alone.own_keys && alone.checkpoints === 3);
});

const changes: [string, (text: string) => string, number][] = [
  ["an edited row", (text) => text.replace('"n":3', '"n":4'), 3],
  ["a deleted row", (text) => text.replace(/^\{"seq":4,.*\n/m, ""), 4],
  ["two rows exchanged", (text) => text.replace(/^(\{"seq":3,.*\n)(\{"seq":4,.*\n)/m, "$2$1"), 3],
  ["a row that is no JSON", (text) => text.replace('{"seq":5,', '{"seq":,'), 5],
  ["a file cut off within a row", (text) => text.slice(0, text.indexOf('{"seq":5,') + 30), 5],
  ["a file cut off after a row", (text) => text.slice(0, text.indexOf('{"seq":5,')), 5],
  ["the tail cut, the end left", (text) => text.replace(/,\n\{"seq":6,.*\n/, "\n"), 6],
  [
    "the tail cut, and all numbers made to fit",
    (text) =>
      text.replace(/,\n\{"seq":6,.*\n/, "\n").replace(/"count":6/, '"count":5').replace(
        /"head":\{.*?\}/,
        `"head":{"seq":5,"hash":"${/\{"seq":5,.*?"hash":"(\w+)"/.exec(text)![1]}"}`,
      ),
    6,
  ],
];
for (const [name, change, row] of changes) {
  Deno.test(`found in an export at row ${row}: ${name}`, async () => {
    await using bed = await made();
    const text = await bed.json();
    const changed = change(text);
    assert.notEqual(changed, text);
    const verdict = await bed.verify(changed);
    assert.ok(!verdict.intact);
    assert.deepEqual([verdict.first_broken, verdict.rows], [row, row - 1], verdict.problem);
  });
}

Deno.test("an export of a log that was broken names the same row, also where its payload is no JSON", async () => {
  await using bed = await made();
  await bed.database.sql`update audit_log set payload = '\\xff00' where seq = 4`;
  const text = await bed.json();
  assert.equal(JSON.parse(text).rows[3].payload_base64, "/wA=");
  const verdict = await bed.verify(text);
  assert.ok(!verdict.intact && verdict.first_broken === 4 && /content/.test(verdict.problem));
});

Deno.test("a filtered export and what is no export are refused with words", async () => {
  await using bed = await made();
  const refused = async (text: string, words: RegExp) =>
    await assert.rejects(() => bed.verify(text), (error: AppError) => {
      assert.match(error.message, words);
      return error instanceof AppError;
    });
  await refused(await bed.json({ actor: "alice" }), /filtered/);
  await refused("", /no export/);
  await refused("[]", /no export/);
  await refused('{"format":"patch-manager/audit-export/v9"}', /no export/);
  await assert.rejects(() => verifyExport(linesOfFile(`${bed.path}/nothing.json`)), /cannot be read/);
});

Deno.test("the export of a log whose old rows went verifies from its marker on", async () => {
  // Long ago by the database's own time as well, which it goes by.
  await using bed = await made("2020-01-10T10:00:00Z");
  bed.clock.advance({ hours: 24 * 400 });
  await appendAudit(bed.database.web, entry(7), bed.clock);
  assert.equal(await pruneAudit(bed.database.web, bed.proof, 184, bed.clock), 6);
  const text = await bed.json();
  const document = JSON.parse(text);
  const verdict = await bed.verify(text);
  assert.deepEqual([verdict.intact && verdict.first, document.marker.seq], [7, 6]);
  const forged = await bed.verify(text.replace(/"marker":\{.*?\}/, (marker) => marker.replace('"at":"2', '"at":"3')));
  assert.ok(!forged.intact && /without our signature/.test(forged.problem));
});

Deno.test("the CSV has the filters of the list, newest first, and no formula", async () => {
  await using bed = await made();
  const lines = (text: string) => text.replace(/^\ufeff/, "").split("\r\n").filter((line) => line !== "");
  const all = lines(await bed.csv());
  assert.equal(all.length, 7);
  assert.match(all[0], /^seq,at,actor_kind,actor_name,/);
  assert.match(all[1], /^6,2026-11-20T10:20:00\.000Z,user,bob,/);
  assert.ok((await bed.csv()).includes(`,"'=cmd|""/c calc""!A1\n`), "a cell that begins as a formula is text");
  const numbers = async (filter: AuditFilter) =>
    lines(await bed.csv(filter)).slice(1).map((line) => Number(line.split(",")[0]));
  assert.deepEqual(await numbers({ actor: "alice" }), [5, 3, 1]);
  assert.deepEqual(await numbers({ action: "job.create" }), [6, 3]);
  assert.deepEqual(await numbers({ action: "job" }), [6, 3]);
  assert.deepEqual(await numbers({ object_id: "h4" }), [4]);
  assert.deepEqual(await numbers({ from: "2026-11-20T10:10:00Z", to: "2026-11-20T12:20:00+02:00" }), [4, 3]);
  assert.deepEqual(await numbers({ outcome: "denied" }), []);
  await assert.rejects(() => bed.csv({ from: "yesterday" }), AppError);
});

Deno.test("a long log is exported in pieces, and verifies", async () => {
  await using bed = await made();
  await bed.database.sql`
    select audit_append(convert_to(json_build_object('time', '2026-11-20T12:00:00.000Z', 'actor', json_build_object('kind', 'system'),
      'action', 'x.y', 'outcome', 'success')::text, 'UTF8')) from generate_series(1, 1200) n`;
  let pieces = 0;
  let longest = 0;
  let text = "";
  for await (const piece of exportAuditJson(bed.database.web, {}, bed.proof.keys, bed.clock.now())) {
    pieces++;
    longest = Math.max(longest, piece.length);
    text += piece;
  }
  assert.ok(pieces >= 4 && longest < text.length / 2, `${pieces} pieces, the longest ${longest} of ${text.length}`);
  const verdict = await bed.verify(text);
  assert.deepEqual([verdict.intact, verdict.rows], [true, 1206], JSON.stringify(verdict));
});
