import type { Clock } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import { tooManyAttempts } from "./attempts.ts";
import { verifyPassword } from "./password.ts";
import { findUserById } from "./store.ts";
import { beginProof, secondsUntilProof } from "./throttle.ts";
import type { Viewer } from "./types.ts";

/**
 * Whether somebody who is signed in knows their password. Each time counts as failed until `forgiveProofs()`, from before
 * it is looked at, so that of many at once none goes by uncounted.
 *
 * @param refuse called with the seconds to wait, where failures before make it wait
 * @throws AppError too_many_requests
 */
export async function provePassword(
  sql: Sql,
  { id }: Pick<Viewer, "id">,
  password: string,
  clock: Clock,
  refuse: (seconds: number) => Promise<never> = (seconds) => Promise.reject(tooManyAttempts(seconds)),
): Promise<boolean> {
  let wait = await secondsUntilProof(sql, id, clock);
  if (wait > 0) return await refuse(wait);
  const user = await findUserById(sql, id);
  const fits = await verifyPassword(user?.hash ?? null, password, undefined, async () => {
    wait = await beginProof(sql, id, clock);
    return wait === 0;
  });
  return wait > 0 ? await refuse(wait) : fits;
}
