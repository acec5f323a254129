import type { Signer } from "./types.ts";

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;

/** A door to a P-256 key in this process. The key need not be extractable. */
export function createSigner(key: CryptoKey): Signer {
  const algorithm = { ...P256, hash: "SHA-256" };
  return {
    algorithm,
    sign: async (tbs) => new Uint8Array(await crypto.subtle.sign(algorithm, key, new Uint8Array(tbs))),
  };
}

/** A new P-256 pair: the private half as PKCS #8 and the public half as SubjectPublicKeyInfo, both DER. */
export async function generateKeyPair(): Promise<
  { private_key: Uint8Array<ArrayBuffer>; public_key: Uint8Array<ArrayBuffer> }
> {
  const pair = await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  return {
    private_key: new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)),
    public_key: new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey)),
  };
}

/** Opens the door to a PKCS #8 key, which cannot be taken out of the runtime again. Throws on any other key. */
export async function openSigner(private_key: Uint8Array<ArrayBuffer>): Promise<Signer> {
  return createSigner(await crypto.subtle.importKey("pkcs8", private_key, P256, false, ["sign"]));
}
