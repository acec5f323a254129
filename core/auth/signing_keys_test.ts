import assert from "node:assert/strict";
import { createLog } from "../log.ts";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { type FakeClock, fakeClock } from "../../testing/fake_clock.ts";
import { testSealer } from "../../testing/session_scene.ts";
import type { Sealer } from "./sealer.ts";
import { SigningKeys } from "./signing_keys.ts";

const HOUR = { hours: 1 };
const DAY = { hours: 24 };

async function bed(database: TestDatabase) {
  const clock = fakeClock();
  const sealer = await testSealer();
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  const process = (with_sealer: Sealer = sealer) =>
    new SigningKeys({ sql: database.web, sealer: with_sealer, clock, log });
  return { clock, sealer, lines, process };
}

const stored = async (database: TestDatabase) =>
  (await database.sql`select kid, sealed, public_jwk from signing_keys order by signs_until`).map((row) => ({
    ...row,
  }));

Deno.test("ten processes that start at once make one key", async () => {
  await using database = await testDatabase();
  const { process } = await bed(database);
  const kids = await Promise.all(Array.from({ length: 10 }, async () => (await process().signing()).kid));
  assert.equal(new Set(kids).size, 1);
  assert.equal((await stored(database)).length, 1);
});

Deno.test("the private half lies sealed in the database, under its own name", async () => {
  await using database = await testDatabase();
  const { process, sealer } = await bed(database);
  const { kid } = await process().signing();
  const [row] = await stored(database);
  assert.deepEqual(Object.keys(row.public_jwk).sort(), ["crv", "kty", "x"]);
  assert.equal(await sealer.open(row.sealed, "signing-key:another"), null);
  const { d } = JSON.parse(new TextDecoder().decode((await sealer.open(row.sealed, `signing-key:${kid}`))!));
  assert.equal(d.length, 43);
  assert.ok(!JSON.stringify(await database.sql`select k::text from signing_keys k`).includes(d));
});

/** Moves hour by hour, as the hourly care does. */
async function pass(clock: FakeClock, hours: number, look: () => Promise<unknown>) {
  for (let hour = 0; hour < hours; hour++) {
    clock.advance(HOUR);
    await look();
  }
}

Deno.test("a key signs for 90 days; the next is known a day before its turn, the last verifies a day after", async () => {
  await using database = await testDatabase();
  const { clock, process } = await bed(database);
  const [ours, theirs] = [process(), process()];
  const first = (await ours.signing()).kid;
  assert.equal((await theirs.signing()).kid, first);
  clock.advance({ hours: 88 * 24 });
  assert.equal((await ours.signing()).kid, first);
  assert.equal((await stored(database)).length, 1, "not before it is due");
  await pass(clock, 25, () => ours.signing());
  const next = (await stored(database)).map(({ kid }) => kid).find((kid) => kid !== first)!;
  assert.ok(next);
  assert.equal((await ours.signing()).kid, first, "it waits for its turn");
  assert.ok(await theirs.verifying(next), "the other process knows it before it signs");
  clock.advance({ hours: 23 });
  assert.equal((await theirs.signing()).kid, next);
  assert.equal((await ours.signing()).kid, next);
  clock.advance({ hours: 23, minutes: 59 });
  assert.ok(await ours.verifying(first), "what it signed last is good for a day");
  clock.advance({ minutes: 1 });
  assert.equal(await ours.verifying(first), null);
  clock.advance({ hours: 90 * 24 });
  await ours.signing();
  assert.ok(!(await stored(database)).some(({ kid }) => kid === first), "and then it goes");
});

Deno.test("after a year without anybody there is a key at once", async () => {
  await using database = await testDatabase();
  const { clock, process } = await bed(database);
  const keys = process();
  const first = (await keys.signing()).kid;
  clock.advance({ hours: 365 * 24 });
  const { kid, signs_until } = await keys.signing();
  assert.notEqual(kid, first);
  assert.equal(signs_until.epochMilliseconds, clock.now().add({ hours: 90 * 24 }).epochMilliseconds);
});

const unusable: [string, (database: TestDatabase) => Promise<unknown>][] = [
  ["sealed with another key", () => Promise.resolve()],
  ["changed", ({ sql }) => sql`update signing_keys set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)`],
  ["cut off", ({ sql }) => sql`update signing_keys set sealed = substr(sealed, 1, 5)`],
  ["empty", ({ sql }) => sql`update signing_keys set sealed = ''`],
  ["put under another name", ({ sql }) => sql`update signing_keys set kid = ${"A".repeat(43)}`],
];
for (const [name, spoil] of unusable) {
  Deno.test(`a key that is ${name} is left out, said once, and another one made`, async () => {
    await using database = await testDatabase();
    const { clock, lines, process } = await bed(database);
    const { kid } = await process().signing();
    await spoil(database);
    const later = process(name === "sealed with another key" ? await testSealer() : undefined);
    const made = await later.signing();
    assert.notEqual(made.kid, kid);
    assert.equal(await later.verifying(kid), null);
    await pass(clock, 3, () => later.look());
    assert.equal((await later.signing()).kid, made.kid);
    assert.equal(lines.filter((line) => line.includes("signing_key.left_out")).length, 1, lines.join("\n"));
    assert.equal((await stored(database)).length, 2);
  });
}

Deno.test("a key that somebody wrote into the database without our seal signs and verifies nothing", async () => {
  await using database = await testDatabase();
  const { process, sealer } = await bed(database);
  const [row] = [await process().signing()].map(({ kid }) => kid);
  const forged = "B".repeat(43);
  const other = await testSealer();
  const jwk = { kty: "OKP", crv: "Ed25519", x: "C".repeat(43), d: "D".repeat(43) };
  for (const seal of [other, sealer]) {
    await database.sql`delete from signing_keys where kid = ${forged}`;
    await database.sql`
      insert into signing_keys (kid, public_jwk, sealed, created_at, signs_until, verifies_until)
      values (${forged}, ${database.sql.json({ kty: "OKP", crv: "Ed25519", x: jwk.x })},
        ${await seal.seal(new TextEncoder().encode(JSON.stringify(jwk)), `signing-key:${forged}`)},
        app_now(), '2027-01-01', '2027-01-02')`;
    const keys = process();
    assert.equal((await keys.signing()).kid, row);
    assert.equal(await keys.verifying(forged), null);
  }
});

Deno.test("strangers' key ids cost one look at the database in ten seconds", async () => {
  await using database = await testDatabase();
  const { clock, sealer } = await bed(database);
  let looks = 0;
  const counting = new Proxy(database.web, {
    apply: (target, self, args) => (looks++, Reflect.apply(target as never, self, args)),
  });
  const keys = new SigningKeys({ sql: counting, sealer, clock, log: createLog({ write: () => {} }) });
  await keys.look();
  clock.advance({ seconds: 11 });
  looks = 0;
  for (let n = 0; n < 50; n++) assert.equal(await keys.verifying(String(n).padStart(43, "x")), null);
  for (const kid of ["", "x", "' or 1=1", "../../etc/passwd", "A".repeat(10_000)]) {
    assert.equal(await keys.verifying(kid), null);
  }
  assert.equal(looks, 1);
});

Deno.test("a key of another process verifies as soon as somebody comes with it", async () => {
  await using database = await testDatabase();
  const { clock, process } = await bed(database);
  const ours = process();
  await ours.signing();
  clock.advance({ hours: 89 * 24 + 1 });
  const theirs = process();
  await theirs.look();
  const made = (await stored(database)).at(-1)!.kid;
  assert.ok(await ours.verifying(made), "within the hour in which it would have looked anyway");
  clock.advance(DAY);
  assert.equal((await ours.signing()).kid, made);
});
