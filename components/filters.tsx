import type { ComponentChildren } from "preact";

/** Filters as one row: a GET form, so every view has its own address. `result` says what is left. */
export function Filters(
  { action, label = "Filters", result, children }: {
    action?: string;
    label?: string;
    result?: ComponentChildren;
    children: ComponentChildren;
  },
) {
  return (
    <form class="filters" action={action} role="search" aria-label={label}>
      {children}
      {result && <span class="filters-result" role="status">{result}</span>}
    </form>
  );
}

/** A choice within the filter row. The first option names what it filters ("Any health"), so the label is not shown. */
export function FilterSelect(
  { id, name, label, value, options }: {
    id: string;
    name: string;
    label: string;
    value?: string;
    options: { value: string; label: string }[];
  },
) {
  return (
    <label class="filter" for={id}>
      <span class="visually-hidden">{label}</span>
      <select class="select" id={id} name={name} data-chosen={value ? "true" : undefined}>
        {options.map((option) => (
          <option key={option.value} value={option.value} selected={option.value === (value ?? "")}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}

/**
 * The order of a table for narrow windows, where its heads, which order it elsewhere, are not shown. An order of the
 * address that is not among the options stays as it is.
 */
export function SortSelect({ value, options }: { value: string; options: { value: string; label: string }[] }) {
  const known = options.some((option) => option.value === value);
  return (
    <div class="filter-sort">
      <FilterSelect
        id="sort"
        name="sort"
        label="Order"
        value={value}
        options={known ? options : [...options, { value, label: "Sort: another order" }]}
      />
    </div>
  );
}

/** Replaces the filter row while rows are chosen; says what it will do to how many. */
export function SelectionBar(
  { words, note, children }: { words: string; note?: string; children: ComponentChildren },
) {
  return (
    <div class="selection-bar" role="group" aria-label="Chosen rows">
      <p class="selection-bar-words" role="status">
        {words} {note && <span>{note}</span>}
      </p>
      {children}
    </div>
  );
}
