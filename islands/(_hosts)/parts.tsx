import { LinkButton } from "../../components/button.tsx";
import { type Query, writeQuery } from "./query.ts";

/** Rows of one page where no script runs, and of the first picture where one does. */
const PART = 50;

/** The rows of a part, from 0; the last part for one beyond it. */
export function partRows(part: number, total: number): { first: number; end: number } {
  const last = Math.max(0, Math.ceil(total / PART) - 1);
  const first = Math.min(part, last) * PART;
  return { first, end: Math.min(first + PART, total) };
}

/** Where no script runs, the list has pages. */
export function Parts(
  { part, total, query, only }: { part: number; total: number; query: Query; only: string | null },
) {
  if (total <= PART) return null;
  const { first, end } = partRows(part, total);
  const at = (number: number) => {
    const search = writeQuery(query, only);
    return `/hosts${search}${number === 0 ? "" : `${search ? "&" : "?"}page=${number + 1}`}`;
  };
  return (
    <noscript>
      <nav class="row" aria-label="Pages of hosts">
        {first > 0 && <LinkButton href={at(first / PART - 1)} icon="chevron-left">Before</LinkButton>}
        <span class="muted number">
          {(first + 1).toLocaleString("en")} to {end.toLocaleString("en")} of {total.toLocaleString("en")}
        </span>
        {end < total && (
          <LinkButton href={at(first / PART + 1)} icon="chevron-right">Next {Math.min(PART, total - end)}</LinkButton>
        )}
      </nav>
    </noscript>
  );
}
