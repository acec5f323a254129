import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { x509 } from "../core/ca/x509.ts";
import { systemClock } from "../core/clock.ts";
import { daysFromNow, makeAuthority, makeLeaf, makeManager, makeOdd } from "../testing/tls.ts";
import { createPeerCheck, MANAGER_IDENTITY, type PeerProblem, peerProblem } from "./peer.ts";

// What the runtime refuses by itself never reaches the check in a real handshake, but it does in a resumed one
// (resumption_test.ts). Here a socket is only what the check reads of it.

const root = await makeAuthority(daysFromNow(-200));
const manager = await makeManager(root);
const purpose = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]);
const named = (type: "url" | "dns", value: string) => new x509.SubjectAlternativeNameExtension([{ type, value }]);

function socket(certificate: string | null, { authorized = true, protocol = "TLSv1.3" } = {}): TLSSocket {
  const raw = certificate === null ? undefined : new X509Certificate(certificate).raw;
  return { authorized, getProtocol: () => protocol, getPeerCertificate: () => ({ raw }) } as unknown as TLSSocket;
}

const check = (revoked = new Set<string>()) =>
  createPeerCheck({ ca: root.ca, identity: MANAGER_IDENTITY, revoked, clock: systemClock });

const cases: { name: string; socket: () => Promise<TLSSocket> | TLSSocket; problem: PeerProblem | null }[] = [
  { name: "the manager", socket: () => socket(manager.certificate), problem: null },
  {
    name: "a session that was not authorized",
    socket: () => socket(manager.certificate, { authorized: false }),
    problem: "not_authorized",
  },
  { name: "TLS 1.2", socket: () => socket(manager.certificate, { protocol: "TLSv1.2" }), problem: "old_protocol" },
  { name: "no certificate", socket: () => socket(null), problem: "no_certificate" },
  {
    name: "a manager of another root with the same name",
    socket: async () => socket((await makeManager(await makeAuthority())).certificate),
    problem: "untrusted_issuer",
  },
  { name: "the root itself", socket: () => socket(root.ca), problem: "untrusted_issuer" },
  {
    name: "a host of the same root",
    socket: async () => socket((await makeLeaf(root, { dns: ["a.example"] })).certificate),
    problem: "wrong_purpose",
  },
  {
    name: "no purpose at all",
    socket: async () => socket((await makeOdd(root, "a", [named("url", MANAGER_IDENTITY)])).certificate),
    problem: "wrong_purpose",
  },
  {
    name: "a client without names",
    socket: async () => socket((await makeOdd(root, MANAGER_IDENTITY, [purpose])).certificate),
    problem: "wrong_identity",
  },
  {
    name: "a longer identity",
    socket: async () =>
      socket((await makeOdd(root, "a", [purpose, named("url", MANAGER_IDENTITY + ":x")])).certificate),
    problem: "wrong_identity",
  },
  {
    name: "the identity inside of a DNS name",
    socket: async () =>
      socket((await makeOdd(root, "a", [purpose, named("dns", `a, URI:${MANAGER_IDENTITY}`)])).certificate),
    problem: "wrong_identity",
  },
  {
    name: "an expired manager",
    socket: async () => socket((await makeManager(root, daysFromNow(-91))).certificate),
    problem: "expired",
  },
  {
    name: "a manager of the future",
    socket: async () => socket((await makeManager(root, daysFromNow(1))).certificate),
    problem: "not_yet_valid",
  },
];
for (const { name, socket, problem } of cases) {
  Deno.test(`the peer check on ${name}: ${problem ?? "passed"}`, async () => {
    const peer = await socket();
    const checking = check();
    assert.equal(peerProblem(peer, checking), problem);
    // The second answer comes from memory and is the same.
    assert.equal(peerProblem(peer, checking), problem);
  });
}

Deno.test("revocation is asked every time, also for a certificate that is remembered", () => {
  const revoked = new Set<string>();
  const checking = check(revoked);
  assert.equal(peerProblem(socket(manager.certificate), checking), null);
  revoked.add(manager.serial);
  assert.equal(peerProblem(socket(manager.certificate), checking), "revoked");
});

Deno.test("a peer that shows many certificates does not fill the memory", async () => {
  const checking = check();
  for (let i = 0; i < 70; i++) {
    const { certificate } = await makeOdd(root, `n${i}`, [purpose]);
    assert.equal(peerProblem(socket(certificate), checking), "wrong_identity");
  }
  assert.equal(checking.seen.size, 64);
  assert.equal(peerProblem(socket(manager.certificate), checking), null);
});

Deno.test("a check is not made for what is no root", () => {
  assert.throws(() => createPeerCheck({ ...check(), ca: "hello" }));
});
