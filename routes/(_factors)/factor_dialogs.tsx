import { Button } from "../../components/button.tsx";
import { Dialog, DialogCancel } from "../../components/dialog.tsx";
import { TextField } from "../../components/field.tsx";

interface Named {
  id: string;
  name: string;
}

/** Removes the app, after saying what that means. */
export function RemoveAppDialog() {
  return (
    <Dialog
      id="remove-app"
      title="Remove the authenticator app?"
      actions={
        <>
          <DialogCancel closes="remove-app" />
          <form method="post" action="/profile/factors/app/remove">
            <Button type="submit" kind="danger">Remove the authenticator app</Button>
          </form>
        </>
      }
    >
      <p>Its codes are no longer taken, and your other sessions end. Your passkeys stay.</p>
    </Dialog>
  );
}

/** Removes a passkey, after saying what that means. */
export function RemovePasskeyDialog({ passkey: { id, name } }: { passkey: Named }) {
  return (
    <Dialog
      id={`remove-${id}`}
      title={`Remove the passkey ${name}?`}
      actions={
        <>
          <DialogCancel closes={`remove-${id}`} />
          <form method="post" action={`/profile/factors/passkeys/${id}/remove`}>
            <Button type="submit" kind="danger">Remove {name}</Button>
          </form>
        </>
      }
    >
      <p>It no longer lets anybody in, and your other sessions end. Delete it on the device as well.</p>
    </Dialog>
  );
}

/** Another name for a passkey. */
export function RenamePasskeyDialog({ passkey: { id, name } }: { passkey: Named }) {
  return (
    <Dialog
      id={`rename-${id}`}
      title={`Rename ${name}`}
      actions={
        <>
          <DialogCancel closes={`rename-${id}`} />
          <Button kind="primary" type="submit" form={`rename-form-${id}`}>Save</Button>
        </>
      }
    >
      <form id={`rename-form-${id}`} class="form" method="post" action={`/profile/factors/passkeys/${id}/rename`}>
        <TextField
          id={`name-${id}`}
          name="name"
          label="Name"
          value={name}
          maxLength={100}
          autocomplete="off"
          required
        />
      </form>
    </Dialog>
  );
}
