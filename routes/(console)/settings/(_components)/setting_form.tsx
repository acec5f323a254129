import { Button } from "../../../../components/button.tsx";
import { Field } from "../../../../components/field.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { Icon } from "../../../../components/icon.tsx";
import type { SettingKey, SettingView } from "../../../../core/settings/types.ts";
import type { Wire } from "../../../../core/wire.ts";
import { amountText, fullAmount, sameAs } from "./setting_words.ts";

type Shown = Wire<SettingView>;

/** What somebody typed into the form of a setting that was not taken, and why not. */
export interface TypedSetting {
  key: string;
  value: string;
  problem: string;
}

/** Where on the page a setting stands, so that a link leads to it. */
export const anchorOf = (key: SettingKey) => `setting-${key.replaceAll(/[._]/g, "-")}`;

/** A setting with its meaning and where it comes from; as a form for who may change it. */
export function SettingForm(
  { setting, typed, saved, may_change, now }: {
    setting: Shown;
    typed: TypedSetting | null;
    /** It was saved just now. */
    saved: boolean;
    may_change: boolean;
    now: string;
  },
) {
  const { key, title, reason, value, minimum, maximum } = setting;
  const bounds = `From ${minimum.toLocaleString("en")} to ${amountText(maximum, setting)}.`;
  return (
    <li class="setting" id={anchorOf(key)}>
      <div class="setting-words">
        <h3>{title}</h3>
        <p>{reason}</p>
        <p class="meta">
          Default: {fullAmount(setting.default, setting)}. {bounds} <Changed setting={setting} now={now} />
        </p>
        {setting.problem && <p class="tone-warn-text">{setting.problem}</p>}
      </div>
      {may_change
        ? <ValueForm setting={setting} typed={typed} saved={saved} />
        : <p class="setting-value">{fullAmount(value, setting)}</p>}
    </li>
  );
}

function ValueForm({ setting, typed, saved }: { setting: Shown; typed: TypedSetting | null; saved: boolean }) {
  const { key, title, unit, value } = setting;
  const anchor = anchorOf(key);
  const same = sameAs(value, setting);
  return (
    <form class="setting-form" method="post" action="/settings">
      <input type="hidden" name="key" value={key} />
      <input type="hidden" name="was" value={value} />
      <Field
        id={`${anchor}-value`}
        label={<span class="visually-hidden">{title}, in {unit}</span>}
        error={typed?.problem}
        hint={same && !typed ? `That is ${same}.` : undefined}
      >
        {(control) => (
          <span class="setting-input">
            <input
              {...control}
              class="input number"
              name="value"
              value={typed?.value ?? value}
              inputMode="numeric"
              autocomplete="off"
              maxLength={100}
              autofocus={typed !== null}
            />
            <span aria-hidden="true">{unit}</span>
            <Button type="submit">
              Save<span class="visually-hidden">{title}</span>
            </Button>
          </span>
        )}
      </Field>
      {saved && (
        <p class="setting-saved" role="status">
          <Icon name="circle-check" />
          Saved, and in force.
        </p>
      )}
      {value !== setting.default && (
        <Button kind="quiet" size="small" type="submit" name="back" value="default">
          Back to the default: {amountText(setting.default, setting)}
        </Button>
      )}
    </form>
  );
}

/** Who changed it last, and when. */
function Changed({ setting: { changed_at, changed_by_name }, now }: { setting: Shown; now: string }) {
  if (changed_at === null) return <>Nobody has changed it.</>;
  return (
    <>
      Changed <RelativeTime at={changed_at} now={now} focusable /> by{" "}
      {changed_by_name ?? "a user who is gone, or the console"}.
    </>
  );
}
