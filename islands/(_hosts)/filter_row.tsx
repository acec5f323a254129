import { Button, LinkButton } from "../../components/button.tsx";
import { Filters, FilterSelect, SortSelect } from "../../components/filters.tsx";
import { type Counts, FILTERS, type Query } from "./query.ts";

/** Values of a choice; "" is any. */
type Choice = readonly (readonly [string, string])[];

const HEALTH: Choice = [
  ["", "Any health"],
  ["healthy", "Healthy"],
  ["degraded", "Degraded"],
  ["unreachable", "Unreachable"],
  ["pending", "Pending"],
];
const STATUS: Choice = [
  ["", "Any status"],
  ["security", "Security updates"],
  ["pending", "Any updates"],
  ["reboot", "Reboot due"],
  ["compliant", "Compliant"],
  ["not_compliant", "Not compliant"],
  ["stale", "Stale data"],
];
/** Orders for windows in which the table has no heads. */
const ORDERS: Choice = [
  ["", "Sort: name"],
  ["health", "Sort: worst health"],
  ["-security", "Sort: most security updates"],
  ["-pending", "Sort: most updates"],
  ["last_seen", "Sort: longest not seen"],
  ["os", "Sort: system"],
];

interface Props {
  query: Query;
  counts: Counts;
  /** Id and name; the commonest first. */
  systems: [string, string][];
  groups: [string, string][];
  /** The figure that the list was opened for, in words. */
  only: { name: string; words: string; away: string } | null;
  onChange(change: Partial<Query>): void;
  onClear(): void;
}

/** Filters that work while one types. Without script it is a form that the server answers with the same list. */
export function FilterRow({ query, counts, systems, groups, only, onChange, onClear }: Props) {
  const filtered = only !== null || FILTERS.some((name) => query[name]);
  const numbered = (choice: Choice, numbers: Map<string, number>) =>
    choice.map(([value, label]) => ({
      value,
      label: value === "" ? label : `${label} (${(numbers.get(value) ?? 0).toLocaleString("en")})`,
    }));
  const read = (form: HTMLFormElement): Partial<Query> => {
    const data = new FormData(form);
    return Object.fromEntries(FILTERS.map((name) => [name, String(data.get(name) ?? "")]));
  };
  return (
    <div
      class="hosts-filters"
      onInput={(event) => {
        const { name, value } = event.target as HTMLInputElement;
        onChange({ [name]: value });
      }}
      onSubmit={(event) => {
        event.preventDefault();
        onChange(read(event.target as HTMLFormElement));
      }}
    >
      <Filters action="/hosts">
        {only && <input type="hidden" name="only" value={only.name} />}
        <input
          class="input"
          id="hosts-search"
          type="search"
          name="q"
          value={query.q}
          placeholder="Name, address, tag, system"
          aria-label="Name, address, tag or system"
          aria-keyshortcuts="f"
          autocomplete="off"
          maxLength={200}
        />
        <FilterSelect
          id="health"
          name="health"
          label="Health"
          value={query.health}
          options={numbered(HEALTH, counts.health)}
        />
        <FilterSelect
          id="status"
          name="status"
          label="Status"
          value={query.status}
          options={numbered(STATUS, counts.status)}
        />
        <FilterSelect
          id="os"
          name="os"
          label="System"
          value={query.os}
          options={numbered([["", "Any system"], ...systems], counts.os)}
        />
        {groups.length > 0 && (
          <FilterSelect
            id="group"
            name="group"
            label="Group"
            value={query.group}
            options={numbered([["", "Any group"], ...groups, ["none", "In no group"]], counts.group)}
          />
        )}
        <SortSelect
          value={query.sort === "name" ? "" : query.sort}
          options={ORDERS.map(([value, label]) => ({ value, label }))}
        />
        {only && (
          <LinkButton href={only.away} icon="x" title="Take this filter away">
            {only.words}
            <span class="visually-hidden">Take this filter away</span>
          </LinkButton>
        )}
        <Button type="submit" icon="filter">Filter</Button>
        {filtered && (
          <LinkButton
            kind="quiet"
            href="/hosts"
            onClick={(event: MouseEvent) => {
              if (only !== null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
              event.preventDefault();
              onClear();
            }}
          >
            Clear
          </LinkButton>
        )}
      </Filters>
    </div>
  );
}
