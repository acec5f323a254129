import { TextField } from "../../components/field.tsx";

/** Where the six digits of an app are typed: a phone shows its number keys, a password manager fills it in. */
export function CodeField(
  { label = "Code", hint, error, autofocus = false }: {
    label?: string;
    hint?: string;
    error?: string;
    autofocus?: boolean;
  },
) {
  return (
    <TextField
      id="code"
      name="code"
      label={label}
      hint={hint}
      error={error}
      inputMode="numeric"
      autocomplete="one-time-code"
      autocapitalize="none"
      spellcheck={false}
      maxLength={12}
      mono
      required
      autofocus={autofocus}
    />
  );
}
