import type {
  ComponentChildren,
  InputHTMLAttributes,
  PartialInputHTMLAttributes,
  PartialSelectHTMLAttributes,
  SelectHTMLAttributes,
  VNode,
} from "preact";
import { Icon } from "./icon.tsx";

/** What ties a control to its label, hint and error. */
export interface ControlProps {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": "true" | undefined;
}

interface FieldWords {
  id: string;
  label: ComponentChildren;
  hint?: ComponentChildren;
  /** What is wrong and what to do; what was typed stays. */
  error?: string | null;
  optional?: boolean;
}

/** A label, a control of any kind, and the words below it. */
export function Field(
  { id, label, hint, error, optional, children }: FieldWords & { children: (control: ControlProps) => VNode },
) {
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label} {optional && <span class="field-optional">(optional)</span>}
      </label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? "true" : undefined })}
      {hint && <p class="field-hint" id={`${id}-hint`}>{hint}</p>}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          <Icon name="circle-alert" />
          {error}
        </p>
      )}
    </div>
  );
}

// Preact types each `type` of input with its own roles; passing attributes through cannot keep that union apart.
type NativeInput = Omit<PartialInputHTMLAttributes<HTMLInputElement>, "id" | "label" | "class" | "role" | "type">;
type TextType = "text" | "password" | "email" | "search" | "url" | "number" | "date" | "time" | "datetime-local";

/** A field with a one-line input; all of `<input>`'s attributes pass through. */
export function TextField(
  { id, label, hint, error, optional, mono, type = "text", ...native }:
    & FieldWords
    & { mono?: boolean; type?: TextType }
    & NativeInput,
) {
  return (
    <Field id={id} label={label} hint={hint} error={error} optional={optional}>
      {(control) => {
        const props = { ...native, ...control, type, class: mono ? "input input-mono" : "input" };
        return <input {...props as InputHTMLAttributes<HTMLInputElement>} />;
      }}
    </Field>
  );
}

/** A field with a choice of few. */
export function SelectField(
  { id, label, hint, error, optional, options, value, ...native }:
    & FieldWords
    & { options: { value: string; label: string }[]; value?: string }
    & Omit<PartialSelectHTMLAttributes<HTMLSelectElement>, "id" | "label" | "class" | "value" | "role">,
) {
  return (
    <Field id={id} label={label} hint={hint} error={error} optional={optional}>
      {(control) => (
        <select {...{ ...native, ...control, class: "select" } as SelectHTMLAttributes<HTMLSelectElement>}>
          {options.map((option) => (
            <option key={option.value} value={option.value} selected={option.value === value}>{option.label}</option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A box to tick with its words. */
export function CheckField(
  { label, hint, ...native }: { label: ComponentChildren; hint?: ComponentChildren } & NativeInput,
) {
  return (
    <label class="check">
      <input {...{ ...native, type: "checkbox" } as InputHTMLAttributes<HTMLInputElement>} />
      <span>
        {label}
        {hint && <span class="field-hint">{hint}</span>}
      </span>
    </label>
  );
}
