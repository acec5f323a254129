import { verify } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "./canonical_json.ts";
import type { PublicKeys, StatementSigner } from "./signing_key.ts";

const Hash = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * What the manager signs about its audit log. A checkpoint says: at this time the row `seq` had this hash. A retention
 * marker says: the rows up to `seq`, the last with this hash, were removed by age.
 */
export const SignedStatement = z.object({
  kind: z.enum(["checkpoint", "retention"]),
  seq: z.number().int().nonnegative(),
  hash: Hash,
  /** RFC 3339 with milliseconds and Z. */
  at: z.string().max(40),
  /** Of the public key: the first 16 hexadecimal digits of SHA-256 over its SubjectPublicKeyInfo. */
  key_id: z.string().max(64),
  /** Ed25519, base64. */
  signature: z.string().max(200),
});
export type SignedStatement = z.infer<typeof SignedStatement>;
export type Statement = Omit<SignedStatement, "key_id" | "signature">;

/** Version 1 is frozen with its first use: a name that no other signature of ours has, a zero byte, canonical JSON. */
function statementBytes({ kind, seq, hash, at, key_id }: Omit<SignedStatement, "signature">): Uint8Array {
  return new TextEncoder().encode(
    `patch-manager/audit/statement/v1\u0000${canonicalJson({ kind, seq, hash, at, key_id })}`,
  );
}

/** Signs a statement with the key of the moment. */
export function signStatement(signer: StatementSigner, statement: Statement): SignedStatement {
  const { kind, seq, hash, at } = statement;
  const full = { kind, seq, hash, at, key_id: signer.key_id };
  return { ...full, signature: signer.sign(statementBytes(full)).toBase64() };
}

/** Whether a statement is ours. `unknown_key`: its key is not among those known here, so nothing can be said. */
export function judgeStatement(keys: PublicKeys, signed: SignedStatement): "ours" | "forged" | "unknown_key" {
  const key = keys.get(signed.key_id);
  if (key === undefined) return "unknown_key";
  try {
    return verify(null, statementBytes(signed), key, Uint8Array.fromBase64(signed.signature)) ? "ours" : "forged";
  } catch {
    return "forged";
  }
}
