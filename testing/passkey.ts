import { Buffer } from "node:buffer";
import { createHash, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import type { Assertion, Registration } from "../core/auth/factors/types.ts";

/** What an authenticator does otherwise than it should, for tests. */
export interface Deviation {
  origin?: string;
  rp_id?: string;
  challenge?: string;
  /** Signs with a key that was never registered. */
  foreign_key?: boolean;
  /** Somebody touched it. */
  present?: boolean;
  counter?: number;
}

/** A passkey in software: what a browser and an authenticator answer together (WebAuthn Level 3, 6 and 7). */
export interface TestPasskey {
  id: string;
  /** What the database keeps of it. */
  credential: Uint8Array;
  public_key: Uint8Array;
  /** Answers `navigator.credentials.create()`. */
  register(options: { challenge: string }, deviation?: Deviation): Registration;
  /** Answers `navigator.credentials.get()`; its counter goes on with each. */
  answer(options: { challenge: string }, deviation?: Deviation): Assertion;
}

/** @param verifies it finds out by itself who holds it */
export function testPasskey(origin: string, verifies = true): TestPasskey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const credential = randomBytes(32);
  const id = credential.toString("base64url");
  let counter = 0;
  const client = (type: string, challenge: string, deviation: Deviation) =>
    Buffer.from(JSON.stringify({
      type,
      challenge: deviation.challenge ?? challenge,
      origin: deviation.origin ?? origin,
      crossOrigin: false,
    }));
  const flags = (attested: boolean, { present = true }: Deviation) =>
    (present ? 1 : 0) | (verifies ? 4 : 0) | (attested ? 0x40 : 0);
  const head = (attested: boolean, deviation: Deviation) => {
    const bytes = Buffer.alloc(37);
    createHash("sha256").update(deviation.rp_id ?? new URL(origin).hostname).digest().copy(bytes);
    bytes[32] = flags(attested, deviation);
    bytes.writeUInt32BE(deviation.counter ?? counter, 33);
    return bytes;
  };
  const { x, y } = publicKey.export({ format: "jwk" });
  const public_key = coseKey(Buffer.from(x!, "base64url"), Buffer.from(y!, "base64url"));
  return {
    id,
    credential: new Uint8Array(credential),
    public_key: new Uint8Array(public_key),
    register({ challenge }, deviation = {}) {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(credential.length);
      const data = Buffer.concat([
        head(true, deviation),
        Buffer.alloc(16),
        length,
        credential,
        public_key,
      ]);
      return {
        id,
        rawId: id,
        type: "public-key",
        response: {
          clientDataJSON: client("webauthn.create", challenge, deviation).toString("base64url"),
          attestationObject: attestation(data).toString("base64url"),
          transports: ["internal"],
        },
        authenticatorAttachment: "platform",
        clientExtensionResults: {},
      };
    },
    answer({ challenge }, deviation = {}) {
      counter++;
      const data = head(false, deviation);
      const json = client("webauthn.get", challenge, deviation);
      const sign = createSign("sha256").update(data).update(createHash("sha256").update(json).digest());
      return {
        id,
        rawId: id,
        type: "public-key",
        response: {
          clientDataJSON: json.toString("base64url"),
          authenticatorData: data.toString("base64url"),
          signature: sign.sign(deviation.foreign_key ? stranger : privateKey).toString("base64url"),
        },
        authenticatorAttachment: "platform",
        clientExtensionResults: {},
      };
    },
  };
}

/** CBOR of `{ 1: 2, 3: -7, -1: 1, -2: x, -3: y }`: an ES256 key on P-256 (RFC 9053, 7.1.1). */
function coseKey(x: Buffer, y: Buffer): Buffer {
  const bytes32 = [0x58, 0x20];
  return Buffer.from([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, ...bytes32, ...x, 0x22, ...bytes32, ...y]);
}

/** CBOR of `{ fmt: "none", attStmt: {}, authData }` (WebAuthn Level 3, 8.7). */
function attestation(data: Buffer): Buffer {
  const text = (words: string) => [0x60 + words.length, ...Buffer.from(words)];
  const length = [0x59, data.length >> 8, data.length & 0xff];
  return Buffer.from([
    0xa3,
    ...text("fmt"),
    ...text("none"),
    ...text("attStmt"),
    0xa0,
    ...text("authData"),
    ...length,
    ...data,
  ]);
}
