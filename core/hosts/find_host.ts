import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { selectVisible } from "./store.ts";
import type { HostSummary } from "./types.ts";

/**
 * A host in short.
 * @throws AppError host_not_found, also for a host that the viewer may not see and for what is no id
 */
export async function findHost(db: Db, viewer: string, hostId: string): Promise<HostSummary> {
  const host = isUuid(hostId) ? await selectVisible(db, viewer, hostId) : null;
  if (!host) throw new AppError("host_not_found");
  return host;
}
