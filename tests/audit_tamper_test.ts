import assert from "node:assert/strict";
import { appendAudit } from "../core/audit/append_audit.ts";
import { appendOutside, readOutside } from "../core/audit/checkpoint_file.ts";
import { PRUNE_BATCH, pruneAudit } from "../core/audit/prune_audit.ts";
import type { AuditProof } from "../core/audit/proof.ts";
import { signCheckpoints } from "../core/audit/sign_checkpoints.ts";
import { openSigningKey } from "../core/audit/signing_key.ts";
import { SignedStatement, signStatement } from "../core/audit/statements.ts";
import { verifyAudit } from "../core/audit/verify_audit.ts";
import { systemClock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { createLog, silentLog } from "../core/log.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { type FakeClock, fakeClock } from "../testing/fake_clock.ts";

interface Bed extends AsyncDisposable {
  database: TestDatabase;
  proof: AuditProof;
  clock: FakeClock;
  folder: string;
  /** Adds rows and, unless told otherwise, a checkpoint ten minutes later. */
  write(rows: number, checkpoint?: boolean): Promise<void>;
  /** What the manager says with everything that it knows. */
  verify(): ReturnType<typeof verifyAudit>;
  /** What it says when all that is left is the database, with the public keys. */
  verifyInside(): ReturnType<typeof verifyAudit>;
}

async function bed(): Promise<Bed> {
  const cleanup = new AsyncDisposableStack();
  const database = cleanup.use(await testDatabase());
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "pm-audit-" });
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const { signer, keys } = await openSigningKey(folder);
  const proof = { signer, keys, folder: `${folder}/audit` };
  const clock = fakeClock();
  let n = 0;
  return {
    database,
    proof,
    clock,
    folder,
    async write(rows, checkpoint = true) {
      for (let left = rows; left > 0; left--) await appendAudit(database.web, entry(++n), clock);
      if (!checkpoint) return;
      clock.advance({ minutes: 10 });
      const { signed, problem } = await signCheckpoints(database.web, proof, clock, silentLog);
      assert.deepEqual([signed.length, problem], [1, null]);
    },
    verify: async () => await verifyAudit(database.web, { keys, outside: await readOutside(proof.folder) }),
    verifyInside: () => verifyAudit(database.web, { keys }),
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
}

const entry = (n: number) => ({
  actor: { kind: "user" as const, id: `u${n}`, name: "alice" },
  action: "host.create",
  object: { kind: "host", id: `h${n}`, name: `web-${n}.example.org` },
  outcome: "success" as const,
  details: { n },
});

/** Somebody who owns the database makes the chain fit again, from a row on, and the head with it. */
const rechain = (from: number) => `
  do $$
  declare
    one record;
    before bytea := coalesce((select hash from audit_log where seq = ${from} - 1), decode(repeat('00', 32), 'hex'));
  begin
    for one in select seq, payload from audit_log where seq >= ${from} order by seq loop
      update audit_log set previous_hash = before, hash = sha256(
        convert_to('patch-manager/audit/v1', 'UTF8') || '\\x00'::bytea || int8send(one.seq) || before || one.payload)
      where seq = one.seq returning hash into before;
    end loop;
    update audit_head set seq = (select max(seq) from audit_log), hash = before;
  end $$;`;
const edit = (seq: number) => `
  update audit_log set actor_name = 'mallory',
    payload = convert_to(replace(convert_from(payload, 'UTF8'), 'alice', 'mallory'), 'UTF8') where seq = ${seq};`;
const cut = (from: number) => `
  delete from audit_log where seq >= ${from};
  update audit_head set seq = ${from} - 1, hash = (select hash from audit_log where seq = ${from} - 1);`;
const forget = (from: number) => `delete from audit_checkpoints where seq >= ${from};`;

interface Attack {
  name: string;
  statements: string;
  /** The first bad row, and what found it. */
  row: number;
  by: "chain" | "database" | "outside";
}

/** Twelve rows with checkpoints at 4, 8 and 12. */
const attacks: Attack[] = [
  { name: "edited row", statements: edit(6), row: 6, by: "chain" },
  { name: "deleted row", statements: "delete from audit_log where seq = 6", row: 6, by: "chain" },
  {
    name: "reordered rows",
    statements:
      "update audit_log set seq = -seq where seq in (5, 7); update audit_log set seq = 12 + seq where seq < 0",
    row: 5,
    by: "chain",
  },
  { name: "cut tail, the head left", statements: "delete from audit_log where seq > 9", row: 10, by: "chain" },
  { name: "cut tail, the head set back", statements: cut(10), row: 10, by: "database" },
  {
    name: "cut tail, head and checkpoints set back",
    statements: cut(10) + forget(10),
    row: 10,
    by: "outside",
  },
  { name: "everything rewritten from row 6 on", statements: edit(6) + rechain(6), row: 8, by: "database" },
  {
    name: "everything rewritten from row 6 on, and its checkpoints removed",
    statements: edit(6) + rechain(6) + forget(6),
    row: 8,
    by: "outside",
  },
  {
    name: "a row put in between, the rest moved and rewritten, checkpoints removed",
    statements: `update audit_log set seq = -(seq + 1) where seq >= 6; update audit_log set seq = -seq where seq < 0;
      insert into audit_log select 6, at, actor_kind, actor_id, actor_name, address, request_id, action, object_kind,
        object_id, outcome, payload, previous_hash, sha256('x') from audit_log where seq = 5;` + rechain(6) + forget(6),
    row: 8,
    by: "outside",
  },
  {
    name: "rewritten, with a checkpoint of their own",
    statements: edit(6) + rechain(6) + forget(6) + `
      insert into audit_checkpoints
      select l.seq, l.hash, c.at, c.key_id, c.signature from audit_log l, audit_checkpoints c
      where l.seq = 12 and c.seq = 4;`,
    row: 8,
    by: "outside",
  },
  {
    name: "a checkpoint in the database that nobody signed",
    statements: "update audit_checkpoints set signature = decode(repeat('00', 64), 'hex') where seq = 8",
    row: 8,
    by: "database",
  },
  {
    name: "the start removed behind a marker that nobody signed",
    statements: `insert into audit_markers
        select 4, l.hash, l.at, c.key_id, c.signature from audit_log l, audit_checkpoints c where l.seq = 4 and c.seq = 4;
      delete from audit_log where seq <= 4;`,
    row: 5,
    by: "chain",
  },
  {
    name: "the start removed behind a marker of a key that nobody knows",
    statements: `insert into audit_markers select 4, hash, at, 'ffff', '\\x00' from audit_log where seq = 4;
      delete from audit_log where seq <= 4;`,
    row: 5,
    by: "chain",
  },
];
for (const { name, statements, row, by } of attacks) {
  Deno.test(`found at row ${row}, by the ${by}: ${name}`, async () => {
    await using made = await bed();
    for (let part = 0; part < 3; part++) await made.write(4);
    const before = await made.verify();
    assert.deepEqual(
      before.intact && [before.rows, before.checkpoints, before.outside, before.proven_to, before.unknown],
      [12, 6, 3, 12, 0],
    );
    await made.database.sql.unsafe(statements);
    const after = await made.verify();
    assert.ok(!after.intact);
    assert.deepEqual([after.first_broken, after.found_by], [row, by], after.problem);
    assert.equal(after.rows, row - 1 - (/the start removed/.test(name) ? 4 : 0));
    const inside = await made.verifyInside();
    // Whoever may write everything in the database leaves one in which all fits: but for the name of who signed.
    if (by === "outside") assert.ok(inside.intact || /own/.test(name), JSON.stringify(inside));
    else assert.ok(!inside.intact && inside.first_broken === row && inside.found_by === by);
  });
}

Deno.test("an older database restored is found by the checkpoints outside alone, also after it went on", async () => {
  await using made = await bed();
  await made.write(4);
  const { sql } = made.database;
  await sql`create table older_log as select * from audit_log`;
  await sql`create table older_head as select * from audit_head`;
  await sql`create table older_checkpoints as select * from audit_checkpoints`;
  await made.write(4);
  await sql`truncate audit_log, audit_head, audit_checkpoints`;
  await sql`insert into audit_log select * from older_log`;
  await sql`insert into audit_head select * from older_head`;
  await sql`insert into audit_checkpoints select * from older_checkpoints`;
  assert.ok((await made.verifyInside()).intact, "the database alone is in order");
  const restored = await made.verify();
  assert.ok(!restored.intact);
  assert.deepEqual([restored.first_broken, restored.found_by], [5, "outside"]);
  assert.match(restored.problem, /knows 8 rows, so the end was cut off or an older database was restored/);
  // It goes on, and its new rows are signed: the two histories part at the row after the last common checkpoint.
  await made.write(6);
  const later = await made.verify();
  assert.ok(!later.intact);
  assert.deepEqual([later.first_broken, later.found_by], [8, "outside"]);
  // The operator who restored it puts the newer files aside, and the rest is in order.
  await Deno.remove(made.proof.folder, { recursive: true });
  assert.ok((await made.verify()).intact);
});

Deno.test("nothing is signed that somebody put in the place of rows behind the last checkpoint", async () => {
  await using made = await bed();
  await made.write(4);
  await made.write(4, false);
  await made.database.sql.unsafe(`update audit_log set outcome = 'denied' where seq = 6`);
  made.clock.advance({ minutes: 10 });
  const { signed, problem } = await signCheckpoints(made.database.web, made.proof, made.clock, silentLog);
  assert.deepEqual([signed, problem?.seq], [[], 6]);
  await made.database.sql.unsafe(cut(3));
  const shorter = await signCheckpoints(made.database.web, made.proof, made.clock, silentLog);
  assert.deepEqual([shorter.signed, shorter.problem?.seq], [[], 3]);
});

Deno.test("a checkpoint every ten minutes, and every thousand rows: in the file, the journal and the database", async () => {
  await using made = await bed();
  const lines: string[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const turn = async () => (await signCheckpoints(made.database.web, made.proof, made.clock, log)).signed;
  assert.deepEqual(await turn(), [], "an empty log has nothing to sign");
  await made.write(1, false);
  assert.deepEqual((await turn()).map(({ seq }) => seq), [1], "the first row, at once");
  await made.write(5, false);
  made.clock.advance({ minutes: 9, seconds: 59 });
  assert.deepEqual(await turn(), []);
  made.clock.advance({ seconds: 1 });
  assert.deepEqual((await turn()).map(({ seq }) => seq), [6]);
  made.clock.advance({ hours: 5 });
  assert.deepEqual(await turn(), [], "nothing new, nothing to sign");
  await made.write(1);
  await many(made.database.sql, 2_500);
  assert.deepEqual((await turn()).map(({ seq }) => seq), [1_007, 2_007], "each thousandth; the rest waits");
  made.clock.advance({ minutes: 10 });
  assert.deepEqual((await turn()).map(({ seq }) => seq), [2_507]);
  const { statements, unreadable } = await readOutside(made.proof.folder);
  const stored = await made.database.sql`select seq from audit_checkpoints order by seq`;
  assert.deepEqual(statements.map(({ seq }) => seq), stored.map(({ seq }) => seq));
  assert.equal(unreadable, 0);
  // The journal holds the same, but for the one that was made without a log.
  const journal = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "audit.checkpoint");
  const said = journal.map(({ message }) => SignedStatement.parse(JSON.parse(message)));
  assert.deepEqual(said, statements.filter(({ seq }) => seq !== 7));
  await Deno.writeTextFile(`${made.proof.folder}/checkpoints-2026-12.jsonl`, lines.join("\n"));
  await Deno.remove(`${made.proof.folder}/checkpoints-2026-11.jsonl`);
  const verdict = await made.verify();
  assert.ok(verdict.intact && verdict.outside === said.length && verdict.proven_to === 2_507);
});

/** Rows through the only door, without a round trip for each. */
async function many(sql: Sql, rows: number, time = "2026-11-20T10:00:00.000Z"): Promise<void> {
  await sql`
    select audit_append(convert_to(json_build_object('time', ${time}::text, 'actor', json_build_object('kind', 'system'),
      'action', 'x.y', 'outcome', 'success', 'details', json_build_object('n', n))::text, 'UTF8'))
    from generate_series(1, ${rows}) n`;
}

Deno.test("a file that is cut off, foreign lines and keys that are not known prove nothing and break nothing", async () => {
  await using made = await bed();
  await made.write(4);
  const strangers = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "pm-audit-" });
  try {
    const { signer } = await openSigningKey(strangers);
    const foreign = { kind: "checkpoint" as const, seq: 2, hash: "ab".repeat(32), at: "2026-11-20T10:00:00.000Z" };
    await appendOutside(made.proof.folder, signStatement(signer, foreign));
  } finally {
    await Deno.remove(strangers, { recursive: true });
  }
  const path = `${made.proof.folder}/checkpoints-2026-11.jsonl`;
  await Deno.writeTextFile(path, '{"kind":"checkpoint","seq":', { append: true });
  const verdict = await made.verify();
  assert.ok(verdict.intact && verdict.unknown === 2 && verdict.outside === 1);
  // But a line under our key that we did not sign is somebody's work.
  const [ours] = (await readOutside(made.proof.folder)).statements;
  await Deno.writeTextFile(path, `\n${JSON.stringify({ ...ours, seq: 3 })}\n`, { append: true });
  const forged = await made.verify();
  assert.ok(!forged.intact && forged.first_broken === 3 && forged.found_by === "outside");
});

Deno.test("rows older than the setting go, behind a signed marker from which the rest verifies", async () => {
  await using made = await bed();
  made.clock.set("2020-01-10T10:00:00Z");
  await many(made.database.sql, PRUNE_BATCH + 3, "2020-01-10T10:00:00.000Z");
  made.clock.advance({ minutes: 10 });
  await signCheckpoints(made.database.web, made.proof, made.clock, silentLog);
  made.clock.set("2020-11-20T10:00:00Z");
  await made.write(4);
  assert.equal(await pruneAudit(made.database.web, made.proof, 400, made.clock), 0, "younger than the setting");
  assert.equal(await pruneAudit(made.database.web, made.proof, 184, made.clock), PRUNE_BATCH);
  assert.equal(await pruneAudit(made.database.web, made.proof, 184, made.clock), 3);
  assert.equal(await pruneAudit(made.database.web, made.proof, 184, made.clock), 0);
  const verdict = await made.verify();
  assert.ok(verdict.intact);
  // Four rows, and a row for each removal.
  assert.deepEqual([verdict.rows, verdict.first], [6, PRUNE_BATCH + 4]);
  const [{ action, payload }] = await made.database.sql`
    select action, convert_from(payload, 'UTF8') as payload from audit_log order by seq desc limit 1`;
  assert.equal(action, "audit.prune");
  assert.deepEqual({ ...JSON.parse(payload).details, hash: null }, {
    ...{ rows: 3, through: PRUNE_BATCH + 3, hash: null, older_than_days: 184 },
  });
  await made.write(4);
  assert.ok((await made.verify()).intact, "checkpoints go on behind a marker");
  await made.database.sql.unsafe(edit(PRUNE_BATCH + 5));
  const broken = await made.verify();
  assert.ok(!broken.intact && broken.first_broken === PRUNE_BATCH + 5 && broken.rows === 1);
});

Deno.test("the database itself keeps what is younger than 180 days, whatever the web role says the time is", async () => {
  await using made = await bed();
  await many(made.database.sql, 3, systemClock.now().toString());
  const prune = (sql: Sql, through = 2) =>
    sql`select audit_prune(${through}, ${made.clock.now()}, 'k', ${new Uint8Array(64)})`;
  await assert.rejects(() => prune(made.database.web), /younger than 180 days stay/);
  await made.database.setNow(systemClock.now().add({ hours: 24 * 365 }));
  await assert.rejects(() => prune(made.database.web), /younger than 180 days stay/);
  await made.database.setNow(null);
  await assert.rejects(() => prune(made.database.web, 9), /no audit row 9/);
  await assert.rejects(() => prune(made.database.fleet), /permission denied/);
  for (
    const statement of [
      "delete from audit_checkpoints",
      "update audit_checkpoints set hash = sha256('x')",
      "insert into audit_markers select 1, sha256('x'), app_now(), 'k', '\\x00'",
      "delete from audit_markers",
      "delete from audit_verifications",
    ]
  ) {
    await assert.rejects(() => made.database.web.unsafe(statement), /permission denied/, statement);
    await assert.rejects(() => made.database.fleet.unsafe(statement), /permission denied/, statement);
  }
  assert.equal((await made.database.sql`select from audit_log`).length, 3);
});
