import { appendFor } from "../../audit/append_audit.ts";
import type { Context } from "../../audit/types.ts";
import type { Clock } from "../../clock.ts";
import { type Sql, transaction } from "../../database/connection.ts";
import type { Tx } from "../../database/types.ts";
import { sha256 } from "../../ids.ts";
import type { Viewer } from "../types.ts";
import { holdUser } from "../store.ts";
import { RECOVERY_CODES, recoveryCode } from "./rules.ts";
import { replaceRecoveryCodes } from "./store.ts";

/** Ten fresh codes in place of all before. They exist in the answer only. */
export async function saveNewCodes(tx: Tx, user_id: string, clock: Clock): Promise<string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, recoveryCode);
  await replaceRecoveryCodes(tx, user_id, await Promise.all(codes.map(sha256)), clock.now());
  return codes;
}

/** Makes the viewer's recovery codes anew, when they were lost, seen by others, or are running out. */
export async function makeRecoveryCodes(sql: Sql, viewer: Viewer, context: Context): Promise<string[]> {
  return await transaction(sql, async (tx) => {
    await holdUser(tx, viewer.id);
    const codes = await saveNewCodes(tx, viewer.id, context.clock);
    await appendFor(tx, context, {
      action: "auth.make_recovery_codes",
      object: { kind: "user", id: viewer.id, name: viewer.username },
      outcome: "success",
      details: { codes: codes.length },
    });
    return codes;
  });
}
