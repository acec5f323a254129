import { useRef, useState } from "preact/hooks";

/** Rows that are chosen. */
export interface Selection {
  chosen: ReadonlySet<string>;
  /** Chooses a row or lets go of it; with `range` all rows from the last one that was chosen so. */
  toggle(place: number, on: boolean, range: boolean): void;
  /** All rows that are shown, or none. */
  all(on: boolean): void;
  clear(): void;
}

/**
 * Chosen rows by id, so that they stay chosen when others come and go. What an act reaches is what is chosen and shown.
 * @param ids of the rows that are shown, in their order
 */
export function useSelection(ids: string[]): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const anchor = useRef<string | null>(null);
  return {
    chosen,
    toggle(place, on, range) {
      const from = range && anchor.current !== null ? ids.indexOf(anchor.current) : -1;
      const [first, last] = from === -1 ? [place, place] : [Math.min(from, place), Math.max(from, place)];
      // The anchor stays where a range began, so that a second one from there corrects the first.
      if (from === -1) anchor.current = ids[place];
      setChosen((before) => {
        const after = new Set(before);
        for (const id of ids.slice(first, last + 1)) on ? after.add(id) : after.delete(id);
        return after;
      });
    },
    all(on) {
      anchor.current = null;
      setChosen(on ? new Set(ids) : new Set());
    },
    clear() {
      anchor.current = null;
      setChosen(new Set());
    },
  };
}
