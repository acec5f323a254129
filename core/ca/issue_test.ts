import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { AppError } from "../errors.ts";
import { type Clock, systemClock } from "../clock.ts";
import { openssl, opensslTest } from "../../testing/openssl.ts";
import { daysFromNow, makeAuthority } from "../../testing/tls.ts";
import {
  createRoot,
  issueAgentCertificate,
  issueManagerClientCertificate,
  issueUiCertificate,
  readCertificate,
  splitNames,
} from "./authority.ts";
import { buildCrl, type RevokedCertificate } from "./crl.ts";
import { issueCertificate, randomSerial } from "./issue.ts";
import { generateKeyPair, openSigner } from "./signer.ts";
import { type CertificateOrder, DAY_MS, LEAF_LIFETIME_MS, ROOT_LIFETIME_MS, type Signer } from "./types.ts";
import { x509 } from "./x509.ts";

const root = await makeAuthority();
const { public_key } = await generateKeyPair();
const host = {
  host_id: "018f0000-0000-7000-8000-000000000001",
  dns: ["web-01.example.com"],
  addresses: ["10.1.2.3", "fd00::1"],
};
const fixed: Clock = { now: () => Temporal.Instant.from("2030-06-01T12:00:00.999Z") };

async function csr(name = "CN=web-01"): Promise<string> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "*.evil.example" }]),
      new x509.BasicConstraintsExtension(true, 5, true),
    ],
  });
  return request.toString("pem");
}

Deno.test("an agent's certificate says what our record says, whatever the request asked for", async () => {
  const issued = await issueAgentCertificate(root.authority, host, await csr("CN=manager, O=evil"), systemClock);
  const read = new X509Certificate(issued.certificate_pem);
  assert.equal(read.subject, "CN=web-01.example.com");
  assert.equal(read.subjectAltName, "DNS:web-01.example.com, IP Address:10.1.2.3, IP Address:fd00::1");
  assert.equal(read.ca, false);
  assert.doesNotMatch(issued.certificate_pem, /evil/);
  assert.equal(read.serialNumber.toLowerCase(), issued.serial);
  assert.equal(read.fingerprint256.replaceAll(":", "").toLowerCase(), issued.fingerprint);
});

Deno.test("what was issued reads back the same", async () => {
  const issued = await issueAgentCertificate(root.authority, host, await csr(), systemClock);
  const { der, ...facts } = await readCertificate(issued.certificate_pem);
  const { certificate_pem: _, certificate_der, ...expected } = issued;
  assert.deepEqual(der, certificate_der);
  assert.deepEqual({ ...facts, addresses: [] }, { ...expected, addresses: [] });
  assert.equal(facts.addresses.length, 2);
});

Deno.test("lifetimes: root ten years, leaves 90 days, both begin five minutes ago, whole seconds", async () => {
  const pair = await generateKeyPair();
  const authority = await createRoot(await openSigner(pair.private_key), pair.public_key, fixed);
  const now = Temporal.Instant.from("2030-06-01T12:00:00Z").epochMilliseconds;
  assert.equal(authority.certificate.notAfter.getTime(), now + ROOT_LIFETIME_MS);
  const leaf = await issueManagerClientCertificate(authority, public_key, fixed);
  assert.equal(leaf.not_before.toString(), "2030-06-01T11:55:00Z");
  assert.equal(leaf.not_after.epochMilliseconds, now + LEAF_LIFETIME_MS);
});

Deno.test("a leaf never outlives its root", async () => {
  const late = daysFromNow(ROOT_LIFETIME_MS / DAY_MS - 10);
  const leaf = await issueManagerClientCertificate(root.authority, public_key, late);
  assert.equal(leaf.not_after.epochMilliseconds, root.authority.certificate.notAfter.getTime());
});

Deno.test("a common name that looks like two stays one", async () => {
  const issued = await issueCertificate(
    root.authority,
    { profile: "agent", common_name: "a, O=evil", dns: ["a.example"], addresses: [], public_key },
    systemClock,
  );
  const name = new x509.X509Certificate(issued.certificate_pem).subjectName;
  assert.deepEqual(name.getField("CN"), ["a, O=evil"]);
  assert.deepEqual(name.getField("O"), []);
});

Deno.test("a host whose name is longer than a common name may be is called by its id", async () => {
  const name = `${"a".repeat(60)}.example.com`;
  const issued = await issueAgentCertificate(root.authority, { ...host, dns: [name] }, await csr(), systemClock);
  assert.equal(issued.common_name, host.host_id);
  assert.deepEqual(issued.dns, [name]);
});

const order: CertificateOrder = { profile: "agent", common_name: "a", dns: ["a.example"], addresses: [], public_key };
const refused: { name: string; change: Partial<CertificateOrder>; field: string; clock?: Clock }[] = [
  { name: "a wildcard", change: { dns: ["*.example.com"] }, field: "names" },
  { name: "an address as name", change: { dns: ["10.0.0.1"] }, field: "names" },
  { name: "a name as address", change: { addresses: ["a.example"] }, field: "addresses" },
  { name: "no name at all", change: { dns: [] }, field: "names" },
  { name: "33 names", change: { dns: Array.from({ length: 33 }, (_, i) => `h${i}.example`) }, field: "names" },
  { name: "an empty common name", change: { common_name: "" }, field: "common_name" },
  { name: "65 characters of common name", change: { common_name: "a".repeat(65) }, field: "common_name" },
  { name: "a NUL in the common name", change: { common_name: "a\u0000b" }, field: "common_name" },
  { name: "no key", change: { public_key: new Uint8Array() }, field: "public_key" },
  { name: "host names for the manager", change: { profile: "manager_client" }, field: "names" },
  { name: "an expired root", change: {}, field: "issuer", clock: daysFromNow(3700) },
  { name: "a root of the future", change: {}, field: "issuer", clock: daysFromNow(-1) },
];
for (const { name, change, field, clock = systemClock } of refused) {
  Deno.test(`nothing is issued for ${name}`, async () => {
    const error = await issueCertificate(root.authority, { ...order, ...change }, clock)
      .then(() => assert.fail("issued"), (error) => error);
    assert.ok(error instanceof AppError, String(error?.stack));
    assert.equal(error.details[0].field, field);
    assert.ok(error.hint.length > 0);
  });
}

Deno.test("a leaf issues nothing", async () => {
  const pair = await generateKeyPair();
  const leaf = await issueCertificate(root.authority, { ...order, public_key: pair.public_key }, systemClock);
  const authority = {
    certificate: new x509.X509Certificate(leaf.certificate_pem),
    signer: await openSigner(pair.private_key),
  };
  await assert.rejects(issueCertificate(authority, order, systemClock), /not that of a certificate authority/);
});

Deno.test("the root key stays behind the door: each certificate and list is one call of sign", async () => {
  const pair = await generateKeyPair();
  const inner = await openSigner(pair.private_key);
  let calls = 0;
  const signer: Signer = {
    algorithm: inner.algorithm,
    sign: (tbs) => {
      calls++;
      return inner.sign(tbs);
    },
  };
  const authority = await createRoot(signer, pair.public_key, systemClock);
  await issueManagerClientCertificate(authority, public_key, systemClock);
  await buildCrl(authority, [], 1n, systemClock);
  assert.equal(calls, 3);
  const broken = { ...authority, signer: { ...signer, sign: () => Promise.reject(new Error("the door is shut")) } };
  await assert.rejects(issueManagerClientCertificate(broken, public_key, systemClock), /the door is shut/);
});

Deno.test("serial numbers are 32 digits, positive, and do not repeat", () => {
  const serials = Array.from({ length: 2000 }, randomSerial);
  assert.ok(serials.every((serial) => /^[4-7][0-9a-f]{31}$/.test(serial)));
  assert.equal(new Set(serials).size, serials.length);
});

Deno.test("names and addresses are told apart, once each", () => {
  assert.deepEqual(splitNames(["LOCALHOST", "127.0.0.1", "localhost", "::1", "a.example"]), {
    dns: ["localhost", "a.example"],
    addresses: ["127.0.0.1", "::1"],
  });
});

const listed = (serial: string, ended_days: number): RevokedCertificate => ({
  serial,
  revoked_at: systemClock.now(),
  not_after: daysFromNow(ended_days).now(),
  reason: "key_compromise",
});

Deno.test("a list leaves out what ended more than a list's lifetime ago, and says when the next one comes", async () => {
  const crl = await buildCrl(root.authority, [listed("41", 1), listed("42", -6), listed("43", -8)], 3n, systemClock);
  assert.equal(crl.count, 2);
  const read = new x509.X509Crl(crl.der);
  assert.deepEqual(read.entries.map((entry) => entry.serialNumber), ["41", "42"]);
  assert.equal(crl.next_update.epochMilliseconds - crl.this_update.epochMilliseconds, 7 * DAY_MS);
  await assert.rejects(buildCrl(root.authority, [], -1n, systemClock), RangeError);
});

/** Files for openssl in a folder that goes away. */
async function withFiles(files: Record<string, string>, run: (path: (name: string) => string) => Promise<void>) {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "issue-" });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    await run((name) => `${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

opensslTest("openssl verifies every profile strictly, for its purpose and names only", async () => {
  const agent = await issueAgentCertificate(root.authority, host, await csr(), systemClock);
  const manager = await issueManagerClientCertificate(root.authority, public_key, systemClock);
  const ui = await issueUiCertificate(root.authority, ["localhost", "127.0.0.1", "::1"], public_key, systemClock);
  const other = await makeAuthority();
  const files = {
    "root.crt": root.ca,
    "other.crt": other.ca,
    "agent.crt": agent.certificate_pem,
    "manager.crt": manager.certificate_pem,
    "ui.crt": ui.certificate_pem,
  };
  await withFiles(files, async (path) => {
    const verify = async (ca: string, ...args: string[]) => {
      const leaf = args.pop()!;
      return (await openssl(["verify", "-x509_strict", "-CAfile", path(ca), ...args, path(leaf)])).code === 0;
    };
    const table: [boolean, ...string[]][] = [
      [true, "root.crt", "-purpose", "sslserver", "-verify_hostname", "web-01.example.com", "agent.crt"],
      [true, "root.crt", "-purpose", "sslserver", "-verify_ip", "10.1.2.3", "agent.crt"],
      [true, "root.crt", "-purpose", "sslserver", "-verify_ip", "fd00:0::1", "agent.crt"],
      [false, "root.crt", "-purpose", "sslserver", "-verify_hostname", "web-02.example.com", "agent.crt"],
      [false, "root.crt", "-purpose", "sslserver", "-verify_ip", "10.1.2.4", "agent.crt"],
      [false, "root.crt", "-purpose", "sslclient", "agent.crt"],
      [false, "other.crt", "-purpose", "sslserver", "agent.crt"],
      [true, "root.crt", "-purpose", "sslclient", "manager.crt"],
      [false, "root.crt", "-purpose", "sslserver", "manager.crt"],
      [true, "root.crt", "-purpose", "sslserver", "-verify_hostname", "localhost", "ui.crt"],
      [true, "root.crt", "-purpose", "sslserver", "-verify_ip", "::1", "ui.crt"],
      [false, "root.crt", "-purpose", "sslclient", "ui.crt"],
    ];
    for (const [expected, ca, ...args] of table) assert.equal(await verify(ca, ...args), expected, args.join(" "));
    const text = (await openssl(["x509", "-in", path("root.crt"), "-noout", "-text"])).text;
    assert.match(text, /CA:TRUE, pathlen:0[^]*Certificate Sign, CRL Sign/);
    assert.match(
      (await openssl(["x509", "-in", path("manager.crt"), "-noout", "-text"])).text,
      /URI:urn:linux-patch-manager:manager/,
    );
  });
});

opensslTest("openssl reads the list, and refuses a certificate in it", async () => {
  const bad = await issueManagerClientCertificate(root.authority, public_key, systemClock);
  const good = await issueManagerClientCertificate(root.authority, public_key, systemClock);
  const crl = await buildCrl(root.authority, [listed(bad.serial, 90)], 200n, systemClock);
  const files = {
    "root.crt": root.ca,
    "crl.pem": crl.pem,
    "bad.crt": bad.certificate_pem,
    "good.crt": good.certificate_pem,
  };
  await withFiles(files, async (path) => {
    const shown = await openssl(["crl", "-in", path("crl.pem"), "-CAfile", path("root.crt"), "-noout", "-text"]);
    assert.match(shown.text, /verify OK/);
    assert.match(shown.text, /CRL Number:\s+200/);
    assert.match(shown.text, new RegExp(`Serial Number: ${bad.serial}`, "i"));
    assert.match(shown.text, /Key Compromise/);
    const check = (leaf: string) =>
      openssl([
        "verify",
        "-x509_strict",
        "-crl_check",
        "-CAfile",
        path("root.crt"),
        "-CRLfile",
        path("crl.pem"),
        path(leaf),
      ]);
    assert.equal((await check("good.crt")).code, 0);
    assert.match((await check("bad.crt")).text, /error 23 at 0 depth lookup: certificate revoked/);
  });
});
