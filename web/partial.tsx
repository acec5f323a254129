import { type ComponentChildren, h, type VNode } from "preact";

/** A region that client-side navigation replaces; its name must be on both pages. */
export function Partial({ name, children }: { name: string; children?: ComponentChildren }): VNode {
  return h("x-partial", { name }, children) as VNode;
}
