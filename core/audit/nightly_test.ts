import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { testFolder } from "../../testing/test_folder.ts";
import { createLog } from "../log.ts";
import { appendAudit } from "./append_audit.ts";
import { AuditDesk } from "./audit_desk.ts";
import { careAtNight, lastDue } from "./nightly.ts";
import { signCheckpoints } from "./sign_checkpoints.ts";
import { openSigningKey } from "./signing_key.ts";
import { lastVerifications } from "./verifications.ts";

Deno.test("the night's verification is due at 02:00 UTC", () => {
  for (
    const [now, due] of [
      ["2026-11-20T01:59:59Z", "2026-11-19T02:00:00Z"],
      ["2026-11-20T02:00:00Z", "2026-11-20T02:00:00Z"],
      ["2026-11-20T23:00:00Z", "2026-11-20T02:00:00Z"],
      ["2026-03-01T00:00:00Z", "2026-02-28T02:00:00Z"],
    ]
  ) assert.equal(lastDue(Temporal.Instant.from(now)).toString(), due, now);
});

async function made() {
  const stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const { path } = stack.use(await testFolder("night-"));
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  const { signer, keys } = await openSigningKey(path);
  const desk = new AuditDesk(database.web, { signer, keys, folder: `${path}/audit` }, log);
  stack.defer(() => desk.stop());
  // The rows are older than the database's own 180 days; the night is that of the clock.
  const clock = fakeClock("2020-01-10T10:00:00Z");
  for (let n = 0; n < 3; n++) {
    await appendAudit(
      database.web,
      { actor: { kind: "user", name: "alice" }, action: "a.b", outcome: "success" },
      clock,
    );
  }
  await signCheckpoints(database.web, desk.proof, clock, log);
  clock.set("2020-11-20T03:00:00Z");
  await database.setNow(clock.now());
  const care = () => careAtNight(database.web, desk, clock, log);
  return { database, desk, clock, care, lines, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("once a night: verified, then old rows go, and what is left is intact", async () => {
  await using bed = await made();
  assert.equal(await bed.care(), true, "a missed night is made up for");
  const [run] = await lastVerifications(bed.database.web);
  assert.deepEqual([run.cause, run.state, run.asked_by], ["nightly", "intact", "nightly verification"]);
  const rows = await bed.database.sql`select action, actor_kind from audit_log order by seq`;
  assert.deepEqual(rows.map((row) => ({ ...row })), [
    { action: "audit.verify", actor_kind: "system" },
    { action: "audit.prune", actor_kind: "system" },
  ]);
  const events = bed.lines.map((line) => JSON.parse(line).event);
  assert.ok(events.includes("audit.verified") && events.includes("audit.pruned"));
  assert.equal(await bed.care(), false, "done for this night");
  bed.clock.advance({ hours: 24 });
  await bed.database.setNow(bed.clock.now());
  assert.equal(await bed.care(), true);
  const [next] = await lastVerifications(bed.database.web);
  assert.ok(next.verdict?.intact && next.verdict.first === 4);
});

Deno.test("of a broken log nothing is removed, and the log line says which row it is", async () => {
  await using bed = await made();
  await bed.database.sql`update audit_log set outcome = 'denied' where seq = 2`;
  assert.equal(await bed.care(), true);
  const [run] = await lastVerifications(bed.database.web);
  assert.deepEqual([run.state, run.verdict?.intact === false && run.verdict.first_broken], ["broken", 2]);
  assert.equal((await bed.database.sql`select from audit_log where seq <= 3`).length, 3);
  const said = bed.lines.map((line) => JSON.parse(line)).find(({ event }) => event === "audit.broken");
  assert.match(said.message, /^The audit log is broken at row 2: /);
  assert.equal(said.level, "error");
});
