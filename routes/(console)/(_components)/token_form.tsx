import { Button, LinkButton } from "../../../components/button.tsx";
import { CheckField, Field, SelectField, TextField } from "../../../components/field.tsx";
import { Icon } from "../../../components/icon.tsx";
import type { Role } from "../../../core/auth/types.ts";
import { scopes, scopeWords } from "../../../core/tokens/scopes.ts";

/** What somebody typed who wants a token. */
export interface TypedToken {
  name: string;
  scopes: string[];
  group_ids: string[];
  /** One a line. */
  networks: string;
  expires_in_days: string;
}

const RANK: Record<Role, number> = { auditor: 1, operator: 2, admin: 3 };

const LIFETIMES = [
  { value: "1", label: "1 day" },
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "180", label: "180 days" },
  { value: "366", label: "366 days" },
];

/** Asks for a token; scopes beyond the maker's role are not offered. */
export function TokenForm(
  { typed, groups, role, fields }: {
    typed: TypedToken;
    groups: { id: string; name: string }[];
    role: Role;
    /** What is wrong, by the name of the field. */
    fields: Record<string, string>;
  },
) {
  const offered = scopes.filter((scope) => RANK[scopeWords[scope].role] <= RANK[role]);
  const wrong = (name: string) =>
    Object.entries(fields).find(([field]) => field === name || field.startsWith(`${name}.`));
  const network = wrong("networks");
  return (
    <form class="form" method="post" action="/profile/tokens/new">
      <TextField
        id="name"
        name="name"
        label="Name"
        value={typed.name}
        placeholder="Nightly report"
        hint="What it is for. It stands in the audit log beside everything that the token does."
        error={fields.name}
        maxLength={100}
        required
      />
      <fieldset class="choices choices-wide">
        <legend>What it may do</legend>
        <Wrong words={wrong("scopes")?.[1]} />
        {offered.map((scope) => (
          <CheckField
            key={scope}
            name="scope"
            value={scope}
            checked={typed.scopes.includes(scope)}
            label={scopeWords[scope].title}
            hint={scopeWords[scope].allows + (scopeWords[scope].with_groups ? "" : " Not together with groups.")}
          />
        ))}
      </fieldset>
      {groups.length > 0 && (
        <fieldset class="choices">
          <legend>Only hosts of these groups</legend>
          <p class="field-hint">None ticked: all hosts that you may see.</p>
          <Wrong words={wrong("group_ids")?.[1]} />
          {groups.map(({ id, name }) => (
            <CheckField key={id} name="group" value={id} checked={typed.group_ids.includes(id)} label={name} />
          ))}
        </fieldset>
      )}
      <Field
        id="networks"
        label="Only from these addresses"
        hint="One network a line, such as 10.1.4.0/24 or 2001:db8::7. Empty: from anywhere that may come in."
        error={network && `${entryWords(network[0])}${network[1]}`}
        optional
      >
        {(control) => (
          <textarea {...control} class="textarea input-mono" name="networks" rows={3} maxLength={8_000}>
            {typed.networks}
          </textarea>
        )}
      </Field>
      <SelectField
        id="expires_in_days"
        name="expires_in_days"
        label="Expires after"
        options={LIFETIMES}
        value={typed.expires_in_days}
        error={fields.expires_in_days}
      />
      <div class="row">
        <Button kind="primary" type="submit">Make this token</Button>
        <LinkButton kind="quiet" href="/profile/tokens">Cancel</LinkButton>
      </div>
    </form>
  );
}

function Wrong({ words }: { words: string | undefined }) {
  if (!words) return null;
  return (
    <p class="field-error">
      <Icon name="circle-alert" />
      {words}
    </p>
  );
}

/** `networks.2`: which of those that were typed. */
function entryWords(field: string): string {
  const index = field.split(".")[1];
  return index === undefined ? "" : `Network ${Number(index) + 1}: `;
}
