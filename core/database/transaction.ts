import type { Db, Sql, Tx } from "./types.ts";
import { codeOf } from "./failure.ts";

export interface TransactionOptions {
  isolation?: "read committed" | "repeatable read" | "serializable";
  /** How often the work is tried at most, 1 to 10. Default 3. */
  attempts?: number;
}

/** serialization_failure, deadlock_detected (PostgreSQL 17, appendix A). Nothing else is safe to repeat blindly. */
const REPEATABLE = new Set(["40001", "40P01"]);

/** What open transactions have still to do at their end. */
const endings = new WeakMap<Db, (() => Promise<unknown>)[]>();

/**
 * Keeps a statement for the end of a transaction, after everything else in it: for locks that all wait for. It is sent
 * together with the commit, so the lock is held for no journey of words between us and the server.
 * @param work sends its statement at once
 * @returns false when the argument is no transaction of {@link transaction}: then nothing was kept
 */
export function beforeCommit(db: Db, work: () => Promise<unknown>): boolean {
  const ending = endings.get(db);
  ending?.push(work);
  return ending !== undefined;
}

/**
 * Runs work in one transaction and commits when it returns. Repeated, from the start, only when the server
 * rolled back because of others (40001, 40P01): so the work must not touch anything outside the database.
 * @throws what the work throws; the server's error when every attempt collided.
 */
export async function transaction<T>(
  sql: Sql,
  work: (tx: Tx) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const attempts = options.attempts ?? 3;
  const begin = options.isolation ? `isolation level ${options.isolation}` : "";
  for (let attempt = 1;; attempt++) {
    try {
      // The driver flattens a returned array of promises; a box keeps the result as it is.
      const box = await sql.begin(begin, async (tx) => {
        const ending: (() => Promise<unknown>)[] = [];
        endings.set(tx, ending);
        const result = await work(tx);
        const sent = Promise.all(ending.map((last) => last()));
        // Looked at below: a commit after a statement that failed is a rollback, and says so only in that statement.
        sent.catch(() => {});
        return { result, sent };
      });
      await box.sent;
      return box.result as T;
    } catch (error) {
      if (attempt >= attempts || !REPEATABLE.has(codeOf(error))) throw error;
      // Both sides of a collision would meet again at once; they part by a random pause.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** attempt));
    }
  }
}
