import { BlockList, isIP, isIPv4 } from "node:net";

/** A network that was read, or why it is none. */
export type ReadNetwork = { network: string } | { problem: string; hint: string };

/**
 * Reads a network in CIDR form, IPv4 or IPv6; an address alone is a network of one. Nothing is guessed: `10.1`,
 * `010.0.0.0/8` and `10.1.2.3/16` mean different things to different programs, so they are refused with the reason.
 *
 * @returns the canonical form: IPv6 as RFC 5952 writes it, always with a prefix length
 */
export function readNetwork(typed: string): ReadNetwork {
  const text = typed.trim();
  if (text === "") return { problem: "It is empty.", hint: "Write a network such as 10.1.0.0/16 or 2001:db8::/32." };
  const [address, prefix, ...more] = text.split("/");
  if (text.length > 64 || more.length > 0) return noNetwork(text);
  if (address.includes("%")) {
    return {
      problem: "It names an interface (zone), which means something on one machine only.",
      hint: `Leave out what follows the %: ${address.split("%")[0]}.`,
    };
  }
  const family = isIP(address);
  if (family === 0) return noAddress(address, text);
  const value = valueOf(address);
  if (family === 6 && isMapped(value)) {
    return {
      problem: "It is an IPv4 network written as IPv6.",
      hint: `Write the address as IPv4: ${readAddress(address)}.`,
    };
  }
  const bits = family === 4 ? 32 : 128;
  if (prefix !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(prefix) || Number(prefix ?? 0) > bits) {
    return {
      problem: `"/${prefix}" is no prefix length.`,
      hint: `Write a whole number from 0 to ${bits}, without leading zeros.`,
    };
  }
  const length = prefix === undefined ? bits : Number(prefix);
  const free = BigInt(bits - length);
  const first = (value >> free) << free;
  const network = `${written(first, family)}/${length}`;
  if (first !== value) {
    return {
      problem: `It has host bits set: ${written(value, family)} lies inside of ${network}.`,
      hint: `Write ${network} for the network, or ${written(value, family)}/${bits} for this address alone.`,
    };
  }
  return { network };
}

function noNetwork(text: string): ReadNetwork {
  return {
    problem: `"${text.slice(0, 64)}" is no network.`,
    hint: "Write a network such as 10.1.0.0/16 or 2001:db8::/32, one at a time.",
  };
}

function noAddress(address: string, text: string): ReadNetwork {
  if (!/^[0-9.]+$/.test(address)) return noNetwork(text);
  const parts = address.split(".");
  if (parts.some((part) => /^0[0-9]/.test(part))) {
    return {
      problem: `"${address}" has leading zeros, which some programs read as octal.`,
      hint: "Write each number without leading zeros.",
    };
  }
  if (parts.length < 4) {
    return { problem: `"${address}" is not complete.`, hint: "Write all four numbers, such as 10.1.0.0/16." };
  }
  return { problem: `"${address}" is no IPv4 address.`, hint: "Write four numbers from 0 to 255." };
}

/**
 * An address as it is compared and written down: without zone, IPv4 that came in over IPv6 as IPv4, IPv6 as RFC 5952
 * writes it. Null for what is no address.
 */
export function readAddress(text: string): string | null {
  const plain = text.split("%")[0];
  if (isIP(plain) === 0) return null;
  if (isIPv4(plain)) return plain;
  const value = valueOf(plain);
  return isMapped(value) ? written(value & 0xffffffffn, 4) : written(value, 6);
}

/** Networks to look addresses up in. An entry that is no network is refused: it was checked where it came in. */
export class Networks {
  #list = new BlockList();
  readonly size: number;

  /** @param networks as {@link readNetwork} answers them; addresses alone are fine too */
  constructor(networks: readonly string[]) {
    this.size = networks.length;
    for (const text of networks) {
      const read = readNetwork(text);
      if ("problem" in read) throw new TypeError(`${text}: ${read.problem}`);
      const [address, length] = read.network.split("/");
      this.#list.addSubnet(address, Number(length), isIPv4(address) ? "ipv4" : "ipv6");
    }
  }

  /** @param address as {@link readAddress} answers it; null is in no network */
  has(address: string | null): boolean {
    if (address === null || isIP(address) === 0) return false;
    return this.#list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
  }
}

/** ::ffff:0:0/96, RFC 4291, 2.5.5.2. */
function isMapped(value: bigint): boolean {
  return value >> 32n === 0xffffn;
}

/** The number that an address is. For what `isIP` accepts, without zone. */
function valueOf(address: string): bigint {
  if (isIPv4(address)) return address.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const tail = /[0-9.]+$/.exec(address)?.[0] ?? "";
  const text = tail.includes(".") ? address.slice(0, -tail.length) + asGroups(valueOf(tail)) : address;
  const [head, rest] = text.split("::").map((half) => half === "" ? [] : half.split(":"));
  const missing = rest === undefined ? 0 : 8 - head.length - rest.length;
  const groups = [...head, ...Array(missing).fill("0"), ...rest ?? []];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function asGroups(value: bigint): string {
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

function written(value: bigint, family: number): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // The longest run of two or more zeros, the first of equals (RFC 5952, 4.2).
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (groups[end] === "0") end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  if (start < 0) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}
