import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { networksOf } from "./networks.ts";

const unknown = [null, "", "localhost", "10.1", "1.2.3.4/8", "fe80::%", "1.2.3.256", "12345::"];
for (const address of unknown) {
  Deno.test(`no network of ${address}`, () => assert.deepEqual(networksOf(address), { own: null, wide: null }));
}

const known: [address: string, own: string, wide: string][] = [
  ["192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"],
  ["0.0.0.0", "0.0.0.0/32", "0.0.0.0/24"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64", "2001:db8:1::/48"],
  ["2001:DB8::1", "2001:db8:0:0::/64", "2001:db8:0::/48"],
  ["::1", "0:0:0:0::/64", "0:0:0::/48"],
  ["::", "0:0:0:0::/64", "0:0:0::/48"],
  ["fe80::1%eth0", "fe80:0:0:0::/64", "fe80:0:0::/48"],
  ["1::8", "1:0:0:0::/64", "1:0:0::/48"],
  ["64:ff9b::192.0.2.33", "64:ff9b:0:0::/64", "64:ff9b:0::/48"],
  ["1:2:3:4:5:6:192.0.2.33", "1:2:3:4::/64", "1:2:3::/48"],
];
for (const [address, own, wide] of known) {
  Deno.test(`networks of ${address}`, () => assert.deepEqual(networksOf(address), { own, wide }));
}

Deno.test("the database takes every one of them as a network that holds the address", async () => {
  await using database = await testDatabase();
  for (const [address, own, wide] of known) {
    const [row] = await database.sql`
      select ${
      address.split("%")[0]
    }::inet <<= ${own}::text::cidr as own, ${own}::text::cidr <<= ${wide}::text::cidr as wide`;
    assert.deepEqual({ ...row }, { own: true, wide: true }, address);
  }
});
