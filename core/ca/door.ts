import type { Signer } from "./types.ts";

/**
 * The certificate library asks a WebCrypto for everything. This one hands every signature to the signer and the
 * rest (digests, imports of public keys, random bytes) to the runtime, so the library never sees a private key.
 */
export function doorCrypto(signer: Signer): Crypto {
  const subtle = new Proxy(crypto.subtle, {
    get(target, property) {
      if (property === "sign") {
        return (_algorithm: unknown, _key: unknown, data: ArrayBuffer | Uint8Array) =>
          signer.sign(new Uint8Array(data as ArrayBuffer));
      }
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return {
    subtle,
    getRandomValues: crypto.getRandomValues.bind(crypto),
    randomUUID: crypto.randomUUID.bind(crypto),
  } as Crypto;
}

/** What the library reads of a signing key: the name of its algorithm. There is no key in it. */
export function signingKey(signer: Signer): CryptoKey {
  return { algorithm: signer.algorithm, type: "private", extractable: false, usages: ["sign"] } as unknown as CryptoKey;
}

/** Certificates carry no fractions of a second (RFC 5280, 4.1.2.5). */
export function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
