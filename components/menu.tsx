import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

/** A button that opens a short list below it, by the browser's own popover; Escape and a click elsewhere close it. */
export function Menu(
  { id, label, icon, quiet = true, children }: {
    id: string;
    label: ComponentChildren;
    icon?: IconName;
    quiet?: boolean;
    children: ComponentChildren;
  },
) {
  return (
    <>
      <button type="button" class={quiet ? "button button-quiet" : "button"} popovertarget={id}>
        {icon && <Icon name={icon} />}
        <span class="menu-label">{label}</span>
        <Icon name="chevron-down" />
      </button>
      <div id={id} class="menu" popover="auto">{children}</div>
    </>
  );
}

/** A line of a menu that goes somewhere. */
export function MenuLink({ href, icon, children }: { href: string; icon?: IconName; children: ComponentChildren }) {
  return (
    <a class="menu-item" href={href}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}

/** A line of a menu that submits its form. */
export function MenuButton(
  { name, value, icon, pressed, danger, children }: {
    name?: string;
    value?: string;
    icon?: IconName;
    /** For choices: whether this is the one in force. */
    pressed?: boolean;
    danger?: boolean;
    children: ComponentChildren;
  },
) {
  return (
    <button
      type="submit"
      name={name}
      value={value}
      class={danger ? "menu-item menu-item-danger" : "menu-item"}
      aria-pressed={pressed === undefined ? undefined : pressed ? "true" : "false"}
    >
      {icon && <Icon name={icon} />}
      {children}
      {pressed && (
        <span class="menu-mark">
          <Icon name="check" />
        </span>
      )}
    </button>
  );
}
