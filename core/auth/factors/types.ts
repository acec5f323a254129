import { z } from "zod";
import type { Sql } from "../../database/connection.ts";
import type { Sealer } from "../sealer.ts";
import type { AuthMethod } from "../types.ts";

/** What the use cases of this room work with; the web role's services fit. */
export interface Vault {
  sql: Sql;
  sealer: Sealer;
}

/** A passkey as its owner sees it. */
export interface Passkey {
  id: string;
  name: string;
  created_at: Temporal.Instant;
  last_used_at: Temporal.Instant | null;
  /** It found out by itself who holds it, so that it signs in without a password. */
  verifies_user: boolean;
  /** Its maker keeps a copy elsewhere: losing the device does not lose it. */
  backed_up: boolean;
}

/** What somebody proves themselves with, beside the password. */
export interface Factors {
  app: { created_at: Temporal.Instant } | null;
  passkeys: Passkey[];
  /** Of ten; 0 where none were made yet. */
  recovery_codes_left: number;
}

/** What a check of a factor found. */
export type Proof = { ok: true; methods: AuthMethod[] } | { ok: false; reason: string };

/** What is typed as a code: six digits or a recovery code, with whatever spaces. */
export const TypedCode = z.string().min(1, "is empty").max(64, "is longer than 64 characters");

export const PasskeyName = z.string().trim().min(1, "is empty").max(100, "is longer than 100 characters")
  .regex(/^[^\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]*$/u, "holds control characters");

const base64url = (most: number) => z.string().max(most, "is too long").regex(/^[A-Za-z0-9_-]+$/, "is not base64url");
const Extensions = z.record(z.string().max(64), z.unknown());
const Attachment = z.enum(["platform", "cross-platform"]).nullish();

/** What a browser answers to `navigator.credentials.create()`, as JSON (WebAuthn Level 3, 5.1). */
export const Registration = z.strictObject({
  id: base64url(1_400),
  rawId: base64url(1_400),
  type: z.literal("public-key"),
  response: z.strictObject({
    clientDataJSON: base64url(8_000),
    attestationObject: base64url(32_000),
    authenticatorData: base64url(16_000).optional(),
    transports: z.array(z.string().max(32)).max(10).optional(),
    publicKeyAlgorithm: z.int().optional(),
    publicKey: base64url(8_000).optional(),
  }),
  authenticatorAttachment: Attachment,
  clientExtensionResults: Extensions,
});
export type Registration = z.infer<typeof Registration>;

/** What a browser answers to `navigator.credentials.get()`, as JSON. */
export const Assertion = z.strictObject({
  id: base64url(1_400),
  rawId: base64url(1_400),
  type: z.literal("public-key"),
  response: z.strictObject({
    clientDataJSON: base64url(8_000),
    authenticatorData: base64url(16_000),
    signature: base64url(4_000),
    userHandle: base64url(200).nullish(),
  }),
  authenticatorAttachment: Attachment,
  clientExtensionResults: Extensions,
});
export type Assertion = z.infer<typeof Assertion>;
