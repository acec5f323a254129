import { z } from "zod";
import type { Context } from "../../audit/types.ts";
import { AppError } from "../../errors.ts";
import { tooManyAttempts } from "../attempts.ts";
import type { Client, Viewer } from "../types.ts";
import { totpPurpose } from "./check_code.ts";
import { codeKeys, forgiveWrong, noteWrong, notingRefusals, secondsHeld } from "./code_throttle.ts";
import { enrol, type Enrolled, noteRefused } from "./enrol.ts";
import { canonicalCode } from "./rules.ts";
import { findTotp, saveTotp } from "./store.ts";
import { matchingStep } from "./totp.ts";
import { resumeTotp } from "./totp_setup.ts";
import { TypedCode, type Vault } from "./types.ts";

const ACTION = "auth.enrol_totp";

export const TotpEnrolment = z.strictObject({
  setup: z.string().min(1, "is empty").max(1_000, "is too long"),
  code: TypedCode,
});
export type TotpEnrolment = z.infer<typeof TotpEnrolment>;

/**
 * Sets up the viewer's app, in place of one before, once a code of the new secret was typed in.
 * @throws AppError factor_setup_expired, factor_failed, too_many_requests
 */
export async function enrolTotp(
  { sql, sealer }: Vault,
  viewer: Viewer,
  { setup, code }: TotpEnrolment,
  client: Client,
  context: Context,
): Promise<Enrolled> {
  const { clock } = context;
  const keys = codeKeys(viewer.id, context.address);
  const object = { kind: "user", id: viewer.id, name: viewer.username };
  await notingRefusals(sql, Object.keys(keys), { action: ACTION, object }, context, async () => {
    const wait = await secondsHeld(sql, keys, clock);
    if (wait > 0) throw tooManyAttempts(wait);
  });
  const { secret } = await resumeTotp(sealer, viewer, setup, clock);
  const digits = canonicalCode(code);
  const step = digits === null ? null : matchingStep(secret, digits, clock.now(), -1);
  if (step === null) {
    await noteWrong(sql, keys, clock);
    await noteRefused(sql, viewer, ACTION, "wrong code", context);
    throw new AppError("factor_failed");
  }
  const sealed = await sealer.seal(new TextEncoder().encode(secret), totpPurpose(viewer.id));
  return await enrol(
    sql,
    viewer,
    ACTION,
    ["otp"],
    async (tx) => {
      const replaced = await findTotp(tx, viewer.id) !== null;
      await saveTotp(tx, viewer.id, sealed, step, clock.now());
      await forgiveWrong(tx, keys);
      return { replaced };
    },
    client,
    context,
  );
}
