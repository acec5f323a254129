import { isIP } from "node:net";
import { dnsNameProblem } from "../ca/rules.ts";

/** What a person wrote for a host. */
export type HostAddress =
  | { kind: "name"; name: string }
  | { kind: "address"; address: string }
  | { kind: "problem"; problem: string; hint: string };

const HINT = "Give a DNS name like web1.example.org, or an IPv4 or IPv6 address, without scheme and port.";

/**
 * Reads a name or an IP address and answers it in the one form that is stored: names in lower case without the
 * last dot, IPv4 as four decimal numbers, IPv6 as RFC 5952 says, IPv4 mapped into IPv6 as IPv4. So that the same
 * host cannot be registered twice in two spellings.
 */
export function readHostAddress(text: string): HostAddress {
  const value = text.trim();
  if (value === "") return problem("There is no name or address.");
  if (value.includes("://")) return problem("This is a URL, not a name or address.");
  if (/\s/.test(value)) return problem("There is a space inside the name or address.");
  const bare = value.startsWith("[") && value.endsWith("]") ? value.slice(1, -1) : value;
  if (isIP(bare) !== 0) return readAddress(bare);
  if (/^[0-9.]+$/.test(value)) return problem("This looks like an IPv4 address, but is none.");
  if (/^[^:]+:\d+$/.test(value)) return problem("The port does not belong into the name.");
  if (value.includes(":")) return problem("This looks like an IPv6 address, but is none.");
  // deno-lint-ignore no-control-regex
  if (/[^\u0000-\u007f]/.test(value)) {
    return problem("The name has characters outside ASCII.", "Give its xn-- form, as the DNS has it.");
  }
  const name = value.toLowerCase().replace(/\.$/, "");
  const wrong = dnsNameProblem(name);
  return wrong ? problem(`This is not a DNS name: ${wrong}.`) : { kind: "name", name };
}

function readAddress(text: string): HostAddress {
  if (text.includes("%")) {
    return problem("An address with a zone is only valid on one machine.", "Give an address that is valid everywhere.");
  }
  const address = canonicalAddress(text);
  if (address === "0.0.0.0" || address === "::") return problem("This address means no machine at all.");
  if (/^(22[4-9]|23\d)\./.test(address) || address.startsWith("ff")) return problem("This is a multicast address.");
  if (/^(24\d|25[0-5])\./.test(address)) return problem("This address is reserved, or for all machines at once.");
  return { kind: "address", address };
}

/**
 * The one form of an address that `isIP` accepts.
 * @throws TypeError for anything else.
 */
export function canonicalAddress(text: string): string {
  if (isIP(text) === 4) return text;
  const host = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (!mapped) return host;
  const [high, low] = [parseInt(mapped[1], 16), parseInt(mapped[2], 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

function problem(words: string, hint = HINT): HostAddress {
  return { kind: "problem", problem: words, hint };
}
