import type { Tx } from "../database/connection.ts";
import { hashPassword } from "./password.ts";
import { oneTimePassword } from "./rules.ts";
import { savePassword } from "./store.ts";

/** A one-time password that is not anybody's yet, with what is stored of it. */
export interface PreparedPassword {
  /** To be shown once. */
  password: string;
  hash: string;
}

/**
 * Makes one ahead of the transaction that gives it to somebody: a hash takes its time, and locks would wait for it.
 * @throws QueueFull when too many hashes wait already
 */
export async function prepareOneTimePassword(): Promise<PreparedPassword> {
  const password = oneTimePassword();
  return { password, hash: await hashPassword(password) };
}

/** Gives it to a user in place of any former password. Nothing but changing it is open to them until they did. */
export function giveOneTimePassword(
  tx: Tx,
  user_id: string,
  { hash }: PreparedPassword,
  at: Temporal.Instant,
): Promise<void> {
  return savePassword(tx, user_id, hash, true, at);
}
