import { type BarPart, ChartBar } from "../../../components/chart_bar.tsx";
import { FigureLink, Swatch } from "../../../components/figure_link.tsx";
import { countText } from "../../../components/quantity.tsx";

/** One part of a chart with the hosts behind it. */
export interface ChartPart extends BarPart {
  /** Hosts in the list that the number leads to; where the bar counts hosts, the same as `count`. */
  hosts: number;
  href: string;
}

/**
 * A bar with its numbers beneath, in the order of its pieces, and the same as a table.
 * @param unit what `count` counts: hosts, or updates that lie on hosts
 */
export function Chart(
  { id, title, parts, unit, table, none }: {
    id: string;
    title: string;
    parts: ChartPart[];
    unit: "host" | "update";
    /** With "Show as table". */
    table?: boolean;
    /** Words where there is nothing to draw. */
    none: string;
  },
) {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  return (
    <div class="chart" id={id}>
      <h3>{title}</h3>
      {total === 0 ? <p class="muted">{none}</p> : (
        <>
          <ChartBar label={title} parts={parts} />
          <ul class="chart-parts">
            {parts.filter(({ count }) => count > 0).map((part) => (
              <li key={part.name}>
                <Swatch tone={part.tone} />
                {unit === "host"
                  ? (
                    <span>
                      <FigureLink href={part.href} count={part.hosts} /> {part.name}
                    </span>
                  )
                  : (
                    <span>
                      <strong class="number">{part.count.toLocaleString("en")}</strong> {part.name}{" "}
                      <FigureLink href={part.href} count={part.hosts}>on {countText(part.hosts, "host")}</FigureLink>
                    </span>
                  )}
              </li>
            ))}
          </ul>
          {table && <ChartTable title={title} parts={parts} unit={unit} />}
        </>
      )}
    </div>
  );
}

function ChartTable({ title, parts, unit }: { title: string; parts: ChartPart[]; unit: "host" | "update" }) {
  return (
    <details class="chart-table">
      <summary>Show as table</summary>
      <table class="table">
        <caption class="visually-hidden">{title}</caption>
        <thead>
          <tr>
            <th scope="col">{title}</th>
            {unit === "update" && <th scope="col" class="align-right">Updates</th>}
            <th scope="col" class="align-right">Hosts</th>
          </tr>
        </thead>
        <tbody>
          {parts.map(({ name, count, hosts }) => (
            <tr key={name}>
              <th scope="row">{name.charAt(0).toUpperCase() + name.slice(1)}</th>
              {unit === "update" && <td class="align-right" data-label="Updates">{count.toLocaleString("en")}</td>}
              <td class="align-right" data-label="Hosts">{hosts.toLocaleString("en")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
