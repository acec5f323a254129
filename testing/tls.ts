import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import { createRoot } from "../core/ca/authority.ts";
import { doorCrypto, signingKey } from "../core/ca/door.ts";
import { issueCertificate, randomSerial } from "../core/ca/issue.ts";
import { generateKeyPair, openSigner } from "../core/ca/signer.ts";
import type { Authority, CertificateOrder, IssuedCertificate } from "../core/ca/types.ts";
import { x509 } from "../core/ca/x509.ts";
import { type Clock, systemClock } from "../core/clock.ts";

/** A root made for one test. */
export interface TestAuthority {
  authority: Authority;
  ca: string;
}

/** A certificate with its key, PEM. */
export interface TestPair {
  certificate: string;
  key: string;
  serial: string;
  issued: IssuedCertificate;
}

/** A clock that stands still at the given distance from now, in days; negative is the past. */
export function daysFromNow(days: number): Clock {
  const at = systemClock.now().add({ milliseconds: Math.round(days * 86_400_000) });
  return { now: () => at };
}

export async function makeAuthority(clock: Clock = systemClock): Promise<TestAuthority> {
  const pair = await generateKeyPair();
  const authority = await createRoot(await openSigner(pair.private_key), pair.public_key, clock);
  return { authority, ca: authority.certificate.toString("pem") + "\n" };
}

/** A leaf of any profile, through the real pipeline. */
export async function makeLeaf(
  { authority }: TestAuthority,
  order: Partial<CertificateOrder>,
  clock: Clock = systemClock,
): Promise<TestPair> {
  const { private_key, public_key } = await generateKeyPair();
  const issued = await issueCertificate(authority, {
    profile: "agent",
    common_name: "test",
    dns: [],
    addresses: [],
    ...order,
    public_key,
  }, clock);
  return { certificate: issued.certificate_pem, key: keyPem(private_key), serial: issued.serial, issued };
}

export function makeManager(root: TestAuthority, clock: Clock = systemClock): Promise<TestPair> {
  return makeLeaf(root, { profile: "manager_client", common_name: "Linux Patch Manager" }, clock);
}

/** A certificate of the root with just these extensions, past all checks: what our pipeline never makes. */
export async function makeOdd(
  { authority }: TestAuthority,
  common_name: string,
  extensions: x509.Extension[],
): Promise<{ certificate: string; key: string }> {
  const { private_key, public_key } = await generateKeyPair();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: [{ CN: [common_name] }],
    issuer: authority.certificate.subjectName,
    notBefore: new Date(systemClock.now().epochMilliseconds - 60_000),
    notAfter: new Date(systemClock.now().epochMilliseconds + 86_400_000),
    publicKey: public_key,
    signingKey: signingKey(authority.signer),
    signingAlgorithm: authority.signer.algorithm,
    extensions,
  }, doorCrypto(authority.signer));
  return { certificate: certificate.toString("pem") + "\n", key: keyPem(private_key) };
}

function keyPem(der: Uint8Array<ArrayBuffer>): string {
  return x509.PemConverter.encode(der.buffer, "PRIVATE KEY") + "\n";
}

/** A server on a free port of 127.0.0.1 that stops with its scope, connections included. */
export async function listening<Server extends NetServer>(
  server: Server,
): Promise<{ port: number; server: Server } & AsyncDisposable> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => open.delete(socket));
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => resolve());
  await promise;
  return {
    port: (server.address() as AddressInfo).port,
    server,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((done) => server.close(done));
      for (const socket of open) socket.destroy();
      await ended;
    },
  };
}
