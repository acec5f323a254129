import type { Db } from "../database/types.ts";
import { effectiveSettings, settingProblem, settingRules } from "./rules.ts";
import { selectNamedSettings, selectSettings } from "./store.ts";
import type { Settings, SettingView } from "./types.ts";

/** All settings in force. Both roles read them anew for every round of a loop, so a change needs no restart. */
export async function readSettings(db: Db): Promise<Settings> {
  return effectiveSettings(await selectSettings(db));
}

/** The same with titles, bounds, reasons and who changed what, in the registry's order. */
export async function listSettings(db: Db): Promise<SettingView[]> {
  const stored = new Map((await selectNamedSettings(db)).map((row) => [row.key, row]));
  return settingRules.map((rule) => {
    const row = stored.get(rule.key);
    const problem = row ? settingProblem(rule, row.value) : null;
    return {
      ...rule,
      value: row && problem === null ? row.value as number : rule.default,
      changed_at: row?.changed_at ?? null,
      changed_by: row?.changed_by ?? null,
      changed_by_name: row?.changed_by_name ?? null,
      problem: problem && `${problem} The default, ${rule.default}, is in force.`,
    };
  });
}
