import assert from "node:assert/strict";
import { Networks, readAddress, readNetwork } from "./network.ts";

Deno.test("what is no network is refused with the reason", () => {
  for (
    const [text, problem, hint] of [
      ["", /is empty/, /10\.1\.0\.0\/16/],
      ["   ", /is empty/, /./],
      ["10.1", /not complete/, /all four numbers/],
      ["10.1/16", /not complete/, /all four/],
      ["167772161", /not complete/, /all four/],
      ["0x0a000000/8", /is no network/, /./],
      ["10.01.0.0/16", /leading zeros/, /without leading zeros/],
      ["010.0.0.0/8", /leading zeros/, /without leading zeros/],
      ["10.0.0.256", /is no IPv4 address/, /0 to 255/],
      ["10.0.0.0.0/8", /is no IPv4 address/, /four numbers/],
      [
        "10.1.2.3/16",
        /host bits set: 10\.1\.2\.3 lies inside of 10\.1\.0\.0\/16/,
        /10\.1\.0\.0\/16 .* 10\.1\.2\.3\/32/,
      ],
      ["2001:db8::1/32", /host bits set: 2001:db8::1 lies inside of 2001:db8::\/32/, /2001:db8::1\/128/],
      ["10.0.0.0/08", /no prefix length/, /without leading zeros/],
      ["10.0.0.0/33", /no prefix length/, /0 to 32/],
      ["10.0.0.0/", /no prefix length/, /./],
      ["10.0.0.0/-1", /no prefix length/, /./],
      ["10.0.0.0/8.0", /no prefix length/, /./],
      ["10.0.0.0/255.0.0.0", /no prefix length/, /./],
      ["::/129", /no prefix length/, /0 to 128/],
      ["10.0.0.0/8/8", /is no network/, /./],
      ["10.0.0.0/8, 11.0.0.0/8", /is no network/, /one at a time/],
      ["fe80::1%eth0", /names an interface/, /fe80::1/],
      ["fe80::%1/64", /names an interface/, /./],
      ["::ffff:10.0.0.0/104", /IPv4 network written as IPv6/, /10\.0\.0\.0/],
      ["::ffff:a00:1", /IPv4 network written as IPv6/, /10\.0\.0\.1/],
      ["[2001:db8::]/32", /is no network/, /./],
      ["2001:db8/32", /is no network/, /./],
      ["2001:db8:::/32", /is no network/, /./],
      ["office", /is no network/, /./],
      ["-10.0.0.0/8", /is no network/, /./],
      ["10.0.0.0/8\u0000", /prefix length/, /./],
      ["１０.0.0.0/8", /is no network/, /./],
      ["1".repeat(5_000), /is no network/, /./],
    ] as [string, RegExp, RegExp][]
  ) {
    const read = readNetwork(text);
    assert.ok("problem" in read, text);
    assert.match(read.problem, problem, text);
    assert.match(read.hint, hint, text);
    assert.ok(read.problem.length < 200, "a long line is not repeated whole");
  }
});

Deno.test("what is a network becomes its one canonical form", () => {
  for (
    const [text, network] of [
      ["10.0.0.0/8", "10.0.0.0/8"],
      [" 192.0.2.7 ", "192.0.2.7/32"],
      ["0.0.0.0/0", "0.0.0.0/0"],
      ["::/0", "::/0"],
      ["2001:DB8:0:0:0:0:0:0/32", "2001:db8::/32"],
      ["2001:db8::7", "2001:db8::7/128"],
      ["2001:0db8:0000:0001::/64", "2001:db8:0:1::/64"],
      ["1:0:0:2:0:0:0:3", "1:0:0:2::3/128"],
      ["1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0/128"],
      ["0:0:1:0:0:1:0:0", "::1:0:0:1:0:0/128"],
      ["64:ff9b::192.0.2.1", "64:ff9b::c000:201/128"],
    ]
  ) assert.deepEqual(readNetwork(text), { network }, text);
});

Deno.test("an address is compared in one form, whatever it came in as", () => {
  for (
    const [text, address] of [
      ["10.1.2.3", "10.1.2.3"],
      ["::ffff:10.1.2.3", "10.1.2.3"],
      ["::FFFF:0a01:0203", "10.1.2.3"],
      ["fe80::1%eth0", "fe80::1"],
      ["2001:DB8::0001", "2001:db8::1"],
      ["10.1", null],
      ["10.01.2.3", null],
      ["unknown", null],
      ["", null],
    ] as [string, string | null][]
  ) assert.equal(readAddress(text), address, text);
});

Deno.test("a list with what is no network is refused whole, not in part", () => {
  assert.throws(() => new Networks(["10.0.0.0/8", "10.1.2.3/8"]), /host bits/);
  assert.equal(new Networks([]).has("10.0.0.1"), false);
  assert.equal(new Networks(["0.0.0.0/0"]).has(null), false);
  assert.equal(new Networks(["0.0.0.0/0"]).has("2001:db8::1"), false, "IPv4 for everybody is not IPv6 for everybody");
  assert.equal(new Networks(["10.0.0.0/8"]).has("10.1"), false);
});

/** Bits of an address as a text of 0 and 1, worked out in another way than the product does. */
function bitsOf(groups: number[], width: number): string {
  return groups.map((group) => group.toString(2).padStart(width, "0")).join("");
}

/** The same pseudo-random numbers in every run (mulberry32). */
function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

Deno.test("any network and any address: read and matched as an independent reading of the bits does", () => {
  const seed = 20261121;
  const below = randomNumbers(seed);
  let matched = 0;
  let host_bits = 0;
  for (let round = 0; round < 1_000; round++) {
    const family = below(2) === 0 ? 4 : 6;
    const [count, width] = family === 4 ? [4, 8] : [8, 16];
    const size = count * width;
    const some = (): number[] => Array.from({ length: count }, () => below(4) === 0 ? 0 : below(2 ** width));
    const base = some();
    // An IPv4 address within IPv6 is another matter: it is refused, above.
    if (family === 6 && base[0] === 0) base[0] = 0x2001;
    const prefix = below(size + 1);
    const write = (groups: number[]) =>
      family === 4 ? groups.join(".") : groups.map((group) => group.toString(16)).join(":");
    const bits = bitsOf(base, width);
    const clean = !bits.slice(prefix).includes("1");
    const read = readNetwork(`${write(base)}/${prefix}`);
    assert.equal("network" in read, clean, `seed ${seed}: ${write(base)}/${prefix}`);
    if (!clean) {
      host_bits++;
      // The hint names a network that is one, and holds the address.
      assert.ok("hint" in read);
      const meant = /Write (\S+) for the network/.exec(read.hint)![1];
      assert.deepEqual(readNetwork(meant), { network: meant });
      assert.ok(new Networks([meant]).has(readAddress(write(base))), meant);
    }
    const kept = bits.slice(0, prefix).padEnd(size, "0");
    const first = Array.from({ length: count }, (_, i) => parseInt(kept.slice(i * width, (i + 1) * width), 2));
    if (family === 6 && first.slice(0, 5).every((group) => group === 0) && first[5] === 0xffff) continue;
    const networks = new Networks([`${write(first)}/${prefix}`]);
    // Half of the addresses share the network's bits but for one near the edge, where mistakes live.
    for (let i = 0; i < 6; i++) {
      let other = bitsOf(some(), width);
      if (i % 2 === 0) {
        const flip = Math.min(size - 1, Math.max(0, prefix - 1 + below(3)));
        other = bits.slice(0, flip) + (bits[flip] === "0" ? "1" : "0") + other.slice(flip + 1);
      }
      const groups = Array.from({ length: count }, (_, k) => parseInt(other.slice(k * width, (k + 1) * width), 2));
      const expected = other.slice(0, prefix) === bits.slice(0, prefix);
      const address = readAddress(write(groups));
      if (family === 6 && address?.includes(".")) continue;
      if (expected) matched++;
      assert.equal(networks.has(address), expected, `seed ${seed}: ${write(groups)} in ${write(first)}/${prefix}`);
      if (family === 4) assert.equal(networks.has(readAddress(`::ffff:${write(groups)}`)), expected);
    }
  }
  assert.ok(
    matched > 500 && host_bits > 200,
    `the run met both sides: ${matched} inside, ${host_bits} with host bits`,
  );
});

Deno.test("noise never throws", () => {
  const below = randomNumbers(7);
  const letters = "0123456789abcdef.:/% -xX\u0000é";
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: below(24) }, () => letters[below(letters.length)]).join("");
    const read = readNetwork(text);
    if ("network" in read) assert.deepEqual(readNetwork(read.network), { network: read.network }, text);
    readAddress(text);
  }
});
