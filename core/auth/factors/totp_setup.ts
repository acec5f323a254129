import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { rfc3339 } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Sealer } from "../sealer.ts";
import type { Viewer } from "../types.ts";
import { SETUP_MINUTES } from "./rules.ts";
import { newSecret, otpauthUri } from "./totp.ts";

/** A secret that is being set up. Nothing is stored before a code of it was typed in: it travels with its page. */
export interface TotpSetup {
  /** Base 32. */
  secret: string;
  /** For the QR code. */
  uri: string;
  /** The same secret sealed for this user and session: what comes back with the first code. */
  setup: string;
  /** The code has to be typed in by then. */
  expires_at: Temporal.Instant;
}

const Sealed = z.strictObject({ secret: z.string(), expires_at: z.string() });

/** A fresh secret for the viewer's app. */
export async function beginTotp(sealer: Sealer, viewer: Viewer, clock: Clock): Promise<TotpSetup> {
  const secret = newSecret();
  const expires_at = clock.now().add({ minutes: SETUP_MINUTES });
  const plain = new TextEncoder().encode(JSON.stringify({ secret, expires_at: rfc3339(expires_at) }));
  const setup = (await sealer.seal(plain, purposeOf(viewer))).toBase64({ alphabet: "base64url", omitPadding: true });
  return { secret, uri: otpauthUri(secret, viewer.username), setup, expires_at };
}

/**
 * The secret of a set-up that this viewer began in this session.
 * @throws AppError factor_setup_expired, also for one of somebody else
 */
export async function resumeTotp(sealer: Sealer, viewer: Viewer, setup: string, clock: Clock): Promise<TotpSetup> {
  let sealed: Uint8Array;
  try {
    sealed = Uint8Array.fromBase64(setup, { alphabet: "base64url" });
  } catch {
    throw new AppError("factor_setup_expired");
  }
  const plain = await sealer.open(sealed, purposeOf(viewer));
  if (!plain) throw new AppError("factor_setup_expired");
  const { secret, expires_at } = Sealed.parse(JSON.parse(new TextDecoder().decode(plain)));
  const until = Temporal.Instant.from(expires_at);
  if (Temporal.Instant.compare(until, clock.now()) <= 0) throw new AppError("factor_setup_expired");
  return { secret, uri: otpauthUri(secret, viewer.username), setup, expires_at: until };
}

function purposeOf({ id, session_id }: Viewer): string {
  return `totp-setup:${id}:${session_id}`;
}
