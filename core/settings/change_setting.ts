import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { effectiveSettings, findSetting, settingProblem } from "./rules.ts";
import { lockSetting, saveSetting } from "./store.ts";

/**
 * Changes one setting; the fleet role hears of it at once.
 *
 * @param actorId id of the user who changes it
 * @param expected the value that the change was decided by; without it nobody else's change is noticed
 * @throws AppError validation_failed for a key that does not exist or a value out of bounds, with the bounds in words;
 *   conflict when another value than the expected one is in force by now
 */
export async function changeSetting(
  sql: Sql,
  actorId: string,
  key: string,
  value: unknown,
  context: Context,
  expected?: number,
): Promise<void> {
  const rule = findSetting(key);
  if (!rule) refuse("key", "There is no such setting.", "Choose one of the settings on the page.");
  const problem = settingProblem(rule, value);
  if (problem) refuse(rule.key, problem, rule.reason);
  await transaction(sql, async (tx) => {
    const stored = await lockSetting(tx, rule.key);
    const before = stored ?? rule.default;
    const { [rule.key]: in_force } = effectiveSettings([{ key: rule.key, value: stored }]);
    if (expected !== undefined && expected !== in_force) {
      const problem = `Somebody set it to ${in_force} in the meantime.`;
      const hint = "Save again if yours is to count.";
      throw new AppError("conflict", { hint, details: [{ field: rule.key, problem, hint }] });
    }
    await saveSetting(tx, rule.key, value as number, context.clock.now(), actorId);
    await appendFor(tx, context, {
      action: "setting.change",
      object: { kind: "setting", id: rule.key, name: rule.title },
      outcome: "success",
      details: { before, after: value },
    });
  });
}

function refuse(field: string, problem: string, hint: string): never {
  throw new AppError("validation_failed", { message: problem, hint, details: [{ field, problem }] });
}
