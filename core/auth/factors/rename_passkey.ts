import { appendFor } from "../../audit/append_audit.ts";
import type { Context } from "../../audit/types.ts";
import { type Sql, transaction } from "../../database/connection.ts";
import { AppError } from "../../errors.ts";
import type { Viewer } from "../types.ts";
import { renamePasskey as rename } from "./store.ts";
import { PasskeyName } from "./types.ts";

/**
 * Gives a passkey of the viewer's own another name.
 * @throws AppError factor_not_found, validation_failed
 */
export async function renamePasskey(
  sql: Sql,
  viewer: Viewer,
  id: string,
  name: string,
  context: Context,
): Promise<void> {
  const read = PasskeyName.safeParse(name);
  if (!read.success) {
    const problem = `The name ${read.error.issues[0].message}.`;
    throw new AppError("validation_failed", { details: [{ field: "name", problem, hint: "Choose another name." }] });
  }
  await transaction(sql, async (tx) => {
    const before = await rename(tx, viewer.id, id, read.data);
    if (before === null) throw new AppError("factor_not_found");
    await appendFor(tx, context, {
      action: "auth.rename_passkey",
      object: { kind: "user", id: viewer.id, name: viewer.username },
      outcome: "success",
      details: { passkey: read.data, before },
    });
  });
}
