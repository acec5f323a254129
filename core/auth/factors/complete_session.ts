import type { Clock } from "../../clock.ts";
import type { Tx } from "../../database/types.ts";
import { renewSession } from "../renew_session.ts";
import { noteLogin } from "../store.ts";
import { rememberNetwork } from "../throttle.ts";
import type { AuthMethod, Client, OpenedSession, Viewer } from "../types.ts";

/**
 * Opens the full session of somebody who has now proven everything, in the place of the pending one: a token from before
 * the proof is worth nothing after it.
 *
 * @throws AppError session_expired when the pending one has ended already: of two requests one goes on
 */
export async function completeSession(
  tx: Tx,
  pending: Viewer,
  proven: readonly AuthMethod[],
  client: Client,
  clock: Clock,
): Promise<OpenedSession> {
  await noteLogin(tx, pending.id, clock.now());
  await rememberNetwork(tx, pending.id, client.address, clock);
  return await renewSession(tx, pending, { stage: "full", proven }, client, clock);
}
