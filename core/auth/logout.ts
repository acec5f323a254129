import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { revokeSessions } from "./session_store.ts";
import type { Viewer } from "./types.ts";

/** Ends the viewer's session, and with it every page that it keeps live. */
export async function logout(sql: Sql, viewer: Viewer, context: Context): Promise<void> {
  await transaction(sql, async (tx) => {
    const ended = await revokeSessions(tx, { id: viewer.session_id }, "logged out", context.clock.now());
    if (ended.length === 0) return;
    await appendFor(tx, context, {
      action: "auth.logout",
      object: { kind: "user", id: viewer.id, name: viewer.username },
      outcome: "success",
      details: { session: viewer.session_id },
    });
  });
}
