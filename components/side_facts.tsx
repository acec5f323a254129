import type { ComponentChildren } from "preact";

/**
 * The facts beside what a page is about. Where there is no room beside it they stand above it, folded to one line, so
 * that neither has to be searched for below the other; in wide windows they are simply shown.
 * @param label what unfolds, such as "Facts, edit, remove"
 * @param glance what is read most often, in the same line
 */
export function SideFacts(
  { label, glance, children }: { label: string; glance?: ComponentChildren; children: ComponentChildren },
) {
  return (
    <aside>
      <details class="side-facts">
        <summary>
          {label}
          {glance && <span class="meta">{glance}</span>}
        </summary>
        <div class="detail-side">{children}</div>
      </details>
    </aside>
  );
}
