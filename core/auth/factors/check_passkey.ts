import { verifyAuthenticationResponse } from "@simplewebauthn/server";
import type { Clock } from "../../clock.ts";
import type { Db } from "../../database/connection.ts";
import { reason as wordsOf } from "../../errors.ts";
import { sha256 } from "../../ids.ts";
import type { AuthMethod } from "../types.ts";
import type { RelyingParty } from "./relying_party.ts";
import { findCredential, notePasskeyUse, type Question, type StoredPasskey, takeChallenge } from "./store.ts";
import type { Assertion } from "./types.ts";

/** What a passkey's answer was worth. `passkey` is known as soon as the answer names one of ours. */
export type PasskeyProof =
  | { ok: true; passkey: StoredPasskey; methods: AuthMethod[] }
  | { ok: false; passkey: StoredPasskey | null; reason: string };

/**
 * Checks what a passkey answered: the question is ours, still open and of this very purpose, user and session, the site
 * is ours, the signature holds, and the counter went on. Whatever comes of it, the question is used up.
 *
 * @param alone it stands for the password as well, so it must have found out by itself who holds it
 */
export async function checkPasskey(
  db: Db,
  answer: Assertion,
  question: Question,
  party: RelyingParty,
  alone: boolean,
  clock: Clock,
): Promise<PasskeyProof> {
  const passkey = await findCredential(db, Uint8Array.fromBase64(answer.id, { alphabet: "base64url" }));
  const refuse = (reason: string): PasskeyProof => ({ ok: false, passkey, reason });
  const asked = await takeAnswered(db, answer.response.clientDataJSON, question, clock);
  if (asked === null) return refuse("the question was not asked here, was answered, or is too old");
  if (!passkey) return refuse("unknown passkey");
  if (question.user_id !== null && passkey.user_id !== question.user_id) return refuse("another user's passkey");
  try {
    const { verified, authenticationInfo: found } = await verifyAuthenticationResponse({
      response: { ...answer, authenticatorAttachment: answer.authenticatorAttachment ?? undefined } as never,
      expectedChallenge: asked,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: alone,
      // With 0 the library leaves the counter to us: it would judge it before the signature, where anybody could lie.
      credential: { id: answer.id, publicKey: new Uint8Array(passkey.public_key), counter: 0 },
    });
    if (!verified) return refuse("the signature does not hold");
    const noted = await notePasskeyUse(db, passkey.id, {
      sign_count: found.newCounter,
      backed_up: found.credentialBackedUp,
      verifies_user: found.userVerified,
      at: clock.now(),
    });
    if (!noted) return refuse(`its counter went back from ${passkey.sign_count} to ${found.newCounter}: a copy exists`);
    const kind: AuthMethod = found.credentialDeviceType === "singleDevice" ? "hwk" : "swk";
    return { ok: true, passkey, methods: found.userVerified ? [kind, "user"] : [kind] };
  } catch (thrown) {
    return refuse(wordsOf(thrown).slice(0, 300));
  }
}

/** The challenge that was answered, when it is open and of this question; it is used up with that. */
export async function takeAnswered(
  db: Db,
  clientDataJSON: string,
  question: Question,
  clock: Clock,
): Promise<string | null> {
  let challenge: unknown;
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(clientDataJSON, { alphabet: "base64url" }));
    challenge = JSON.parse(text)?.challenge;
  } catch {
    return null;
  }
  if (typeof challenge !== "string" || challenge.length > 200) return null;
  return await takeChallenge(db, await sha256(challenge), question, clock.now()) ? challenge : null;
}
