import assert from "node:assert/strict";
import { clientAddress } from "./client_address.ts";
import { Networks } from "./network.ts";

const trusted = new Networks(["10.0.0.0/24", "2001:db8:1::/64"]);

for (
  const [what, peer, forwarded, expected] of [
    ["no proxy, no header", "203.0.113.5", null, "203.0.113.5"],
    ["a stranger's header is not believed", "203.0.113.5", "10.9.9.9", "203.0.113.5"],
    ["a stranger who claims to be a proxy", "203.0.113.5", "10.9.9.9, 10.0.0.7", "203.0.113.5"],
    ["behind a proxy", "10.0.0.7", "203.0.113.5", "203.0.113.5"],
    ["behind two", "10.0.0.7", "203.0.113.5, 10.0.0.8", "203.0.113.5"],
    ["what the client wrote himself is left of what proxies wrote", "10.0.0.7", "10.9.9.9, 203.0.113.5", "203.0.113.5"],
    ["a client who pretends to be a proxy", "10.0.0.7", "192.0.2.1, 10.0.0.9, 203.0.113.5", "203.0.113.5"],
    ["the proxy's own request", "10.0.0.7", null, "10.0.0.7"],
    ["proxies all the way", "10.0.0.7", "10.0.0.9, 10.0.0.8", "10.0.0.9"],
    ["IPv6 behind IPv4", "10.0.0.7", "2001:DB8::5", "2001:db8::5"],
    ["IPv4 behind IPv6", "2001:db8:1::7", "203.0.113.5", "203.0.113.5"],
    ["IPv4 written as IPv6", "10.0.0.7", "::ffff:203.0.113.5", "203.0.113.5"],
    ["with a port", "10.0.0.7", "203.0.113.5:4711", "203.0.113.5"],
    ["IPv6 with brackets", "10.0.0.7", "[2001:db8::5]", "2001:db8::5"],
    ["IPv6 with brackets and port", "10.0.0.7", "[2001:db8::5]:4711", "2001:db8::5"],
    ["no address", "10.0.0.7", "unknown", null],
    ["half an address", "10.0.0.7", "10.1", null],
    ["nothing", "10.0.0.7", "", null],
    ["nothing at its right end", "10.0.0.7", "203.0.113.5,", null],
    ["a name", "10.0.0.7", "203.0.113.5, _hidden", null],
    ["octal", "10.0.0.7", "0313.0.113.5", null],
    ["garbage that nobody has to read", "10.0.0.7", "<script>, 203.0.113.5", "203.0.113.5"],
    ["more hops than anybody has", "10.0.0.7", Array(12).fill("10.0.0.8").join(","), null],
    ["no connection", null, "203.0.113.5", null],
  ] as [string, string | null, string | null, string | null][]
) {
  Deno.test(`where a request comes from: ${what}`, () => {
    assert.equal(clientAddress(peer, forwarded, trusted), expected);
  });
}
