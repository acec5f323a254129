import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Window } from "./window.ts";

/**
 * Rows of a long table with room where others would stand. The row that has the focus is always among them: taken out
 * of the document it would lose it.
 *
 * @param active place of the row that has the focus, -1 for none
 */
export function withGaps(
  { first, end, row }: Window,
  total: number,
  active: number,
  columns: number,
  line: (place: number) => VNode,
): VNode[] {
  const lines: VNode[] = [];
  let next = 0;
  const upTo = (place: number) => {
    if (place > next && row > 0) {
      lines.push(<Gap key={`gap-${lines.length}`} pixels={(place - next) * row} columns={columns} />);
    }
    next = Math.max(next, place);
  };
  const put = (from: number, to: number) => {
    upTo(from);
    for (; next < to; next++) lines.push(line(next));
  };
  if (active >= 0 && active < first) put(active, active + 1);
  put(first, Math.min(end, total));
  if (active >= end && active < total) put(active, active + 1);
  upTo(total);
  return lines;
}

/**
 * Empty room of a height. It is set through the CSSOM: the content security policy blocks style attributes, and rows have
 * the height that the reader's letters give them, so no class knows it.
 */
function Gap({ pixels, columns }: { pixels: number; columns: number }) {
  const cell = useRef<HTMLTableCellElement>(null);
  useLayoutEffect(() => {
    if (cell.current) cell.current.style.height = `${pixels}px`;
  }, [pixels]);
  return (
    <tr class="gap" aria-hidden="true">
      <td ref={cell} colSpan={columns} />
    </tr>
  );
}
