import { FigureLink } from "../../../components/figure_link.tsx";
import { Shape, type ShapeName, type Tone } from "../../../components/shape.tsx";
import { PART_NAME } from "./hygiene.tsx";
import type { Dashboard } from "../../../core/views/dashboard.ts";
import type { Wire } from "../../../core/wire.ts";
import { Chart, type ChartPart } from "./chart.tsx";

type Data = Wire<Dashboard>;

/**
 * Percent with one digit, rounded down: what is written as 100 % has nothing missing.
 * @param of more than 0
 */
export function percentText(part: number, of: number): string {
  return `${(Math.floor(part * 1000 / of) / 10).toLocaleString("en")} %`;
}

/** Share of compliant hosts, what that means, and the three states. */
export function Compliance({ fleet: { hosts, compliant, not_compliant, stale } }: { fleet: Data["fleet"] }) {
  const parts: ChartPart[] = [
    { name: "compliant", count: compliant, hosts: compliant, tone: "ok", href: "/hosts?status=compliant" },
    {
      name: "not compliant",
      count: not_compliant,
      hosts: not_compliant,
      tone: "warn",
      href: "/hosts?status=not_compliant",
    },
    { name: "stale", count: stale, hosts: stale, tone: "none", href: "/hosts?status=stale" },
  ];
  return (
    <section class="standing" aria-labelledby="compliance-title">
      <h2 id="compliance-title">Compliance</h2>
      <p class="standing-figure number">{percentText(compliant, hosts)}</p>
      <Chart id="compliance" title="Hosts by compliance" parts={parts} unit="host" none="" />
      <p class="meta">
        Share of all hosts that have no security update pending, no reboot due and a sound package database, by a report
        of at most 2 h and a package index of at most 48 h. Older data, or none, counts as stale, never as compliant.
      </p>
    </section>
  );
}

/** How the fleet answers, in one bar. */
export function Health(
  { fleet: { healthy, degraded, unreachable, waiting } }: { fleet: Data["fleet"] },
) {
  const of = (name: string, count: number, tone: ChartPart["tone"], health: string): ChartPart => ({
    name,
    count,
    hosts: count,
    tone,
    href: `/hosts?health=${health}`,
  });
  return (
    <Chart
      id="health"
      title="Health"
      unit="host"
      none="No host so far."
      parts={[
        of("healthy", healthy, "ok", "healthy"),
        of("degraded", degraded, "warn", "degraded"),
        of("unreachable", unreachable, "bad", "unreachable"),
        of("never asked", waiting, "none", "pending"),
      ]}
    />
  );
}

/** How old the knowledge of pending updates is at its source. */
export function IndexAge({ hosts: { selections } }: { hosts: Data["hosts"] }) {
  const of = (name: string, only: keyof typeof selections, tone: ChartPart["tone"]): ChartPart => ({
    name,
    count: selections[only],
    hosts: selections[only],
    tone,
    href: `/hosts?only=${only}`,
  });
  return (
    <Chart
      id="index-age"
      title="Age of the package index"
      unit="host"
      none="No host so far."
      parts={[
        of("under 24 h", "index_under_24_hours", "ok"),
        of("24 to 48 h", "index_24_to_48_hours", "warn"),
        of("over 48 h", "index_over_48_hours", "bad"),
        of("never said", "index_unknown", "none"),
      ]}
    />
  );
}

const GRADES: Record<"green" | "yellow" | "red", { tone: Tone; shape: ShapeName; word: string }> = {
  green: { tone: "ok", shape: "dot", word: "Good" },
  yellow: { tone: "warn", shape: "half", word: "Needs work" },
  red: { tone: "bad", shape: "cross", word: "Act now" },
};

/** The score, what it is called, and why it may be red in spite of its points. */
export function HygieneFigure({ data: { hygiene, hosts } }: { data: Data }) {
  const { score, grade, held_back } = hygiene;
  if (score === null || grade === null) return null;
  const { tone, shape, word } = GRADES[grade];
  const critical = hosts.selections.critical_over_7_days;
  return (
    <section class="standing" aria-labelledby="hygiene-title">
      <h2 id="hygiene-title">Hygiene score</h2>
      <p class="standing-figure number">
        {score}
        <span class="standing-of">of 100</span>
        <span class={`status tone-${tone}`}>
          <Shape name={shape} />
          <span class="status-word">{word}</span>
        </span>
      </p>
      <meter
        class={`meter tone-${tone}`}
        min={0}
        max={100}
        value={score}
        aria-label="Hygiene score"
      >
        {score} of 100
      </meter>
      <Gains parts={hygiene.parts} />
      <p class="meta">
        {critical > 0
          ? (
            <>
              {held_back ? "Red in spite of its points: a" : "A"}{" "}
              critical update has been pending for more than 7 days on{" "}
              <FigureLink href="/hosts?only=critical_over_7_days" count={critical} />{" "}
              {critical === 1 ? "host" : "hosts"}.
              {" "}
            </>
          )
          : "Green from 90, yellow from 70, red below. "}
        <a href="#hygiene">Every part, and what would raise it</a>
      </p>
    </section>
  );
}

/** Where the most points are missing. */
function Gains({ parts }: { parts: Data["hygiene"]["parts"] }) {
  const missing = parts
    .map(({ name, points, most }) => ({ name, missing: points === null ? 0 : most - points }))
    .filter(({ missing }) => missing > 0)
    .sort((a, b) => b.missing - a.missing)
    .slice(0, 3);
  if (missing.length === 0) return null;
  return (
    <div class="chart">
      <h3>Most points are missing here</h3>
      <dl class="gains">
        {missing.map(({ name, missing }) => (
          <div key={name}>
            <dt>{PART_NAME[name]}</dt>
            <dd class="number">{missing.toFixed(1)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
