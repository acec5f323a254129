import { z } from "@hono/zod-openapi";
import { Instant } from "./api_app.ts";
import { Session } from "./session_body.ts";

/** A passkey as its owner sees it. */
export const PasskeyAnswer = z.object({
  id: z.string(),
  name: z.string(),
  created_at: Instant,
  last_used_at: Instant.nullable(),
  verifies_user: z.boolean().openapi({ description: "It finds out who holds it: it signs in without a password." }),
  backed_up: z.boolean().openapi({ description: "A copy lies elsewhere, with its maker." }),
}).openapi("Passkey");

/** What somebody proves themselves with, beside the password. */
export const FactorsAnswer = z.object({
  app: z.object({ created_at: Instant }).nullable(),
  passkeys: z.array(PasskeyAnswer),
  recovery_codes_left: z.int(),
}).openapi("Factors");

/** A secret that is being set up. */
export const TotpSetupAnswer = z.object({
  secret: z.string().openapi({ description: "Base 32; SHA-1, six digits, 30 seconds." }),
  uri: z.string().openapi({ description: "The same for a QR code.", example: "otpauth://totp/…" }),
  setup: z.string().openapi({ description: "Send it back with the first code." }),
  expires_at: Instant,
}).openapi("TotpSetup");

/** A factor was set up. */
export const EnrolledAnswer = z.object({
  recovery_codes: z.array(z.string()).nullable().openapi({
    description: "With the first factor, shown once; null when there are some already.",
  }),
  session: Session.nullable().openapi({
    description: "In the place of the one that only let a factor be set up; null when the present one goes on.",
  }),
}).openapi("FactorEnrolled");

/** What the browser hands to `navigator.credentials`; the members are WebAuthn's own. */
export const PasskeyOptions = z.looseObject({
  challenge: z.string(),
  timeout: z.int().optional(),
}).openapi("PasskeyOptions");

/** It is gone, and with it what it stood behind. */
export const Removed = z.object({ removed: z.literal(true), ended_sessions: z.int(), ended_tokens: z.int() });
