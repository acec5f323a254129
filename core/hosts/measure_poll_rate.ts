import type { Db } from "../database/types.ts";
import { countByKind } from "./polls_store.ts";
import type { PollKind } from "./types.ts";

/** How many polls a second fall due in the mean while every host answers. @param intervals milliseconds */
export async function measurePollRate(db: Db, intervals: Record<PollKind, number>): Promise<number> {
  const counts = await countByKind(db);
  return counts.reduce((sum, { kind, count }) => sum + count * 1_000 / intervals[kind], 0);
}
