import { generateAuthenticationOptions, generateRegistrationOptions } from "@simplewebauthn/server";
import type { Context } from "../../audit/types.ts";
import type { Sql } from "../../database/connection.ts";
import { secretToken, sha256 } from "../../ids.ts";
import { networksOf } from "../networks.ts";
import type { Viewer } from "../types.ts";
import type { RelyingParty } from "./relying_party.ts";
import { CHALLENGE_MINUTES, OPEN_CHALLENGES } from "./rules.ts";
import { insertChallenge, listPasskeys, type Question, type StoredPasskey } from "./store.ts";

type Asker = Pick<Context, "address" | "clock">;
type Options = Awaited<ReturnType<typeof generateAuthenticationOptions>>;
type CreationOptions = Awaited<ReturnType<typeof generateRegistrationOptions>>;

/** Public key algorithms: EdDSA, ES256, RS256 (COSE). What every authenticator has. */
export const ALGORITHMS = [-8, -7, -257];
const TIMEOUT_MS = CHALLENGE_MINUTES * 60_000;

/** Whom a passkey is asked for: nobody known, somebody who has typed a password, or somebody to confirm who they are. */
export function questionOf(viewer: Viewer | null): Question {
  if (!viewer) return { purpose: "login", user_id: null, session_id: null };
  const purpose = viewer.stage === "full" ? "confirm" : "factor";
  return { purpose, user_id: viewer.id, session_id: viewer.session_id };
}

/** What registering a passkey is asked under. */
export function registrationOf(viewer: Viewer): Question {
  return { purpose: "register", user_id: viewer.id, session_id: viewer.session_id };
}

/**
 * What a browser hands to `navigator.credentials.get()`. Without a viewer every passkey may answer that knows by itself
 * whose it is.
 */
export async function askPasskey(
  sql: Sql,
  viewer: Viewer | null,
  party: RelyingParty,
  asker: Asker,
): Promise<Options> {
  const known = viewer ? await listPasskeys(sql, viewer.id) : [];
  return await generateAuthenticationOptions({
    rpID: party.id,
    challenge: await keepChallenge(sql, questionOf(viewer), asker),
    timeout: TIMEOUT_MS,
    userVerification: viewer ? "preferred" : "required",
    allowCredentials: viewer ? known.map(descriptor) : undefined,
  });
}

/** What a browser hands to `navigator.credentials.create()`, for one more passkey of the viewer. */
export async function askNewPasskey(
  sql: Sql,
  viewer: Viewer,
  party: RelyingParty,
  asker: Asker,
): Promise<CreationOptions> {
  const known = await listPasskeys(sql, viewer.id);
  return await generateRegistrationOptions({
    rpName: "Linux Patch Manager",
    rpID: party.id,
    userName: viewer.username,
    userDisplayName: viewer.display_name || viewer.username,
    // No personal data: a passkey shows it to every site of this name (WebAuthn Level 3, 14.6.1).
    userID: Uint8Array.fromHex(viewer.id.replaceAll("-", "")),
    challenge: await keepChallenge(sql, registrationOf(viewer), asker),
    timeout: TIMEOUT_MS,
    attestationType: "none",
    excludeCredentials: known.map(descriptor),
    authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
    supportedAlgorithmIDs: ALGORITHMS,
  });
}

/** Fresh bytes to sign; only their hash is kept. */
async function keepChallenge(sql: Sql, question: Question, { address, clock }: Asker) {
  const challenge = secretToken();
  const now = clock.now();
  await insertChallenge(sql, await sha256(challenge), question, {
    // A session has its own, so that nobody in the same network can use them up.
    asker: question.session_id ?? networksOf(address).own ?? "-",
    now,
    until: now.add({ minutes: CHALLENGE_MINUTES }),
    most: question.session_id ? OPEN_CHALLENGES.session : OPEN_CHALLENGES.network,
  });
  return Uint8Array.fromBase64(challenge, { alphabet: "base64url" });
}

function descriptor({ credential_id, transports }: StoredPasskey) {
  return { id: credential_id.toBase64({ alphabet: "base64url", omitPadding: true }), transports };
}
