import type { SettingRule, SettingTopic, SettingView } from "../../../../core/settings/types.ts";
import { countText } from "../../../../components/quantity.tsx";

type Amount = Pick<SettingRule, "unit">;

/** Heads of the page's parts, in its order. */
export const TOPICS: Record<SettingTopic, string> = {
  poll: "Polling",
  enrolment: "Enrolment",
  confirm: "Confirmation",
  session: "Sessions",
  live: "Open pages",
  audit: "Audit log",
};

/** The part of the page that a setting stands in. */
export function topicOf({ key }: Pick<SettingRule, "key">): SettingTopic {
  return key.split(".")[0] as SettingTopic;
}

/** "1 host", "1,800 seconds", "5 per minute". */
export function amountText(value: number, { unit }: Amount): string {
  if (unit === "per minute") return `${value.toLocaleString("en")} per minute`;
  return countText(value, unit.slice(0, -1), unit);
}

const SECONDS: Partial<Record<SettingRule["unit"], number>> = { seconds: 1, minutes: 60 };
const LARGER = [["day", 86_400], ["hour", 3_600], ["minute", 60]] as const;

/** The same time in the largest unit that it is whole in, "30 minutes" for 1,800 seconds; null where there is none. */
export function sameAs(value: number, { unit }: Amount): string | null {
  const factor = SECONDS[unit];
  if (factor === undefined) return null;
  const found = LARGER.find(([, length]) => length > factor && value * factor % length === 0);
  return found && value > 0 ? countText(value * factor / found[1], found[0]) : null;
}

/** "1,800 seconds, which is 30 minutes" */
export function fullAmount(value: number, setting: Amount): string {
  const same = sameAs(value, setting);
  return same ? `${amountText(value, setting)}, which is ${same}` : amountText(value, setting);
}

/** How many differ from what they are without anybody's doing, as a sentence. */
export function settingsSentence(settings: Pick<SettingView, "value" | "default">[]): string {
  const changed = settings.filter((setting) => setting.value !== setting.default).length;
  if (changed === 0) return "All are as they come. A change is in force at once, without a restart.";
  return `${changed} of ${settings.length} ${changed === 1 ? "differs" : "differ"} from the default. ` +
    "A change is in force at once, without a restart.";
}
