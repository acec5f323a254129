import { z } from "zod";
import { maybe } from "../database/rows.ts";
import type { Db, Tx } from "../database/types.ts";
import { isUuid } from "../ids.ts";

const Notes = z.object({
  id: z.uuid(),
  fqdn: z.string(),
  display_name: z.string(),
  notes: z.string(),
  tags: z.array(z.string()),
});

/** What people say of a host, kept as it is until the transaction ends; null for a host that the viewer may not see. */
export async function lockNotes(tx: Tx, viewer: string, hostId: string): Promise<z.infer<typeof Notes> | null> {
  if (!isUuid(hostId)) return null;
  return await maybe(
    Notes,
    tx`
      select h.id, h.fqdn, h.display_name, h.notes, h.tags
      from hosts h
      where h.id = ${hostId} and exists (select from visible_hosts(${viewer}) v where v.host_id = h.id)
      for update of h`,
  );
}

export async function updateNotes(
  db: Db,
  { id, display_name, notes, tags }: { id: string; display_name: string; notes: string; tags: string[] },
): Promise<void> {
  await db`
    update hosts set display_name = ${display_name}, notes = ${notes}, tags = ${tags}::text[] where id = ${id}`;
}
