import { z } from "zod";
import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { appendEvent } from "../live/append_event.ts";
import { lockNotes, updateNotes } from "./notes_store.ts";
import { HostRegistration } from "./types.ts";

/** What people say of a host; what is absent stays. Tags that differ in nothing but capitals are one. */
export const HostChange = z.strictObject({
  display_name: HostRegistration.shape.display_name.unwrap().optional(),
  notes: HostRegistration.shape.notes.unwrap().optional(),
  tags: HostRegistration.shape.tags.unwrap().optional(),
});
export type HostChange = z.input<typeof HostChange>;

/** A host's own words, as they are stored. */
export interface HostNotes {
  id: string;
  display_name: string;
  notes: string;
  tags: string[];
}

/**
 * Changes a host's name to show, notes and tags. Nothing that its agent says of itself can be changed here.
 *
 * @throws AppError host_not_found, also for a host that the viewer may not see; validation_failed
 */
export function changeHost(
  sql: Sql,
  viewer: string,
  hostId: string,
  change: unknown,
  context: Context,
): Promise<HostNotes> {
  const read = HostChange.safeParse(change);
  if (!read.success) {
    throw new AppError("validation_failed", {
      details: read.error.issues.map(({ path, message }) => ({ field: path.join("."), problem: message })),
    });
  }
  return transaction(sql, async (tx) => {
    const before = await lockNotes(tx, viewer, hostId);
    if (!before) throw new AppError("host_not_found");
    const wanted = read.data;
    const after = {
      id: before.id,
      display_name: wanted.display_name ?? before.display_name,
      notes: wanted.notes ?? before.notes,
      tags: wanted.tags ? distinct(wanted.tags) : before.tags,
    };
    await updateNotes(tx, after);
    for (const topic of ["hosts", `host:${before.id}`]) {
      await appendEvent(tx, { topic, host_id: before.id, kind: "changed", data: { host_id: before.id } });
    }
    await appendFor(tx, context, {
      action: "host.change",
      object: { kind: "host", id: before.id, name: before.fqdn },
      outcome: "success",
      details: {
        before: { display_name: before.display_name, tags: before.tags },
        after: { display_name: after.display_name, tags: after.tags },
        notes_changed: after.notes !== before.notes,
      },
    });
    return after;
  });
}

/** The first spelling of each tag stays. */
function distinct(tags: string[]): string[] {
  const seen = new Map<string, string>();
  for (const tag of tags) {
    const key = tag.toLowerCase();
    if (!seen.has(key)) seen.set(key, tag);
  }
  return [...seen.values()];
}
