import { z } from "zod";
import { networkText } from "../access/types.ts";
import { scopes } from "./scopes.ts";

/** An API token lives for at least and at most so many days. */
export const SHORTEST_DAYS = 1;
export const LONGEST_DAYS = 366;
/** Tokens that one user can have at a time. */
export const MOST_TOKENS = 50;

/** What every API token begins with, so that scanners for secrets know it when it lies around. */
export const TOKEN_PREFIX = "lpm_";
/** An API token: the prefix, then 256 bits as base64url. */
export const TOKEN_FORM = /^lpm_[A-Za-z0-9_-]{43}$/;

/** What somebody wants of a new token. */
export const TokenRequest = z.strictObject({
  name: z.string().trim().min(1, "is empty").max(100, "is longer than 100 characters")
    .regex(/^[^\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]*$/u, "holds control characters"),
  scopes: z.array(z.enum(scopes, "is none of the scopes")).min(1, "needs at least one scope").max(scopes.length),
  /** Only hosts in one of these groups; absent or null: all that its maker may see. */
  group_ids: z.array(z.uuid("is no id of a group")).min(1, "is empty; leave it out for all hosts").max(100).nullish(),
  /** Only from these networks; absent or null: from anywhere that may come in. */
  networks: z.array(networkText).min(1, "is empty; leave it out for all addresses").max(100).nullish(),
  expires_in_days: z.int(`is not a whole number from ${SHORTEST_DAYS} to ${LONGEST_DAYS}`)
    .min(SHORTEST_DAYS, `is less than ${SHORTEST_DAYS} day`).max(LONGEST_DAYS, `is more than ${LONGEST_DAYS} days`),
});
export type TokenRequest = z.output<typeof TokenRequest>;

/** A token that was just made. `token` is in this answer only. */
export interface MadeToken {
  id: string;
  token: string;
  expires_at: Temporal.Instant;
}

/** Why a token was refused: for the audit log and for its owner, never for whoever sent it. */
export type TokenRefusal = "unknown" | "expired" | "revoked" | "foreign_address" | "maker_disabled";
