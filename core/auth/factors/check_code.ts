import type { Clock } from "../../clock.ts";
import type { Db } from "../../database/connection.ts";
import { sha256 } from "../../ids.ts";
import type { Sealer } from "../sealer.ts";
import { canonicalCode, canonicalRecoveryCode } from "./rules.ts";
import { findTotp, takeRecoveryCode, takeStep } from "./store.ts";
import { matchingStep } from "./totp.ts";
import type { Proof } from "./types.ts";

/** What a user's secret is sealed for: copied to another user it opens nothing. */
export function totpPurpose(user_id: string): string {
  return `totp:${user_id}`;
}

/** Takes the code of a user's app. Each step's code is taken once; of two requests with the same one wins. */
export async function takeCode(db: Db, sealer: Sealer, user_id: string, typed: string, clock: Clock): Promise<Proof> {
  const code = canonicalCode(typed);
  if (code === null) return { ok: false, reason: "not six digits" };
  const stored = await findTotp(db, user_id);
  if (!stored) return { ok: false, reason: "no app is set up" };
  const secret = await sealer.open(stored.sealed, totpPurpose(user_id));
  // The key beside the manager was lost or replaced: the owner sets the app up anew, with a recovery code or an admin.
  if (!secret) return { ok: false, reason: "the secret cannot be opened with this installation's key" };
  const text = new TextDecoder().decode(secret);
  const now = clock.now();
  const step = matchingStep(text, code, now, stored.last_step);
  if (step === null) {
    const used = matchingStep(text, code, now, -1) !== null;
    return { ok: false, reason: used ? "code used before" : "wrong code" };
  }
  if (!await takeStep(db, user_id, step)) return { ok: false, reason: "code used before" };
  return { ok: true, methods: ["otp"] };
}

/** Takes one of a user's recovery codes, once. */
export async function takeRecovery(db: Db, user_id: string, typed: string, clock: Clock): Promise<Proof> {
  const code = canonicalRecoveryCode(typed);
  if (code === null) return { ok: false, reason: "not a recovery code" };
  const taken = await takeRecoveryCode(db, user_id, await sha256(code), clock.now());
  return taken ? { ok: true, methods: ["rc"] } : { ok: false, reason: "wrong or used recovery code" };
}
