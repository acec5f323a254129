import { type Sql, transaction } from "../database/connection.ts";
import { codeOf } from "../database/failure.ts";
import { deleteOrphanedOffers, deleteOrphanedPackages, lockContents } from "./contents_store.ts";

/** Rows that one turn removes at most of each kind, so that reports wait for it only briefly. */
const AT_ONCE = 5_000;
/** lock_not_available (PostgreSQL 17, appendix A). */
const LOCK_TIMEOUT = "55P03";

/**
 * Removes packages and offers that no host refers to any more, at least a day after they were first seen. Without it
 * a host that names new packages in every report would fill the disk for all.
 *
 * Reports are kept out for that moment: one that is being written may be about to refer to what is removed.
 * @returns how many went; null when reports did not leave a gap this time
 */
export async function pruneContents(sql: Sql, at_once = AT_ONCE): Promise<{ offers: number; packages: number } | null> {
  try {
    return await transaction(sql, async (tx) => {
      await lockContents(tx, "alone");
      const offers = await deleteOrphanedOffers(tx, at_once);
      return { offers, packages: await deleteOrphanedPackages(tx, at_once) };
    });
  } catch (error) {
    if (codeOf(error) === LOCK_TIMEOUT) return null;
    throw error;
  }
}
