import type { ComponentChildren } from "preact";

/** A fact with its name; a missing value says so instead of leaving a hole. */
export interface Fact {
  name: string;
  value: ComponentChildren;
}

/** Facts of one thing, 280 px wide at the left of a detail page. */
export function DefinitionList({ facts }: { facts: Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? <span class="muted">unknown</span>}</dd>
        </div>
      ))}
    </dl>
  );
}
