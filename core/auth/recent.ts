import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Viewer } from "./types.ts";

/** A proof of identity counts as recent for so long (specification, section 10). */
export const RECENT_SECONDS = 600;

/** Who asks, as far as the age of their proof goes. */
export type Proven = Pick<Viewer, "authenticated_at" | "token">;

/** True for ten minutes after somebody proved who they are. An API token proves it with each use. */
export function isRecent({ authenticated_at, token }: Proven, clock: Clock): boolean {
  return token !== null || clock.now().since(authenticated_at).total("seconds") <= RECENT_SECONDS;
}

/** @throws AppError confirmation_required when the last proof is older than ten minutes */
export function requireRecent(viewer: Proven, clock: Clock): void {
  if (!isRecent(viewer, clock)) throw new AppError("confirmation_required");
}
