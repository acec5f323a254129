import type { RefObject, TargetedFocusEvent, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { KEYS_DIALOG, moveOf } from "./keys.tsx";
import type { Selection } from "./selection.ts";
import { scrollerOf, showRow, type Window } from "./window.ts";

interface Options {
  box: RefObject<HTMLDivElement | null>;
  total: number;
  view: Window;
  selection: Selection;
  /** Of the rows, in their order. */
  ids: string[];
  may_choose: boolean;
}

interface RowKeys {
  /** Place of the row that has the focus, -1 for none. */
  active: number;
  onKeyDown(event: TargetedKeyboardEvent<HTMLDivElement>): void;
  onFocusIn(event: TargetedFocusEvent<HTMLDivElement>): void;
}

/** Keys that make no text also work while nothing has the focus; letters only inside the list (WCAG 2.1.4). */
const ANYWHERE = new Set(["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"]);

/** The list by keys: the focus moves from row to row, on the name that Enter opens. */
export function useRowKeys({ box, total, view, selection, ids, may_choose }: Options): RowKeys {
  const [active, setActive] = useState(-1);
  const wanted = useRef(-1);
  const last = useRef({ key: (_event: KeyboardEvent) => {} });

  useLayoutEffect(() => {
    if (wanted.current === -1) return;
    const link = rowAt(box.current, wanted.current)?.querySelector<HTMLElement>("th a");
    if (!link) return;
    wanted.current = -1;
    link.focus({ preventScroll: view.row > 0 });
  });

  const go = (place: number) => {
    wanted.current = place;
    showRow(box.current, place, view);
    setActive(place);
    // The row may be there already: then nothing is drawn anew.
    const link = rowAt(box.current, place)?.querySelector<HTMLElement>("th a");
    if (!link) return;
    wanted.current = -1;
    link.focus({ preventScroll: view.row > 0 });
  };
  const act = (event: KeyboardEvent, at: number) => {
    const scroller = scrollerOf(box.current);
    const page = view.row > 0 && scroller ? Math.max(1, Math.floor(scroller.clientHeight / view.row) - 2) : 15;
    const move = moveOf(event, at, total, page);
    if (move === null || (total === 0 && typeof move === "object")) return;
    if (typeof move === "object") {
      if (move.range && may_choose && at >= 0) {
        selection.toggle(at, true, true);
        selection.toggle(move.to, true, true);
      }
      go(move.to);
    } else if (move === "clear") selection.clear();
    else if (move === "filter") box.current?.querySelector<HTMLElement>("#hosts-search")?.focus();
    else if (move === "help") (document.getElementById(KEYS_DIALOG) as HTMLDialogElement | null)?.showModal();
    else if (!may_choose) return;
    else if (move === "all") selection.all(true);
    else selection.toggle(at, move === "range" || !selection.chosen.has(ids[at]), move === "range");
    event.preventDefault();
  };

  last.current.key = (event) => {
    if (!ANYWHERE.has(event.key) || event.defaultPrevented || event.ctrlKey || event.metaKey) return;
    const { activeElement } = document;
    const free = activeElement === null || activeElement.matches("body, main, h1");
    if (free && !document.querySelector("dialog[open], :popover-open")) act(event, -1);
  };
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => last.current.key(event);
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  return {
    active: active < total ? active : -1,
    onKeyDown(event) {
      const target = event.target as HTMLElement;
      const box_of_row = target.matches("input[type=checkbox]");
      if (target.closest("dialog") || (target.matches("input, select, textarea") && !box_of_row)) return;
      // Buttons and heads keep what the browser does with Space, boxes too.
      const at = placeOf(target);
      if (event.key === " " && (target.closest("button, thead") || (box_of_row && !event.shiftKey))) return;
      if (event.key === "Escape" && selection.chosen.size === 0) return;
      act(event, at);
    },
    onFocusIn(event) {
      setActive(placeOf(event.target as HTMLElement));
    },
  };
}

/** Place of the row that an element lies in; -1 outside of rows. */
function placeOf(element: HTMLElement): number {
  const index = element.closest("tbody tr")?.getAttribute("aria-rowindex");
  return index ? Number(index) - 2 : -1;
}

function rowAt(box: HTMLElement | null, place: number): HTMLElement | null {
  return box?.querySelector<HTMLElement>(`tbody tr[aria-rowindex="${place + 2}"]`) ?? null;
}
