import type { Clock } from "../clock.ts";
import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { readSettings } from "../settings/read_settings.ts";
import { isRecent, type Proven } from "./recent.ts";

/**
 * Work on many hosts at once is for somebody who proved within the last ten minutes who they are. How many are many,
 * says the setting `confirm.hosts`.
 *
 * @param hosts how many would be worked on, from 0
 * @throws AppError confirmation_required, saying how many
 */
export async function confirmReach(db: Db, viewer: Proven, hosts: number, clock: Clock): Promise<void> {
  // The setting is read only where it decides.
  if (isRecent(viewer, clock)) return;
  const { "confirm.hosts": free } = await readSettings(db);
  if (hosts <= free) return;
  throw new AppError("confirmation_required", {
    message: `Confirm that it is you: this reaches ${hosts.toLocaleString("en")} hosts.`,
  });
}
