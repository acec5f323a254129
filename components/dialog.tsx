import type { ComponentChildren, Ref } from "preact";
import { Button, type ButtonKind } from "./button.tsx";
import type { IconName } from "./icon.tsx";

/**
 * A native modal dialog: focus is held and Escape closes it by the browser. Open it with {@link DialogButton} (no
 * script), or from an island by `ref` and `showModal()`.
 */
export function Dialog(
  { id, title, children, actions, dialogRef, onClose }: {
    id: string;
    /** The act as a question or statement: "Apply 12 patches to 3 hosts now?" */
    title: string;
    /** What will change. */
    children: ComponentChildren;
    /** Buttons, the act last. */
    actions?: ComponentChildren;
    dialogRef?: Ref<HTMLDialogElement>;
    onClose?: () => void;
  },
) {
  return (
    <dialog id={id} class="dialog" aria-labelledby={`${id}-title`} ref={dialogRef} onClose={onClose}>
      <div class="dialog-head">
        <h2 id={`${id}-title`}>{title}</h2>
        <Button kind="quiet" size="small" icon="x" command="close" commandfor={id}>Close</Button>
      </div>
      <div class="dialog-body">{children}</div>
      {actions && <div class="dialog-actions">{actions}</div>}
    </dialog>
  );
}

/** Opens a dialog of the page. */
export function DialogButton(
  { opens, kind, icon, size, children }: {
    opens: string;
    kind?: ButtonKind;
    icon?: IconName;
    size?: "small";
    children: ComponentChildren;
  },
) {
  return (
    <Button kind={kind} icon={icon} size={size} command="show-modal" commandfor={opens} aria-haspopup="dialog">
      {children}
    </Button>
  );
}

/** Closes a dialog of the page without doing anything. */
export function DialogCancel({ closes, children = "Cancel" }: { closes: string; children?: ComponentChildren }) {
  return <Button command="close" commandfor={closes}>{children}</Button>;
}
