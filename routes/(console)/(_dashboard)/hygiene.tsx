import type { ComponentChildren } from "preact";
import { FigureLink } from "../../../components/figure_link.tsx";
import { SectionHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import { HYGIENE_RULES, type HygienePartName } from "../../../core/hygiene/score.ts";
import type { Dashboard } from "../../../core/views/dashboard.ts";
import type { HostSelection } from "../../../core/views/host_selection.ts";
import type { Wire } from "../../../core/wire.ts";
import { selectionHref } from "../(_components)/selection_words.tsx";

type Data = Pick<Wire<Dashboard>, "fleet" | "hosts" | "hygiene">;

/** What each part asks. */
export const PART_NAME: Record<HygienePartName, string> = {
  up_to_date: "Hosts up to date",
  security_age: "Age of security updates",
  severity: "Severity of what is pending",
  reboots: "No reboot due",
  silent: "Hosts that answer",
  stale: "Fresh data",
};

interface Words {
  /** What gives how much. */
  rule: string;
  /** How it stands. */
  state: ComponentChildren;
  /** What would raise it; null when it cannot be higher. */
  raise: ComponentChildren;
}

/** The score part by part: points, how it stands, what would raise it. */
export function HygieneParts({ data }: { data: Data }) {
  const { parts } = data.hygiene;
  const words = partWords(data);
  return (
    <section class="stack">
      <SectionHead
        id="hygiene"
        title="Hygiene score, part by part"
        note="each host gives its share of a part's points; parts without hosts to look at do not count"
      />
      <Table
        label="Parts of the hygiene score"
        columns={
          <>
            <Column>Part</Column>
            <Column right>Points</Column>
            <Column>How it stands</Column>
            <Column>What would raise it</Column>
          </>
        }
      >
        {parts.map(({ name, points, most }) => (
          <Row key={name}>
            <RowName note={<span class="row-note-full">{words[name].rule}</span>}>{PART_NAME[name]}</RowName>
            <Cell right label="Points">
              {points === null ? <span class="muted">not counted</span> : (
                <span class="number">
                  <strong>{points.toFixed(1)}</strong> of {most}
                </span>
              )}
            </Cell>
            <Cell>
              <span class="prose">{words[name].state}</span>
            </Cell>
            <Cell>
              <span class="prose">
                {points !== null && points < most && words[name].raise
                  ? words[name].raise
                  : <span class="muted">{points === null ? "–" : "Nothing: it is complete."}</span>}
              </span>
            </Cell>
          </Row>
        ))}
      </Table>
    </section>
  );
}

const BANDS = [
  ["security_over_90_days", "over 90 days"],
  ["security_30_to_90_days", "30 to 90 days"],
  ["security_7_to_30_days", "7 to 30 days"],
  ["security_under_7_days", "under 7 days"],
] as const;
const SEVERITIES = [
  ["severity_critical", "critical"],
  ["severity_high", "high"],
  ["severity_medium", "medium"],
  ["severity_low", "low"],
] as const;

function partWords({ fleet, hosts: { selections, reported } }: Data): Record<HygienePartName, Words> {
  const { security_age: age, severity } = HYGIENE_RULES;
  const hostsLink = (only: HostSelection) => (
    <FigureLink href={selectionHref(only)} count={selections[only]}>{countText(selections[only], "host")}</FigureLink>
  );
  const statusLink = (status: string, count: number) => (
    <FigureLink href={`/hosts?status=${status}`} count={count}>{countText(count, "host")}</FigureLink>
  );
  const list = (bands: readonly (readonly [HostSelection, string])[]) =>
    bands.filter(([only]) => selections[only] > 0).map(([only, words], index) => (
      <span key={only}>
        {index > 0 && ", "}
        {hostsLink(only)} {words}
      </span>
    ));
  const oldest = BANDS.find(([only]) => selections[only] > 0);
  const worst = SEVERITIES.find(([only]) => selections[only] > 0);
  return {
    up_to_date: {
      rule: "100 % for a host without pending updates and with fresh data, else nothing",
      state: (
        <>
          {hostsLink("up_to_date")} of {fleet.hosts.toLocaleString("en")}
        </>
      ),
      raise: fleet.hosts_with_updates > 0
        ? <>Install what is pending on {statusLink("pending", fleet.hosts_with_updates)}.</>
        : <>Get fresh data of {statusLink("stale", fleet.stale)}.</>,
    },
    security_age: {
      rule: `${age.none} % without one, ${age.under_7_days} % under 7 days, ${age.from_7_days} % from 7, ` +
        `${age.from_30_days} % from 30, ${age.from_90_days} % from 90 days`,
      state: oldest
        ? <>Oldest by host: {list(BANDS)}</>
        : reported === 0
        ? "No host has reported so far."
        : "No security update is pending.",
      raise: oldest && <>Install them. Begin with {hostsLink(oldest[0])} at {oldest[1]}.</>,
    },
    severity: {
      rule: `by the worst of a host: ${severity.low} % low, ${severity.medium} % medium, ${severity.high} % high, ` +
        `${severity.critical} % critical`,
      state: (
        <>
          {worst ? <>With updates of severity: {list(SEVERITIES)}.</> : "No update with a severity is pending."}
          {selections.unrated > 0 && <>{" "}{hostsLink("unrated")} not counted: nobody rates their updates.</>}
        </>
      ),
      raise: worst && <>Install what is {worst[1]} on {hostsLink(worst[0])}.</>,
    },
    reboots: {
      rule: "a host that waits for one gives nothing",
      state: fleet.reboot_required > 0
        ? <>{statusLink("reboot", fleet.reboot_required)} due for a reboot</>
        : "No host waits for a reboot.",
      raise: <>Restart {statusLink("reboot", fleet.reboot_required)}.</>,
    },
    silent: {
      rule: "an unreachable host gives nothing",
      state: selections.silent > 0 ? <>{hostsLink("silent")} unreachable</> : "Every host that was asked answers.",
      raise: <>Bring back {hostsLink("silent")}.</>,
    },
    stale: {
      rule: "a host whose data is too old, or missing, gives nothing",
      state: fleet.stale > 0 ? <>{statusLink("stale", fleet.stale)} without</> : "All data is fresh.",
      raise: <>Refresh {statusLink("stale", fleet.stale)}, and see why their index is old.</>,
    },
  };
}
