import { memo } from "./memo.ts";
import { Badge, Simulated } from "../../components/badge.tsx";
import { HostName } from "../../components/host_name.tsx";
import { RelativeTime } from "../../components/relative_time.tsx";
import { HealthStatus, JobState } from "../../components/status.tsx";
import { Cell, CheckCell, Row, RowName } from "../../components/table.tsx";
import type { HostLine } from "./rows.ts";

interface Props {
  host: HostLine;
  /** RFC 3339. */
  now: string;
  /** Row of the table, the head being the first. */
  index: number;
  chosen: boolean;
  /** Nothing can be chosen where this is missing. */
  onChoose?: (id: string, on: boolean) => void;
}

/** Seconds since 1970 as RFC 3339. */
function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** A row of the list of hosts; drawn again only when something of it changed. */
export const HostRowLine = memo(({ host, now, index, chosen, onChoose }: Props) => (
  <Row selected={chosen} index={index}>
    {onChoose && <CheckCell label={`Choose ${host.name}`} checked={chosen} onToggle={(on) => onChoose(host.id, on)} />}
    <RowName href={`/hosts/${host.id}`} title={host.name} marks={host.simulated && <Simulated />}>
      <HostName name={host.name} />
    </RowName>
    <Cell line title={host.reason ?? undefined}>
      <span class="cell-parts">
        <HealthStatus
          health={host.health}
          since={timeOf(host.since)}
          silentSince={host.silent === null ? null : timeOf(host.silent)}
          now={now}
        />
        {host.job && (
          <a href={`/jobs/${host.job.id}?host=${host.id}`}>
            <JobState state={host.job.state as "running"} />
            <span class="visually-hidden">: the job on {host.name}</span>
          </a>
        )}
        {host.refused && <Badge tone="bad">report refused</Badge>}
        {host.reboot && <Badge tone="warn">reboot</Badge>}
      </span>
    </Cell>
    <Cell roomy>{host.system || <span class="muted">unknown</span>}</Cell>
    <Cell right label="Updates">
      {!host.reported
        ? <span class="muted" title="This host has not reported so far.">–</span>
        : host.pending > 0
        ? host.pending.toLocaleString("en")
        : <span class="muted">0</span>}
    </Cell>
    <Cell right label="Security">
      {!host.reported
        ? <span class="muted">–</span>
        : host.security > 0
        ? <strong class="tone-warn-text">{host.security.toLocaleString("en")}</strong>
        : <span class="muted">0</span>}
    </Cell>
    <Cell right label="Index age" title={host.index_error ?? undefined}>
      <span class={host.compliance === "stale" || host.index_error ? "tone-warn-text" : "muted"}>
        {host.index_at === null
          ? <span title="Not known">–</span>
          : <RelativeTime at={timeOf(host.index_at)} now={now} form="age" />}
      </span>
    </Cell>
    <Cell right roomy>
      <span class="muted">
        {host.seen === null ? "never" : <RelativeTime at={timeOf(host.seen)} now={now} form="age" />}
      </span>
    </Cell>
  </Row>
));
