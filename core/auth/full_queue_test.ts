import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { uuidv7 } from "../ids.ts";
import type { Actor } from "../audit/types.ts";
import { orRefused, tellOfFullQueue } from "./full_queue.ts";
import { type Asker, INSIDE, QueueFull } from "./hash_queue.ts";

const REASON = "too many passwords wait to be checked";

function bed(database: TestDatabase) {
  const clock = fakeClock();
  const from = (n: number): Asker => ({ own: `203.0.${n}.9/32`, wide: `203.0.${n}.0/24`, known: false });
  /** Asks for a hash while the queue is full. */
  const refuse = async (asker: Asker, actor: Actor = { kind: "anonymous" }, action = "auth.login") => {
    const context = { actor, address: asker.own?.split("/")[0] ?? null, request_id: null, clock };
    const full = () => Promise.reject(new QueueFull());
    await assert.rejects(orRefused(database.web, asker, { action, details: { known_user: false } }, context, full), {
      code: "too_many_requests",
    });
  };
  const rows = async () =>
    (await database.sql`
      select action, outcome, address, convert_from(payload, 'UTF8')::json -> 'details' as details
      from audit_log order by seq`).map((row) => ({ ...row }));
  return { clock, from, refuse, rows, tell: (all?: boolean) => tellOfFullQueue(database.web, clock, all) };
}

const first = (address: string | null, action = "auth.login") => ({
  ...{ action, outcome: "denied", address },
  details: { known_user: false, reason: REASON },
});
const rest = (address: string | null, more: number, action = "auth.login") => ({
  ...{ action, outcome: "denied", address },
  details: { reason: REASON, more },
});

Deno.test("the first refusal of a network is a row at once, those of the minute after it are one more", async () => {
  await using database = await testDatabase();
  const { clock, from, refuse, rows, tell } = bed(database);
  await Promise.all(Array.from({ length: 40 }, () => refuse(from(1))));
  assert.deepEqual(await rows(), [first("203.0.1.9")], "of many at once too");
  clock.advance({ seconds: 59 });
  assert.equal(await tell(), 0, "its minute is not over");
  await refuse(from(1));
  clock.advance({ seconds: 1 });
  assert.equal(await tell(), 1);
  assert.deepEqual((await rows()).slice(1), [rest("203.0.1.9", 40)]);
  assert.equal(await tell(), 0, "told once");
  await refuse(from(1));
  assert.deepEqual((await rows()).slice(2), [first("203.0.1.9")], "a new minute");
  clock.advance({ minutes: 5 });
  assert.equal(await tell(), 0, "one refusal alone is one row");
});

Deno.test("what was not told before the next minute began is told after it", async () => {
  await using database = await testDatabase();
  const { clock, from, refuse, rows, tell } = bed(database);
  for (let n = 0; n < 3; n++) await refuse(from(1));
  clock.advance({ minutes: 2 });
  await refuse(from(1));
  assert.equal((await rows()).length, 2);
  clock.advance({ minutes: 1 });
  await tell();
  assert.deepEqual((await rows()).slice(2), [rest("203.0.1.9", 2)]);
});

Deno.test("whoever has many networks gets ten rows a minute, and a number for the others", async () => {
  await using database = await testDatabase();
  const { clock, from, refuse, rows, tell } = bed(database);
  for (let n = 0; n < 200; n++) await refuse(from(n));
  for (let n = 0; n < 20; n++) await refuse(from(n));
  assert.equal((await rows()).length, 10);
  clock.advance({ minutes: 1 });
  await refuse(from(250));
  assert.deepEqual((await rows())[10], first("203.0.250.9"), "one whose turn comes has its row");
  assert.equal(await tell(), 11);
  const told = (await rows()).slice(11).map(({ address, details }) => [address, details.more, details.from ?? null]);
  assert.deepEqual(told, [
    ...Array.from({ length: 10 }, (_, n) => [`203.0.${n}.9`, 1, null]),
    [null, 190 + 10, "networks without a row of their own"],
  ]);
});

Deno.test("somebody who is signed in has a row of their own, whatever strangers do", async () => {
  await using database = await testDatabase();
  const { clock, from, refuse, rows, tell } = bed(database);
  for (let n = 0; n < 30; n++) await refuse(from(n));
  const ann: Actor = { kind: "user", id: uuidv7(clock), name: "ann" };
  for (let n = 0; n < 3; n++) await refuse({ ...INSIDE }, ann, "auth.confirm");
  await refuse({ ...INSIDE }, { kind: "user", id: uuidv7(clock), name: "ben" }, "auth.change_password");
  assert.deepEqual(
    (await rows()).slice(10),
    [first(null, "auth.confirm"), first(null, "auth.change_password")].map(
      (row) => ({ ...row, address: "inside" }),
    ),
  );
  // As the process ends, what was not told is.
  assert.equal(await tell(true), 2);
  assert.deepEqual((await rows()).slice(12).map(({ action, details }) => [action, details.more]).sort(), [
    ["auth.confirm", 2],
    ["auth.login", 20],
  ]);
});

Deno.test("while the database is away nothing that was counted is lost", async () => {
  await using database = await testDatabase();
  const { clock, from, refuse, rows, tell } = bed(database);
  for (let n = 0; n < 4; n++) await refuse(from(1));
  clock.advance({ minutes: 1 });
  await database.sql`revoke execute on function audit_append(bytea) from patch_web`;
  await assert.rejects(() => tell());
  await database.sql`grant execute on function audit_append(bytea) to patch_web`;
  assert.equal(await tell(), 1);
  assert.deepEqual((await rows()).slice(1), [rest("203.0.1.9", 3)]);
});

Deno.test("other failures, and work that is done, leave nothing", async () => {
  await using database = await testDatabase();
  const { clock, from, rows, tell } = bed(database);
  const context = { actor: { kind: "anonymous" } as const, address: null, request_id: null, clock };
  const ask = <T>(work: () => Promise<T>) => orRefused(database.web, from(1), { action: "auth.login" }, context, work);
  assert.equal(await ask(() => Promise.resolve(7)), 7);
  await assert.rejects(ask(() => Promise.reject(new Error("broken"))), /broken/);
  assert.deepEqual([await rows(), await tell(true)], [[], 0]);
});
