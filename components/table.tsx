import type { ComponentChildren } from "preact";
import { Icon } from "./icon.tsx";
import { PlaceLink } from "./place_link.tsx";

/** A table with 32 px rows and a head that stays. `label` names it for screen readers. */
export function Table(
  { label, columns, rows, height = "page", children }: {
    label: string;
    columns: ComponentChildren;
    /** Number of all rows, when only some are in the document. */
    rows?: number;
    /**
     * fill: takes what the window has left, so that only the table scrolls; for the one table of a page. page: at most
     * a window. short: some rows of many, where more stands below.
     */
    height?: "fill" | "page" | "short";
    children: ComponentChildren;
  },
) {
  return (
    <div
      class={height === "page" ? "table-scroll" : `table-scroll table-${height}`}
      role="region"
      aria-label={label}
      tabIndex={0}
    >
      <table class="table" aria-rowcount={rows}>
        <caption class="visually-hidden">{label}</caption>
        <thead>
          <tr>{columns}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** How a column is ordered; `href` (a page) or `onSort` (an island) changes it. */
export interface Sorting {
  direction: "ascending" | "descending" | null;
  href?: string;
  onSort?: () => void;
}

/** The head of a column. Numbers stand right; `roomy` as its cells. */
export function Column(
  { children, right, check, roomy, sorting }: {
    children?: ComponentChildren;
    right?: boolean;
    check?: boolean;
    roomy?: boolean;
    sorting?: Sorting;
  },
) {
  const words = sorting
    ? (
      <>
        {children}
        <Icon
          name={sorting.direction === "ascending"
            ? "arrow-up"
            : sorting.direction === "descending"
            ? "arrow-down"
            : "arrow-up-down"}
        />
      </>
    )
    : children;
  return (
    <th
      scope="col"
      class={[right && "align-right", check && "cell-check", roomy && "cell-roomy"].filter(Boolean).join(" ") ||
        undefined}
      aria-sort={sorting?.direction ?? undefined}
    >
      {sorting?.href
        ? <a class="sort" href={sorting.href}>{words}</a>
        : sorting?.onSort
        ? <button type="button" class="sort" onClick={sorting.onSort}>{words}</button>
        : words}
    </th>
  );
}

/** A row; its first text cell is a {@link RowName}. */
export function Row(
  { selected, index, children }: { selected?: boolean; index?: number; children: ComponentChildren },
) {
  return (
    <tr data-selected={selected ? "true" : undefined} aria-rowindex={index}>
      {children}
    </tr>
  );
}

/**
 * The name of the row's thing, linked, with badges beside it and words below it. A long one is cut; with `wrap` only after
 * two lines, for names that are made of words.
 */
export function RowName(
  { href, marks, note, title, wrap, children }: {
    href?: string;
    marks?: ComponentChildren;
    note?: ComponentChildren;
    /** The whole name, in case it is cut. */
    title?: string;
    wrap?: boolean;
    children: ComponentChildren;
  },
) {
  const text = wrap ? "row-name-text two-lines" : "row-name-text";
  return (
    <th scope="row">
      <span class="row-name">
        {href
          ? <PlaceLink class={text} href={href} title={title}>{children}</PlaceLink>
          : <span class={text} title={title}>{children}</span>}
        {marks}
      </span>
      {note && <span class="row-note">{note}</span>}
    </th>
  );
}

/**
 * Any other cell. `wide` takes what is left, with at most two lines of text; `label` names it where rows are stacked
 * (phones), `line` gives it a line of its own there. `roomy` leaves it out where there is little room, as its column, for
 * what the thing's own page says as well.
 */
export function Cell(
  { right, wide, roomy, line, title, label, note, children }: {
    right?: boolean;
    wide?: boolean;
    roomy?: boolean;
    line?: boolean;
    title?: string;
    label?: string;
    /** Second line. */
    note?: ComponentChildren;
    children?: ComponentChildren;
  },
) {
  return (
    <td
      class={[right && "align-right", wide && "cell-wide", roomy && "cell-roomy", line && "cell-line"].filter(Boolean)
        .join(" ") || undefined}
      title={title}
      data-label={label}
    >
      {wide && children ? <span class="two-lines">{children}</span> : children}
      {note && <span class="row-note">{note}</span>}
    </td>
  );
}

/** The cell that chooses its row; `label` says which: "Choose web-1". */
export function CheckCell(
  { label, checked, disabled, name, value, onToggle, head }: {
    label: string;
    checked?: boolean;
    disabled?: boolean;
    name?: string;
    value?: string;
    onToggle?: (checked: boolean) => void;
    /** In the head: chooses all rows. */
    head?: boolean;
  },
) {
  const box = (
    // The whole cell is the target: a box alone is too small for a thumb.
    <label class="check-area">
      <input
        type="checkbox"
        aria-label={label}
        checked={checked}
        disabled={disabled}
        name={name}
        value={value}
        onChange={onToggle && ((event) => onToggle(event.currentTarget.checked))}
      />
    </label>
  );
  return head ? <th scope="col" class="cell-check">{box}</th> : <td class="cell-check">{box}</td>;
}
