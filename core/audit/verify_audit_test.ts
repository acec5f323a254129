import assert from "node:assert/strict";
import { transaction } from "../database/connection.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { uuidv7 } from "../ids.ts";
import { appendAudit } from "./append_audit.ts";
import type { AuditEntry } from "./types.ts";
import { verifyAudit } from "./verify_audit.ts";

const entry = (n: number): AuditEntry => ({
  actor: { kind: "user", id: `u${n}`, name: "alice" },
  address: "192.0.2.1",
  request_id: "01JD0000000000000000000000",
  action: "host.create",
  object: { kind: "host", id: `h${n}`, name: "web-01.example.com" },
  outcome: "success",
  details: { n },
});

async function write(database: TestDatabase, rows: number): Promise<void> {
  const clock = fakeClock();
  for (let n = 1; n <= rows; n++) assert.equal(await appendAudit(database.web, entry(n), clock), n);
}

Deno.test("an empty chain is intact", async () => {
  await using database = await testDatabase();
  assert.deepEqual(await verifyAudit(database.sql), {
    ...{ intact: true, rows: 0, head: "00".repeat(32), first: 1 },
    ...{ checkpoints: 0, outside: 0, proven_to: null, unknown: 0 },
  });
});

Deno.test("rows written by the web role and the fleet role make one intact chain", async () => {
  await using database = await testDatabase();
  await write(database, 5);
  assert.equal(await appendAudit(database.fleet, { ...entry(6), actor: { kind: "system" } }, fakeClock()), 6);
  const verdict = await verifyAudit(database.web);
  assert.ok(verdict.intact);
  assert.equal(verdict.rows, 6);
});

const tampering: [string, string, number][] = [
  [
    "a payload is changed",
    "update audit_log set payload = convert_to(replace(convert_from(payload, 'UTF8'), 'alice', 'mallo'), 'UTF8') where seq = 3",
    3,
  ],
  [
    "a payload is changed and its hash made to fit",
    `
    update audit_log set payload = convert_to(replace(convert_from(payload, 'UTF8'), 'alice', 'mallo'), 'UTF8') where seq = 3;
    update audit_log set hash = sha256(convert_to('patch-manager/audit/v1', 'UTF8') || '\\x00'::bytea || int8send(seq) || previous_hash || payload) where seq = 3`,
    3,
  ],
  [
    "a space is added to a payload and its hash made to fit",
    `
    update audit_log set payload = payload || ' '::bytea where seq = 3;
    update audit_log set hash = sha256(convert_to('patch-manager/audit/v1', 'UTF8') || '\\x00'::bytea || int8send(seq) || previous_hash || payload) where seq = 3`,
    4,
  ],
  ["a payload is no JSON", "update audit_log set payload = '\\xff' where seq = 4", 4],
  ["a row in the middle is deleted", "delete from audit_log where seq = 3", 3],
  ["the first row is deleted", "delete from audit_log where seq = 1", 1],
  ["the tail is cut off", "delete from audit_log where seq >= 4", 4],
  ["everything is deleted", "delete from audit_log", 1],
  [
    "two rows change places",
    "update audit_log set seq = -2 where seq = 2; update audit_log set seq = 2 where seq = 3; update audit_log set seq = 3 where seq = -2",
    2,
  ],
  ["the time that people search by is changed", "update audit_log set at = at + interval '1 day' where seq = 2", 2],
  ["the actor that people search by is changed", "update audit_log set actor_name = 'mallory' where seq = 2", 2],
  ["the object that people search by is emptied", "update audit_log set object_id = null where seq = 5", 5],
  ["the outcome that people search by is changed", "update audit_log set outcome = 'denied' where seq = 1", 1],
  ["the address that people search by is changed", "update audit_log set address = '198.51.100.1' where seq = 1", 1],
  ["the head points to another hash", "update audit_head set hash = sha256('x')", 5],
  [
    "the tail is cut off and the head set back, with a wrong hash",
    "delete from audit_log where seq >= 4; update audit_head set seq = 3",
    3,
  ],
  ["the head is deleted", "delete from audit_head", 1],
];
for (const [name, statements, first_broken] of tampering) {
  Deno.test(`found at row ${first_broken}: ${name}`, async () => {
    await using database = await testDatabase();
    await write(database, 5);
    assert.ok((await verifyAudit(database.sql)).intact, "intact before");
    await database.sql.unsafe(statements);
    const verdict = await verifyAudit(database.sql);
    assert.ok(!verdict.intact);
    assert.equal(verdict.first_broken, first_broken);
    assert.match(verdict.problem, /\w+ \w+/);
  });
}

const forbidden = [
  "update audit_log set outcome = 'denied'",
  "delete from audit_log",
  "truncate audit_log",
  "update audit_head set seq = 0",
  "delete from audit_head",
  "insert into audit_head (seq, hash) values (0, sha256('x'))",
  "insert into audit_log (seq, at, actor_kind, action, outcome, payload, previous_hash, hash) values (99, app_now(), 'user', 'x.y', 'success', '\\x00', sha256('x'), sha256('y'))",
  "alter table audit_log disable trigger all",
  "create or replace function audit_append(payload bytea) returns bigint language sql as 'select 1'",
];
for (const role of ["web", "fleet"] as const) {
  Deno.test(`the ${role} role may not change what was written`, async () => {
    await using database = await testDatabase();
    for (const statement of forbidden) {
      await assert.rejects(() => database[role].unsafe(statement), /permission denied|must be owner/, statement);
    }
  });
}

Deno.test("a transaction that fails leaves no row and no gap", async () => {
  await using database = await testDatabase();
  await write(database, 1);
  await assert.rejects(() =>
    transaction(database.web, async (tx) => {
      await appendAudit(tx, entry(2), fakeClock());
      throw new Error("the work failed");
    })
  );
  assert.equal(await appendAudit(database.web, entry(2), fakeClock()), 2);
  assert.ok((await verifyAudit(database.sql)).intact);
});

Deno.test("appends at once from both roles never fork the chain", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const numbers = await Promise.all(
    Array.from(
      { length: 60 },
      (_, n) =>
        n % 2
          ? appendAudit(database.web, entry(n), clock)
          : appendAudit(database.fleet, { ...entry(n), actor: { kind: "system" } }, clock),
    ),
  );
  assert.deepEqual(numbers.sort((a, b) => a - b), Array.from({ length: 60 }, (_, n) => n + 1));
  assert.ok((await verifyAudit(database.sql)).intact);
});

Deno.test("a chain longer than one batch is verified to its end", async () => {
  await using database = await testDatabase();
  await database.sql`
    select audit_append(convert_to(json_build_object('time', '2026-11-20T10:00:00.000Z', 'actor', json_build_object('kind', 'system', 'id', null, 'name', null),
      'action', 'x.y', 'outcome', 'success', 'address', null, 'request_id', null, 'object', null, 'n', n)::text, 'UTF8'))
    from generate_series(1, 4500) n`;
  const verdict = await verifyAudit(database.sql);
  assert.deepEqual([verdict.intact, verdict.rows], [true, 4500]);
  await database.sql`update audit_log set payload = payload || ' '::bytea where seq = 4001`;
  const broken = await verifyAudit(database.sql);
  assert.ok(!broken.intact && broken.first_broken === 4001);
});

Deno.test("a payload that is too long is refused by the database itself", async () => {
  await using database = await testDatabase();
  await assert.rejects(
    () => database.web`select audit_append(${new Uint8Array(20_000).fill(32)})`,
    /20000 bytes|JSON/i,
  );
});

Deno.test("a fleet role that was taken over cannot write that a person or nobody did something", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const row = (actor: AuditEntry["actor"]): AuditEntry => ({ actor, action: "auth.login", outcome: "success" });
  for (const kind of ["user", "agent", "anonymous", "SYSTEM"]) {
    const actor = { kind, id: uuidv7(clock), name: "admin" } as AuditEntry["actor"];
    await assert.rejects(() => appendAudit(database.fleet, row(actor), clock), /rows of the system only/, kind);
  }
  await assert.rejects(() => database.fleet`select audit_append(convert_to('{}', 'UTF8'))`, /rows of the system only/);
  assert.equal(await appendAudit(database.fleet, row({ kind: "system", name: "jobs" }), clock), 1);
  assert.equal(await appendAudit(database.web, row({ kind: "user", id: uuidv7(clock), name: "admin" }), clock), 2);
  assert.ok((await verifyAudit(database.sql)).intact);
});

Deno.test("what was ordered, by whom and where is out of the fleet role's reach", async () => {
  await using database = await testDatabase();
  for (
    const change of [
      "patch_jobs set requested_by = requested_by",
      "patch_jobs set reason = ''",
      "patch_jobs set cancelled_at = null",
      "patch_job_hosts set host_id = host_id",
      "patch_job_hosts set deadline_at = deadline_at",
      "patch_job_hosts set cancel_requested_at = null",
      "patch_job_patches set to_version = ''",
      "patch_job_patches set origin = 'ordered'",
      "hosts set address = address",
      "certificates set revoked_at = null",
    ]
  ) {
    await assert.rejects(() => database.fleet.unsafe(`update ${change}`), /permission denied/, change);
  }
  await database.fleet`update patch_jobs set ended_at = ended_at`;
});
