import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { appendAudit } from "../audit/append_audit.ts";
import type { AuditEntry } from "../audit/types.ts";
import { systemClock } from "../clock.ts";
import type { Sql } from "../database/types.ts";
import { auditLog } from "./audit_log.ts";

async function write(sql: Sql, ...entries: Partial<AuditEntry>[]): Promise<void> {
  for (const entry of entries) {
    await appendAudit(
      sql,
      { actor: { kind: "system" }, action: "host.create", outcome: "success", ...entry } as AuditEntry,
      systemClock,
    );
  }
}

Deno.test("newest first, page by page, each row once, also while rows are added", async () => {
  await using database = await testDatabase();
  await write(database.sql, ...Array.from({ length: 25 }, (_, i) => ({ details: { n: i + 1 } })));
  const seen: number[] = [];
  let cursor: string | null = null;
  let added = 0;
  do {
    const page = await auditLog(database.web, { cursor, limit: 10 });
    seen.push(...page.items.map((item) => item.details.n as number));
    assert.equal(page.total, 25 + added);
    cursor = page.next;
    if (cursor === null) break;
    await write(database.sql, { details: { n: 0 } });
    added++;
  } while (added < 10);
  assert.deepEqual(seen, Array.from({ length: 25 }, (_, i) => 25 - i));
});

Deno.test("every filter, alone and together", async () => {
  await using database = await testDatabase();
  await write(
    database.sql,
    { object: { kind: "host", id: "h1", name: "web1" }, actor: { kind: "user", id: "u1", name: "ann" } },
    { action: "auth.login", outcome: "failure", actor: { kind: "anonymous" } },
    { object: { kind: "host", id: "h2" }, actor: { kind: "user", id: "u1", name: "ann" } },
  );
  const seqs = async (query: Parameters<typeof auditLog>[1]) =>
    (await auditLog(database.web, query)).items.map(({ seq }) => seq);
  assert.deepEqual(await seqs({}), [3, 2, 1]);
  assert.deepEqual(await seqs({ action: "host.create" }), [3, 1]);
  assert.deepEqual(await seqs({ outcome: "failure" }), [2]);
  assert.deepEqual(await seqs({ actor_id: "u1" }), [3, 1]);
  assert.deepEqual(await seqs({ actor_id: "u1", object_id: "h1" }), [1]);
  assert.deepEqual(await seqs({ action: "host.create' or true --" }), []);
  const [row] = (await auditLog(database.web, { object_id: "h1" })).items;
  assert.deepEqual([row.object_name, row.actor_name, row.hash.length], ["web1", "ann", 64]);
});

Deno.test("cursors and filters that are none are refused", async () => {
  await using database = await testDatabase();
  for (const query of [{ cursor: "x" }, { cursor: btoa('["jobs","","1"]') }]) {
    await assert.rejects(auditLog(database.web, query), { code: "bad_request" });
  }
  for (
    const query of [{ limit: 0 }, { limit: 501 }, { limit: 1.5 }, { action: "a\u0000" }, { outcome: "x" as never }]
  ) {
    await assert.rejects(auditLog(database.web, query), { code: "validation_failed" });
  }
});

Deno.test("a row whose content was broken is shown with what is left of it", async () => {
  await using database = await testDatabase();
  await write(database.sql, { details: { n: 1 } }, { details: { n: 2 } });
  await database.sql`update audit_log set payload = '\\xff' where seq = 1`;
  await database.sql`update audit_log set payload = convert_to('{"details":[1]}', 'UTF8') where seq = 2`;
  const { items } = await auditLog(database.web);
  assert.deepEqual(items.map(({ action, details }) => [action, details]), [["host.create", {}], ["host.create", {}]]);
});
