import { appendAudit } from "../audit/append_audit.ts";
import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { uuidv7 } from "../ids.ts";
import { giveOneTimePassword, prepareOneTimePassword } from "./one_time_password.ts";
import { closeFirstStart, countUsers, firstStartIsClosed, insertUser } from "./store.ts";

/** Serialises first starts: two at once must not make two admins. */
const LOCK = 7204510336002;

/**
 * Makes the admin of a fresh installation, with a one-time password that must be changed at first login. It happens once:
 * the same transaction closes the first start for ever, so that whoever removes the users, or restores a database
 * without them, is not handed a new admin by the next start. The console makes one then.
 *
 * @param deliver shows the password to whoever starts the program. It is called before the commit: when it throws,
 *   there is no admin with a password that nobody knows, and the next start tries again.
 * @returns true when an admin was made
 */
export async function createFirstAdmin(
  sql: Sql,
  username: string,
  deliver: (admin: { username: string; password: string }) => Promise<void> | void,
  clock: Clock,
): Promise<boolean> {
  if (await firstStartIsClosed(sql)) return false;
  const prepared = await prepareOneTimePassword();
  return await transaction(sql, async (tx) => {
    await tx`select pg_advisory_xact_lock(${LOCK})`;
    if (await firstStartIsClosed(tx)) return false;
    const now = clock.now();
    await closeFirstStart(tx, now);
    // Made by other means, such as the console, before the manager was ever started.
    if (await countUsers(tx) > 0) return false;
    const user = { id: uuidv7(clock), username, display_name: "Administrator", role: "admin" as const };
    await insertUser(tx, { ...user, created_at: now });
    await giveOneTimePassword(tx, user.id, prepared, now);
    await deliver({ username: user.username, password: prepared.password });
    await appendAudit(tx, {
      actor: { kind: "system", name: "first start" },
      action: "user.create",
      object: { kind: "user", id: user.id, name: user.username },
      outcome: "success",
      details: { role: user.role, one_time: true },
    }, clock);
    return true;
  });
}
