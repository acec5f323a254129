import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

/** Up to so many rows all are in the document: the browser's own search finds them. */
const ALL_UP_TO = 200;
/** Rows beyond both edges of what is seen, so that fast scrolling and Tab meet no hole. */
const MARGIN = 12;
/** On a phone rows are blocks of any height: they are added by so many when the end comes near. */
const PIECE = 60;

/** Which rows are in the document: from `first` to before `end`, with room for the others. */
export interface Window {
  first: number;
  end: number;
  /** Pixels of a row; 0 where rows are not as high as each other. */
  row: number;
}

/** Where the table's own scrolling part is. */
export function scrollerOf(box: HTMLElement | null): HTMLElement | null {
  return box?.querySelector<HTMLElement>(".table-scroll") ?? null;
}

/**
 * The rows to render of many.
 *
 * @param box what holds the table
 * @param start what the server rendered: the same until the island is awake
 */
export function useWindow(
  box: RefObject<HTMLElement | null>,
  total: number,
  start: { first: number; end: number },
): Window {
  const [window, setWindow] = useState<Window>({ ...start, row: 0 });
  const [pieces, setPieces] = useState(1);
  useLayoutEffect(() => {
    const scroller = scrollerOf(box.current);
    if (!scroller) return;
    const look = () => setWindow((before) => seenRows(scroller, total, pieces, before));
    look();
    let asked = 0;
    const later = () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(() => {
        if (before(scroller) && nearEnd()) setPieces((count) => count * PIECE < total ? count + 1 : count);
        look();
      });
    };
    scroller.addEventListener("scroll", later, { passive: true });
    addEventListener("scroll", later, { passive: true });
    const sized = new ResizeObserver(later);
    sized.observe(scroller);
    return () => {
      cancelAnimationFrame(asked);
      sized.disconnect();
      scroller.removeEventListener("scroll", later);
      removeEventListener("scroll", later);
    };
  }, [total, pieces]);
  // Another list begins at its top.
  useEffect(() => setPieces(1), [total]);
  return window;
}

/** True where the page scrolls and not the table: on a phone. */
function before(scroller: HTMLElement): boolean {
  return getComputedStyle(scroller.querySelector("thead") ?? scroller).display === "none";
}

function nearEnd(): boolean {
  const { scrollHeight } = document.documentElement;
  return scrollY + innerHeight * 2 > scrollHeight;
}

function seenRows(scroller: HTMLElement, total: number, pieces: number, was: Window): Window {
  const same = (next: Window) => next.first === was.first && next.end === was.end && next.row === was.row ? was : next;
  if (before(scroller)) return same({ first: 0, end: Math.min(total, pieces * PIECE), row: 0 });
  if (total <= ALL_UP_TO) return same({ first: 0, end: total, row: 0 });
  const one = scroller.querySelector("tbody tr[aria-rowindex]");
  const row = one?.getBoundingClientRect().height || was.row || 33;
  const first = Math.max(0, Math.floor(scroller.scrollTop / row) - MARGIN);
  const end = Math.min(total, Math.ceil((scroller.scrollTop + scroller.clientHeight) / row) + MARGIN);
  return same({ first: Math.min(first, end), end, row });
}

/** Scrolls just as far as the row is hidden, below the head that stays. */
export function showRow(box: HTMLElement | null, place: number, { row }: Window): void {
  const scroller = scrollerOf(box);
  if (!scroller || row === 0) return;
  const head = scroller.querySelector("thead")?.getBoundingClientRect().height ?? 0;
  const top = place * row;
  const room = scroller.clientHeight - head;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + row > scroller.scrollTop + room) scroller.scrollTop = top + row - room;
}
