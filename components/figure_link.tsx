import type { ComponentChildren } from "preact";
import { PlaceLink } from "./place_link.tsx";

/**
 * A number that leads to the list behind it. `count` is what that list says it holds; a test follows every one of
 * these and compares.
 */
export function FigureLink({ href, count, children }: { href: string; count: number; children?: ComponentChildren }) {
  return (
    <PlaceLink class="figure number" href={href} data-count={count}>
      {children ?? count.toLocaleString("en")}
    </PlaceLink>
  );
}

/** What a piece of a bar looks like, beside its name. */
export function Swatch({ tone }: { tone: string }) {
  return <i class={`swatch tone-${tone}`} aria-hidden="true" />;
}
