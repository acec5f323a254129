import { FigureLink } from "../../../components/figure_link.tsx";
import { PlaceLink } from "../../../components/place_link.tsx";
import { SectionHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { Shape, type ShapeName, type Tone } from "../../../components/shape.tsx";
import { Notice } from "../../../components/states.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import type { Dashboard } from "../../../core/views/dashboard.ts";
import { type HostNeed, hostNeeds } from "../../../core/views/dashboard_hosts.ts";
import type { Wire } from "../../../core/wire.ts";
import { selectionHref } from "../(_components)/selection_words.tsx";

const NEEDS: Record<HostNeed, { tone: Tone; shape: ShapeName; name: string; act: string }> = {
  job_failed: {
    tone: "bad",
    shape: "cross",
    name: "Last job failed, retries included",
    act: "Read the log, then try again or deploy anew.",
  },
  job_unknown: {
    tone: "warn",
    shape: "question",
    name: "Result of the last job unknown",
    act: "It may have changed: refresh it first.",
  },
  job_missed: {
    tone: "warn",
    shape: "dash",
    name: "Last job missed its time",
    act: "It was never started. Deploy again.",
  },
  package_database: {
    tone: "bad",
    shape: "cross",
    name: "Package database broken",
    act: "Repair it on the host's page.",
  },
  silent: {
    tone: "bad",
    shape: "cross",
    name: "Went silent",
    act: "The reasons are below.",
  },
  refused: {
    tone: "warn",
    shape: "half",
    name: "Report refused",
    act: "See the reason on the host's page.",
  },
  certificate: {
    tone: "warn",
    shape: "half",
    name: "Certificate ends within 14 days",
    act: "On the host: patch-agent renew.",
  },
  parked: {
    tone: "bad",
    shape: "dash",
    name: "No longer asked",
    act: "Refresh it on the host's page.",
  },
};

interface Props {
  data: Pick<Wire<Dashboard>, "hosts" | "enrolments">;
  /** RFC 3339. */
  now: string;
  /** False for auditors, who decide about nothing. */
  may_act: boolean;
}

/** What waits for a decision, most urgent first: how many, how long, and where to go. */
export function Needs({ data: { hosts, enrolments }, now, may_act }: Props) {
  const names = hostNeeds.filter((name) => hosts.needs[name].hosts > 0);
  const waiting = may_act && enrolments.waiting > 0;
  if (names.length === 0 && !waiting) {
    return (
      <section class="stack">
        <SectionHead id="needs" title="Needs a person" />
        <Notice tone="ok" title="Nothing waits for a decision.">
          No job failed, no host is silent, no machine asks to join.
        </Notice>
      </section>
    );
  }
  return (
    <section class="stack needs">
      <SectionHead id="needs" title="Needs a person" />
      <Table
        label="What needs a person"
        columns={
          <>
            <Column>What</Column>
            <Column right>How many</Column>
            <Column>Waiting longest</Column>
            <Column>What to do</Column>
          </>
        }
      >
        {names.map((name) => <NeedRow key={name} name={name} need={hosts.needs[name]} now={now} />)}
        {waiting && (
          <Row>
            <RowName marks={null}>
              <Mark tone="info" shape="ring" />
              Machines ask to join
            </RowName>
            <Cell right>
              <FigureLink href="/enrolments" count={enrolments.waiting}>
                {countText(enrolments.waiting, "machine")}
              </FigureLink>
            </Cell>
            <Cell label="Longest">
              {enrolments.since && <RelativeTime at={enrolments.since} now={now} form="age" />}
            </Cell>
            <Cell>
              {enrolments.clones > 0
                ? (
                  <span class="prose tone-warn-text">
                    {enrolments.clones === 1 ? "One of them has" : `${enrolments.clones} of them have`}{" "}
                    the machine id of a known host: a clone?
                  </span>
                )
                : <span class="prose muted">Compare their addresses with what you expect.</span>}
            </Cell>
          </Row>
        )}
      </Table>
    </section>
  );
}

function NeedRow(
  { name, need, now }: { name: HostNeed; need: Wire<Dashboard>["hosts"]["needs"][HostNeed]; now: string },
) {
  const { tone, shape, name: words, act } = NEEDS[name];
  const { hosts, since, first } = need;
  return (
    <Row>
      <RowName wrap>
        <Mark tone={tone} shape={shape} />
        {words}
      </RowName>
      <Cell right>
        <FigureLink href={selectionHref(name)} count={hosts}>{countText(hosts, "host")}</FigureLink>
      </Cell>
      <Cell label={name === "certificate" ? "First" : "Longest"}>
        <span class="cell-parts">
          {first && (
            <PlaceLink
              class="needs-first"
              title={first.name}
              href={first.job_id ? `/jobs/${first.job_id}?host=${first.host_id}` : `/hosts/${first.host_id}`}
            >
              {first.name}
            </PlaceLink>
          )}
          {since && (
            <span class="muted">
              <RelativeTime at={since} now={now} form={name === "certificate" ? "relative" : "age"} />
            </span>
          )}
        </span>
      </Cell>
      <Cell>
        <span class="prose muted">{act}</span>
      </Cell>
    </Row>
  );
}

function Mark({ tone, shape }: { tone: Tone; shape: ShapeName }) {
  return (
    <span class={`needs-mark tone-${tone}`}>
      <Shape name={shape} />
    </span>
  );
}
