import type { ComponentChildren } from "preact";
import { Shape, type ShapeName, type Tone } from "./shape.tsx";

/** A short word with a frame; `shape` makes it a status that can be told without colour. */
export function Badge(
  { tone = "off", shape, title, children }: {
    tone?: Tone;
    shape?: ShapeName;
    title?: string;
    children: ComponentChildren;
  },
) {
  return (
    <span class={`badge tone-${tone}`} title={title}>
      {shape && <Shape name={shape} />}
      {children}
    </span>
  );
}

/** Marks a host that only plays one. It stands wherever the host is named and never goes away. */
export function Simulated() {
  return (
    <Badge tone="mark" title="This host is simulated: no real machine is changed.">
      simulated
    </Badge>
  );
}
