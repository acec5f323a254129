import type { ComponentChildren } from "preact";
import { Button } from "../../../../components/button.tsx";
import { Dialog, DialogCancel } from "../../../../components/dialog.tsx";
import { SelectField, TextField } from "../../../../components/field.tsx";
import { countText } from "../../../../components/quantity.tsx";
import type { UserRow } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";
import type { Refusal } from "../../(_components)/refusal.ts";
import { factorWords, nameOf, ROLE, ROLE_OPTIONS } from "./user_words.tsx";

type User = Wire<UserRow>;

/** What was typed into the form of a user. */
export interface TypedUser {
  display_name: string;
  email: string;
  role: string;
}

/** What ends at once, in a sentence of its own: "2 open sessions and 1 API token of theirs end." */
function ends({ sessions, tokens }: User): string {
  const parts = [sessions > 0 && countText(sessions, "open session"), tokens > 0 && countText(tokens, "API token")];
  const words = parts.filter(Boolean).join(" and ");
  return words === "" ? "" : ` ${words} of theirs ${sessions + tokens === 1 ? "ends" : "end"}.`;
}

/** Name, e-mail address and role. */
export function EditUserDialog(
  { user, typed, refusal, last_admin }: {
    user: User;
    typed?: TypedUser;
    refusal: Refusal | null;
    /** Nobody else could manage users: the role stays. */
    last_admin: boolean;
  },
) {
  const { display_name, email, role } = typed ?? user;
  return (
    <Dialog
      id="edit-user"
      title={`Change ${nameOf(user)}`}
      actions={
        <>
          <DialogCancel closes="edit-user" />
          <Button kind="primary" type="submit" form="edit-user-form">Save</Button>
        </>
      }
    >
      <form id="edit-user-form" class="form" method="post" action={`/users/${user.id}`}>
        <TextField
          id="display_name"
          name="display_name"
          label="Name"
          value={display_name}
          error={refusal?.fields.display_name}
          maxLength={200}
          autocomplete="off"
          optional
        />
        <TextField
          id="email"
          name="email"
          label="E-mail"
          type="email"
          value={email ?? ""}
          error={refusal?.fields.email}
          maxLength={320}
          autocomplete="off"
          optional
        />
        <SelectField
          id="role"
          name="role"
          label="Role"
          options={last_admin ? ROLE_OPTIONS.filter(({ value }) => value === "admin") : ROLE_OPTIONS}
          value={role}
          error={refusal?.fields.role}
          hint={last_admin
            ? "This is the last admin who may sign in: make somebody else an admin first."
            : `With another role than ${ROLE[user.role].toLowerCase()}, open sessions and API tokens end.`}
        />
      </form>
    </Dialog>
  );
}

/** Acts on a user that are asked about before they are done. */
export function UserDialogs({ user, kept_by }: { user: User; kept_by: string[] }) {
  const name = nameOf(user);
  return (
    <>
      <Ask
        id="reset-password"
        action={`/users/${user.id}/reset-password`}
        title={`Reset the password of ${name}?`}
        act={`Reset the password of ${name}`}
      >
        <p>
          You get a one-time password, shown once, which {name}{" "}
          changes at the next login. The present one is worth nothing then.{ends(user)}
        </p>
        <p class="meta">Second factors stay. Make sure that it is {name} who asks.</p>
      </Ask>
      <Ask
        id="reset-factors"
        action={`/users/${user.id}/reset-factors`}
        title={`Have ${name} set up a second factor anew?`}
        act={`Ask ${name} for new factors`}
      >
        <p>
          {factorWords(user)
            ? `What is set up now (${factorWords(user)}, recovery codes) is worth nothing then.`
            : "Nothing is set up so far."}
          {ends(user)} At the next login {name} sets one up, before anything else is open.
        </p>
        <p class="meta">For a lost or stolen device. Make sure that it is {name} who asks.</p>
      </Ask>
      <Ask
        id="disable-user"
        action={`/users/${user.id}/disable`}
        title={`Disable ${name}?`}
        act={`Disable ${name}`}
        danger
      >
        <p>
          Nobody signs in as {name} any more.{ends(user)}
        </p>
        <p class="meta">What they did stays in the history. It can be enabled again.</p>
      </Ask>
      {kept_by.length === 0
        ? (
          <Ask
            id="remove-user"
            action={`/users/${user.id}/remove`}
            title={`Remove ${name}?`}
            act={`Remove ${name}`}
            danger
          >
            <p>
              {name} never did anything here, so nothing is lost but the account itself.{ends(user)} The user name{" "}
              {user.username} is free again.
            </p>
            <p class="meta">It cannot be undone.</p>
          </Ask>
        )
        : (
          <Dialog
            id="remove-user"
            title={`${name} cannot be removed`}
            actions={<DialogCancel closes="remove-user">Close</DialogCancel>}
          >
            <p>The history names this user: {kept_by.join(", ")}. It has to keep saying who that was.</p>
            <p>
              {user.disabled_at
                ? "The account is disabled: nobody signs in with it."
                : "Disable the account instead: nobody signs in with it any more, and what was done stays traceable."}
            </p>
          </Dialog>
        )}
    </>
  );
}

function Ask(
  { id, action, title, act, danger, children }: {
    id: string;
    action: string;
    title: string;
    act: string;
    danger?: boolean;
    children: ComponentChildren;
  },
) {
  return (
    <Dialog
      id={id}
      title={title}
      actions={
        <>
          <DialogCancel closes={id} />
          <form method="post" action={action}>
            <Button kind={danger ? "danger" : "primary"} type="submit">{act}</Button>
          </form>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
