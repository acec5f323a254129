import assert from "node:assert/strict";
import { fakeClock } from "../../testing/fake_clock.ts";
import { testDatabase } from "../../testing/database.ts";
import { makeAuthority } from "../../testing/tls.ts";
import { x509 } from "../ca/x509.ts";
import type { Sql } from "../database/types.ts";
import { uuidv7 } from "../ids.ts";
import { CRL_RENEWAL_MS, CurrentCrl } from "./current_crl.ts";

async function addCertificate(sql: Sql, serial: string, not_after: Temporal.Instant): Promise<void> {
  await sql`
    insert into certificates (id, kind, serial, fingerprint, subject, pem, not_before, not_after, issued_at)
    values (${uuidv7()}, 'agent', ${serial}, ${serial}, 'CN=test', '', ${
    not_after.subtract({ hours: 2160 })
  }, ${not_after},
      ${not_after})`;
}

const revoke = (sql: Sql, serial: string, at: Temporal.Instant, why: string | null = null) =>
  sql`update certificates set revoked_at = ${at}, revoked_reason = ${why} where serial = ${serial}`;

const serials = (pem: string) => new x509.X509Crl(pem).entries.map((entry) => entry.serialNumber).sort();

Deno.test("the list is built again when a certificate is revoked, and not otherwise", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const { authority } = await makeAuthority(clock);
  const crl = new CurrentCrl(database.web, authority, clock);
  const empty = await crl.current();
  assert.deepEqual(serials(empty.pem), []);
  const far = clock.now().add({ hours: 1000 });
  for (const serial of ["0a", "0b", "0c"]) await addCertificate(database.sql, serial, far);
  assert.equal(await crl.current(), empty, "issuing changes nothing");
  await revoke(database.sql, "0b", clock.now(), "key_compromise");
  const first = await crl.current();
  assert.deepEqual(serials(first.pem), ["0b"]);
  assert.equal(new x509.X509Crl(first.pem).entries[0].reason, x509.X509CrlReason.keyCompromise);
  assert.ok(first.number > empty.number, "also within one tick of the clock");
  assert.equal(await crl.current(), first);
  await revoke(database.sql, "0a", clock.now(), "somebody's own words");
  assert.deepEqual(serials((await crl.current()).pem), ["0a", "0b"]);
});

Deno.test("the list is built again once it is a day old", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const { authority } = await makeAuthority(clock);
  const crl = new CurrentCrl(database.web, authority, clock);
  const first = await crl.current();
  clock.advance({ milliseconds: CRL_RENEWAL_MS - 1 });
  assert.equal(await crl.current(), first);
  clock.advance({ milliseconds: 1 });
  const second = await crl.current();
  assert.ok(second.number > first.number && second.next_update.epochMilliseconds > first.next_update.epochMilliseconds);
});

Deno.test("numbers grow over a restart", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const { authority } = await makeAuthority(clock);
  const before = await new CurrentCrl(database.web, authority, clock).current();
  clock.advance({ seconds: 1 });
  assert.ok((await new CurrentCrl(database.web, authority, clock).current()).number > before.number);
});

Deno.test("a certificate that ended long ago leaves the list; one that just ended stays", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const { authority } = await makeAuthority(clock);
  await addCertificate(database.sql, "01", clock.now().subtract({ hours: 24 * 8 }));
  await addCertificate(database.sql, "02", clock.now().subtract({ hours: 24 * 6 }));
  for (const serial of ["01", "02"]) await revoke(database.sql, serial, clock.now());
  assert.deepEqual(serials((await new CurrentCrl(database.web, authority, clock).current()).pem), ["02"]);
});

Deno.test("callers at the same time share one list; a failure is not kept", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const { authority } = await makeAuthority(clock);
  let fails = true;
  const signer = {
    algorithm: authority.signer.algorithm,
    sign: (tbs: Uint8Array) => fails ? Promise.reject(new Error("no key")) : authority.signer.sign(tbs),
  };
  const crl = new CurrentCrl(database.web, { ...authority, signer }, clock);
  await assert.rejects(crl.current(), /no key/);
  fails = false;
  const lists = await Promise.all(Array.from({ length: 50 }, () => crl.current()));
  assert.equal(new Set(lists).size, 1);
});
