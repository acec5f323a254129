import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { AppError } from "../errors.ts";
import { openssl, opensslTest } from "../../testing/openssl.ts";
import { MAX_CSR_LENGTH, publicKeyProblem, readCsr } from "./csr.ts";
import { x509 } from "./x509.ts";

type KeyAlgorithm = EcKeyGenParams | RsaHashedKeyGenParams | { name: "Ed25519" };

async function request(algorithm: KeyAlgorithm = { name: "ECDSA", namedCurve: "P-256" }, name = "CN=web-01") {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: { name: algorithm.name, hash: "SHA-256" } as EcdsaParams,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "*.evil.example" }])],
  });
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));
  const key_pem = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { pem: csr.toString("pem"), der: new Uint8Array(csr.rawData), spki, key_pem };
}

function armour(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toBase64()}\n-----END CERTIFICATE REQUEST-----\n`;
}

const exponent = Uint8Array.of(1, 0, 1);
const kinds: [string, KeyAlgorithm][] = [
  ["P-256", { name: "ECDSA", namedCurve: "P-256" }],
  ["P-384", { name: "ECDSA", namedCurve: "P-384" }],
  ["Ed25519", { name: "Ed25519" }],
  ["RSA 2048", { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: exponent, hash: "SHA-256" }],
];
for (const [kind, algorithm] of kinds) {
  Deno.test(`a request with a ${kind} key gives its public key and nothing else`, async () => {
    const { pem, spki } = await request(algorithm);
    assert.deepEqual(await readCsr(pem), spki);
    assert.deepEqual(await readCsr(pem.replaceAll("\n", "\r\n") + "\n\n"), spki);
    assert.deepEqual(await readCsr(pem.replaceAll("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")), spki);
  });
}

const good = await request();

function flipped(at: number): Uint8Array {
  const der = good.der.slice();
  der[at < 0 ? der.length + at : at] ^= 1;
  return der;
}
/** Changes the wildcard's first letter inside the signed part. */
function renamed(): Uint8Array {
  const text = new TextDecoder("latin1").decode(good.der);
  return flipped(text.indexOf("*.evil"));
}

const hostile: { name: string; pem: () => string | Promise<string>; words: RegExp }[] = [
  { name: "nothing", pem: () => "", words: /not a certificate request/ },
  { name: "garbage", pem: () => "hello", words: /not a certificate request/ },
  { name: "garbage in armour", pem: () => armour(crypto.getRandomValues(new Uint8Array(300))), words: /damaged/ },
  {
    name: "damaged base64",
    pem: () => good.pem.replace(/[A-Za-z0-9+/]{4}\n/, "=A=\n"),
    words: /damaged|not a certificate/,
  },
  { name: "half a request", pem: () => armour(good.der.slice(0, 100)), words: /damaged/ },
  { name: "more than the longest", pem: () => good.pem + " ".repeat(MAX_CSR_LENGTH), words: /longer than 16384/ },
  { name: "a private key", pem: () => good.key_pem, words: /private key, not a certificate request/ },
  { name: "a private key behind the request", pem: () => good.pem + good.key_pem, words: /private key, not/ },
  {
    name: "an encrypted private key",
    pem: () => good.key_pem.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"),
    words: /private key, not/,
  },
  { name: "two requests", pem: () => good.pem + "\n" + good.pem, words: /not a certificate request/ },
  {
    name: "a certificate",
    pem: () => good.pem.replaceAll("CERTIFICATE REQUEST", "CERTIFICATE"),
    words: /not a certificate request/,
  },
  {
    name: "a flipped bit in the signature",
    pem: () => armour(flipped(-1)),
    words: /signature of the request does not fit/,
  },
  { name: "a changed name", pem: () => armour(renamed()), words: /signature of the request does not fit/ },
  {
    name: "an RSA key of 1024 bits",
    pem: async () =>
      (await request({ name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, publicExponent: exponent, hash: "SHA-256" }))
        .pem,
    words: /1024 bits, which is too short/,
  },
];
for (const { name, pem, words } of hostile) {
  Deno.test(`a request that is ${name} is refused in words`, async () => {
    const text = await pem();
    const error = await readCsr(text).then(() => assert.fail("accepted"), (error) => error);
    assert.ok(error instanceof AppError, String(error?.stack));
    assert.equal(error.code, "validation_failed");
    assert.equal(error.details[0].field, "csr");
    assert.match(error.message, words);
    // Nothing of what was sent may reach a log or an answer.
    const said = JSON.stringify([error.message, error.hint, error.details, String(error.cause ?? "")]);
    for (const line of text.split(/\r?\n/).filter((line) => line.length >= 20 && !line.startsWith("---"))) {
      assert.ok(!said.includes(line.slice(0, 20)));
    }
  });
}

const keys: [string, () => Uint8Array, RegExp][] = [
  ["secp521r1", () => spki(generateKeyPairSync("ec", { namedCurve: "P-521" })), /not accepted/],
  ["X25519", () => spki(generateKeyPairSync("x25519")), /not accepted/],
  ["nothing", () => new Uint8Array(), /not accepted/],
  ["a small exponent", () => spki(generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 })), /exponent/],
];
function spki(pair: { publicKey: { export(options: { type: "spki"; format: "der" }): unknown } }): Uint8Array {
  return new Uint8Array(pair.publicKey.export({ type: "spki", format: "der" }) as Uint8Array);
}
for (const [name, key, words] of keys) {
  Deno.test(`a public key of the kind ${name} is refused`, () => assert.match(publicKeyProblem(key()) ?? "", words));
}

for (const kind of [["ec", "ec_paramgen_curve:secp256k1"], ["ec", "ec_paramgen_curve:P-521"], ["dsa", ""]]) {
  opensslTest(`a request made by openssl with ${kind.join(" ").trim()} is refused`, async () => {
    if (kind[0] === "dsa") return await refuseDsa();
    const made = await openssl([
      "req",
      "-new",
      "-newkey",
      kind[0],
      "-pkeyopt",
      kind[1],
      "-nodes",
      "-keyout",
      "/dev/null",
      "-subj",
      "/CN=a",
    ]);
    await assert.rejects(readCsr(onlyRequest(made.text)), /not accepted/);
  });
}

async function refuseDsa() {
  const parameters = await openssl(["genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024"]);
  const key = await openssl(
    ["genpkey", "-paramfile", "/dev/stdin"],
    parameters.text.slice(parameters.text.indexOf("-----BEGIN")),
  );
  const made = await openssl(
    ["req", "-new", "-key", "/dev/stdin", "-subj", "/CN=a"],
    key.text.slice(key.text.indexOf("-----BEGIN")),
  );
  await assert.rejects(readCsr(onlyRequest(made.text)), /not accepted/);
}

for (const options of [["ed25519"], ["rsa:3072"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]]) {
  opensslTest(`a request made by openssl with ${options.join(" ")} is read`, async () => {
    const made = await openssl([
      "req",
      "-new",
      "-newkey",
      ...options,
      "-nodes",
      "-keyout",
      "/dev/null",
      "-subj",
      "/CN=a, O=evil",
    ]);
    assert.ok((await readCsr(onlyRequest(made.text))).length > 40);
  });
}

function onlyRequest(text: string): string {
  return /-----BEGIN CERTIFICATE REQUEST-----[^]*-----END CERTIFICATE REQUEST-----/.exec(text)![0];
}
