import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

export type ButtonKind = "plain" | "primary" | "danger" | "quiet";

interface Look {
  kind?: ButtonKind;
  size?: "base" | "small";
  wide?: boolean;
  icon?: IconName;
  children: ComponentChildren;
}

function classes({ kind = "plain", size = "base", wide }: Omit<Look, "children">, extra?: unknown): string {
  const list = ["button"];
  if (kind !== "plain") list.push(`button-${kind}`);
  if (size === "small") list.push("button-small");
  if (wide) list.push("button-wide");
  if (typeof extra === "string") list.push(extra);
  return list.join(" ");
}

/** A button that names the act and its reach: "Apply 12 patches to 3 hosts now". `type` is "button" unless said. */
export function Button(
  { kind, size, wide, icon, children, class: extra, type = "button", ...native }:
    & Look
    & Omit<ButtonHTMLAttributes<HTMLButtonElement>, "size" | "icon">,
) {
  return (
    <button {...native} type={type} class={classes({ kind, size, wide }, extra)}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A link that looks like a button, for going somewhere. */
export function LinkButton(
  { kind, size, wide, icon, children, class: extra, href, ...native }:
    & Look
    & { href: string }
    & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "size" | "href" | "role">,
) {
  return (
    <a {...native} href={href} class={classes({ kind, size, wide }, extra)}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}
