import type { Tx } from "../database/types.ts";
import { lockRegistration, selectExisting } from "./store.ts";
import type { ExistingHost } from "./types.ts";

/**
 * Hosts that have name, address with port, or machine in common with a new one, whoever may see them. Nobody else
 * registers or removes a host until the caller's transaction ends, so the answer stays true.
 */
export async function findExisting(
  tx: Tx,
  seen: { fqdn: string; address: string; port: number; machine_hash: string | null },
): Promise<ExistingHost[]> {
  await lockRegistration(tx);
  return await selectExisting(tx, seen);
}
