import type { Clock } from "../../clock.ts";
import type { Tx } from "../../database/types.ts";
import { endSessionsOf } from "../end_sessions.ts";
import { holdUser } from "../store.ts";
import { codeKeys, forgiveWrong } from "./code_throttle.ts";
import { deletePasskeys, deleteRecoveryCodes, deleteTotp } from "./store.ts";

/** What a reset took away, for the row of whoever asked for it. */
export interface FactorReset {
  app: boolean;
  passkeys: number;
  recovery_codes: number;
  ended_sessions: number;
}

/**
 * Takes away everything that a user proves themselves with beside the password, and ends all their sessions: at the next
 * sign-in nothing is open but setting up a factor. The caller writes the row of the audit log, as the last statement of
 * the same transaction.
 *
 * @param why for the list of sessions: "an admin asked for the second factor to be set up anew"
 */
export async function resetFactors(tx: Tx, user_id: string, why: string, clock: Clock): Promise<FactorReset> {
  await holdUser(tx, user_id);
  const app = await deleteTotp(tx, user_id);
  const passkeys = await deletePasskeys(tx, user_id);
  const recovery_codes = await deleteRecoveryCodes(tx, user_id);
  await forgiveWrong(tx, codeKeys(user_id, null));
  const ended = await endSessionsOf(tx, user_id, { why }, clock.now());
  return { app, passkeys, recovery_codes, ended_sessions: ended.length };
}
