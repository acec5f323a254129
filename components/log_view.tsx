import type { ComponentChildren, Ref } from "preact";
import type { Tone } from "./shape.tsx";
import { visibleText } from "./visible_text.ts";

export interface LogLine {
  /** Number of the line, from 1. */
  number: number;
  text: string;
  /** bad: an error; warn: a warning; info: a step of ours. */
  tone?: Extract<Tone, "bad" | "warn" | "info">;
}

/** Lines of a program as it wrote them. `live` announces new ones; `scroller` lets an island follow the end. */
export function LogView(
  { label, lines, live, empty = "Nothing was written so far.", scroller, children }: {
    label: string;
    lines: LogLine[];
    live?: boolean;
    empty?: string;
    scroller?: Ref<HTMLDivElement>;
    /** At the right of the head: state, download. */
    children?: ComponentChildren;
  },
) {
  return (
    <section class="log" aria-label={label}>
      <div class="log-head">
        <strong>{label}</strong>
        <span class="spread row">{children}</span>
      </div>
      <div
        class="log-lines"
        ref={scroller}
        role="log"
        aria-live={live ? "polite" : "off"}
        aria-label={`Lines of ${label}`}
        tabIndex={0}
      >
        {lines.length === 0 && (
          <div class="log-line muted">
            <span /> {empty}
          </div>
        )}
        {lines.map(({ number, text, tone }) => (
          <div key={number} class={tone ? `log-line tone-${tone}` : "log-line"}>
            <span class="log-number" aria-hidden="true">{number}</span>
            <span class="log-text">{visibleText(text)}</span>
          </div>
        ))}
      </div>
    </section>
  );
}
