import { verifyRegistrationResponse } from "@simplewebauthn/server";
import { z } from "zod";
import type { Context } from "../../audit/types.ts";
import type { Sql } from "../../database/connection.ts";
import { AppError, reason as wordsOf } from "../../errors.ts";
import { uuidv7 } from "../../ids.ts";
import type { Client, Viewer } from "../types.ts";
import { ALGORITHMS, registrationOf } from "./ask_passkey.ts";
import { takeAnswered } from "./check_passkey.ts";
import { enrol, type Enrolled, noteRefused } from "./enrol.ts";
import type { RelyingParty } from "./relying_party.ts";
import { MOST_PASSKEYS } from "./rules.ts";
import { insertPasskey, listPasskeys } from "./store.ts";
import { PasskeyName, Registration } from "./types.ts";

const ACTION = "auth.enrol_passkey";

export const PasskeyEnrolment = z.strictObject({ name: PasskeyName, response: Registration });
export type PasskeyEnrolment = z.infer<typeof PasskeyEnrolment>;

/**
 * Registers one more passkey of the viewer under a name of their own.
 * @throws AppError passkey_refused, passkey_exists, conflict (there are too many)
 */
export async function enrolPasskey(
  sql: Sql,
  viewer: Viewer,
  { name, response }: PasskeyEnrolment,
  party: RelyingParty,
  client: Client,
  context: Context,
): Promise<Enrolled> {
  const found = await verified(sql, viewer, response, party, context);
  if ("reason" in found) {
    await noteRefused(sql, viewer, ACTION, found.reason, context);
    throw new AppError("passkey_refused");
  }
  const { credential, credentialBackedUp, credentialDeviceType, userVerified } = found;
  const method = credentialDeviceType === "singleDevice" ? "hwk" as const : "swk" as const;
  const passkey = {
    id: uuidv7(context.clock),
    user_id: viewer.id,
    name,
    credential_id: Uint8Array.fromBase64(credential.id, { alphabet: "base64url" }),
    public_key: credential.publicKey,
    sign_count: credential.counter,
    transports: (credential.transports ?? []).slice(0, 10),
    backed_up: credentialBackedUp,
    verifies_user: userVerified,
    created_at: context.clock.now(),
    last_used_at: null,
  };
  return await enrol(
    sql,
    viewer,
    ACTION,
    userVerified ? [method, "user"] : [method],
    async (tx) => {
      if ((await listPasskeys(tx, viewer.id)).length >= MOST_PASSKEYS) {
        throw new AppError("conflict", {
          message: `There are ${MOST_PASSKEYS} passkeys already.`,
          hint: "Remove one that is not used.",
        });
      }
      if (!await insertPasskey(tx, passkey)) throw new AppError("passkey_exists");
      return { passkey: name, verifies_user: userVerified };
    },
    client,
    context,
  );
}

async function verified(sql: Sql, viewer: Viewer, response: Registration, party: RelyingParty, { clock }: Context) {
  const asked = await takeAnswered(sql, response.response.clientDataJSON, registrationOf(viewer), clock);
  if (asked === null) return { reason: "the question was not asked here, was answered, or is too old" };
  try {
    const { registrationInfo } = await verifyRegistrationResponse({
      response: { ...response, authenticatorAttachment: response.authenticatorAttachment ?? undefined } as never,
      expectedChallenge: asked,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: false,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    return registrationInfo ?? { reason: "the attestation does not hold" };
  } catch (thrown) {
    return { reason: wordsOf(thrown).slice(0, 300) };
  }
}
