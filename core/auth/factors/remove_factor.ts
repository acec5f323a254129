import { appendFor } from "../../audit/append_audit.ts";
import type { Context } from "../../audit/types.ts";
import { type Sql, transaction } from "../../database/connection.ts";
import { AppError } from "../../errors.ts";
import { endAccessOf } from "../end_access.ts";
import { holdUser } from "../store.ts";
import type { Viewer } from "../types.ts";
import { countFactors, deletePasskey, deleteTotp, findTotp, listPasskeys } from "./store.ts";

const ACTION = "auth.remove_factor";

/** The app, or a passkey by its id. */
export type FactorName = "app" | { passkey: string };

/**
 * Removes one of the viewer's own factors and ends their other sessions. The last one stays: nobody can switch the
 * second factor off.
 *
 * @throws AppError factor_not_found, last_factor
 */
export async function removeFactor(
  sql: Sql,
  viewer: Viewer,
  which: FactorName,
  context: Context,
): Promise<{ ended_sessions: number; ended_tokens: number }> {
  const object = { kind: "user", id: viewer.id, name: viewer.username };
  const { clock } = context;
  const removed = await transaction(sql, async (tx) => {
    await holdUser(tx, viewer.id);
    const name = which === "app"
      ? await findTotp(tx, viewer.id) && "app"
      : (await listPasskeys(tx, viewer.id)).find(({ id }) => id === which.passkey)?.name;
    if (!name) throw new AppError("factor_not_found");
    const facts = which === "app" ? { factor: "app" } : { factor: "passkey", passkey: name };
    if (await countFactors(tx, viewer.id) === 1) {
      const details = { ...facts, reason: "the last factor" };
      await appendFor(tx, context, { action: ACTION, object, outcome: "failure", details });
      return null;
    }
    if (which === "app") await deleteTotp(tx, viewer.id);
    else await deletePasskey(tx, viewer.id, which.passkey);
    const goes_on = { except: viewer.session_id, why: "a second factor was removed" };
    const ended = await endAccessOf(tx, viewer.id, goes_on, clock.now());
    await appendFor(tx, context, { action: ACTION, object, outcome: "success", details: { ...facts, ...ended } });
    return ended;
  });
  if (!removed) throw new AppError("last_factor");
  return removed;
}
