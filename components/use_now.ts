import { useEffect, useState } from "preact/hooks";
import { ageText, relativeText } from "./time_text.ts";

/**
 * The present by the server's clock, moved on by how long the page has been open; the viewer's own clock may be wrong.
 * @param start RFC 3339, the server's time of rendering
 * @param every milliseconds between changes, 15 s unless said otherwise
 */
export function useNow(start: string, every = 15_000): string {
  const [now, setNow] = useState(start);
  useEffect(() => {
    const opened = performance.now();
    const timer = setInterval(() => setNow(later(start, performance.now() - opened)), every);
    return () => clearInterval(timer);
  }, [start, every]);
  return now;
}

/** RFC 3339, `ms` milliseconds after `start`. */
export function later(start: string, ms: number): string {
  return new Date(Date.parse(start) + ms).toISOString();
}

/**
 * Keeps all times that the server rendered true while the page is open. Render it once per page, in an island:
 * `export { TimeUpdater as default } from "../components/use_now.ts"`.
 */
export function TimeUpdater({ now: start }: { now: string }): null {
  const now = useNow(start);
  useEffect(() => {
    if (now === start) return;
    for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
      // Islands render their own times; two writers of one text would fight.
      if (element.closest("x-island") && !element.closest("x-slot")) continue;
      const words = element.dataset.relative === "age" ? ageText : relativeText;
      const text = words(element.dateTime, now);
      if (element.textContent !== text) element.textContent = text;
    }
  }, [now]);
  return null;
}
