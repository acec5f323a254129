import { TextField } from "../../components/field.tsx";
import { Notice } from "../../components/states.tsx";
import type { PasskeyEnrolment } from "../../core/auth/factors/enrol_passkey.ts";
import { PasskeyName, Registration } from "../../core/auth/factors/types.ts";
import { AppError } from "../../core/errors.ts";
import PasskeyButton from "../../islands/passkey_button.tsx";
import { readAnswer } from "./asking.ts";

/** A name for it, then the browser asks for the passkey itself. */
export function PasskeySetup(
  { action, next, name, problem, origin }: {
    action: string;
    next: string;
    name: string;
    problem: { title: string; hint: string } | null;
    origin: string;
  },
) {
  return (
    <>
      <form class="form" method="post" action={action} id="passkey">
        {problem && <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>}
        <input type="hidden" name="next" value={next} />
        <TextField
          id="name"
          name="name"
          label="Name"
          value={name}
          hint="By which you know it again: Work laptop, Blue key."
          autocomplete="off"
          maxLength={100}
          required
          autofocus
        />
      </form>
      <PasskeyButton
        form="passkey"
        action={action}
        act="make"
        label="Create the passkey"
        kind="primary"
        origin={origin}
      />
      <noscript>
        <p class="field-hint">Passkeys need JavaScript. An authenticator app works without.</p>
      </noscript>
    </>
  );
}

/** What the form of a new passkey holds. @throws AppError validation_failed, passkey_refused */
export function newPasskeyOf(name: string, response: string): PasskeyEnrolment {
  const read = PasskeyName.safeParse(name);
  if (!read.success) {
    throw new AppError("validation_failed", {
      message: `The name ${read.error.issues[0].message}.`,
      hint: "Give the passkey a name, then try again.",
    });
  }
  return { name: read.data, response: readAnswer(Registration, response) };
}
