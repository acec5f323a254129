import { useRef, useState } from "preact/hooks";
import { Badge, Simulated } from "../components/badge.tsx";
import { Button, LinkButton } from "../components/button.tsx";
import { SelectionBar } from "../components/filters.tsx";
import { countText } from "../components/quantity.tsx";
import { RelativeTime } from "../components/relative_time.tsx";
import { Notice } from "../components/states.tsx";
import { HealthStatus, JobState, LiveState } from "../components/status.tsx";
import { Cell, CheckCell, Column, Row, RowName, type Sorting, Table } from "../components/table.tsx";
import { useNow } from "../components/use_now.ts";
import type { HostRow } from "../core/views/list_hosts.ts";
import type { Wire } from "../core/wire.ts";
import { callApi, type Refused } from "./(_live)/api.ts";
import { useLive } from "./(_live)/live.ts";

type Host = Wire<HostRow>;

interface Props {
  hosts: Host[];
  /** Hosts that the filters show, over all pages, of those in the fleet. */
  total: number;
  fleet: number;
  /** Query of `GET /api/v1/hosts` that gives these rows again. */
  query: string;
  sorting: Record<"name" | "health" | "os" | "pending" | "security" | "last_seen", Omit<Sorting, "onSort">>;
  after_seq: number;
  /** RFC 3339, the server's time of rendering. */
  now: string;
  /** False for those who only read: nothing can be chosen. */
  may_deploy: boolean;
}

/** The list of hosts: chosen rows become a deployment or a refresh, and rows stay true while the page is open. */
export default function HostTable(props: Props) {
  const { query, sorting, after_seq, may_deploy } = props;
  const now = useNow(props.now);
  const [{ items: hosts, total }, setList] = useState({ items: props.hosts, total: props.total });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [note, setNote] = useState<{ tone: "ok" | "bad"; title: string; hint: string } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const reload = () => {
    timer.current ??= setTimeout(async () => {
      timer.current = undefined;
      try {
        setList(await callApi("GET", `/hosts?${query}`));
      } catch {
        // The socket says when the manager is away; rows that are shown stay as they are.
      }
    }, 700);
  };
  const live = useLive(["hosts"], after_seq, reload, reload);
  const choose = (ids: string[], on: boolean) =>
    setChosen((before) => {
      const after = new Set(before);
      for (const id of ids) on ? after.add(id) : after.delete(id);
      return after;
    });
  const visible = hosts.filter(({ id }) => chosen.has(id));
  const deployable = visible.filter(({ installable }) => installable > 0);
  const refresh = async () => {
    try {
      await callApi("POST", "/hosts/refresh", { host_ids: visible.map(({ id }) => id) });
      setNote({
        tone: "ok",
        title: `Asked ${countText(visible.length, "host")}.`,
        hint: "Rows change as answers come in.",
      });
      setChosen(new Set());
    } catch (thrown) {
      const { message, hint } = thrown as Refused;
      setNote({ tone: "bad", title: message, hint });
    }
  };

  return (
    <div class="stack">
      <div class="bar-row">
        {visible.length > 0
          ? (
            <SelectionBar
              words={`${countText(visible.length, "host")} chosen`}
              note={deployable.length < visible.length
                ? `${countText(visible.length - deployable.length, "host has", "hosts have")} nothing to install`
                : undefined}
            >
              {deployable.length > 0 && (
                <LinkButton
                  kind="primary"
                  icon="rocket"
                  href={`/deploy?${deployable.map(({ id }) => `host=${id}`).join("&")}`}
                >
                  Deploy to {countText(deployable.length, "host")} …
                </LinkButton>
              )}
              <Button icon="refresh-cw" onClick={refresh}>Refresh {countText(visible.length, "host")}</Button>
              <Button kind="quiet" icon="x" onClick={() => setChosen(new Set())}>Clear</Button>
            </SelectionBar>
          )
          : (
            <>
              <span class="muted number" role="status">
                {total.toLocaleString("en")} of {countText(props.fleet, "host")}
              </span>
              <span class="spread">
                <LiveState state={live.state} since={live.since || undefined} now={now} />
              </span>
            </>
          )}
      </div>
      {note && <Notice tone={note.tone} title={note.title}>{note.hint}</Notice>}
      <Table
        label="Hosts"
        height="fill"
        columns={
          <>
            {may_deploy && (
              <CheckCell
                head
                label="Choose all hosts of this page"
                checked={hosts.length > 0 && visible.length === hosts.length}
                onToggle={(on) => choose(hosts.map(({ id }) => id), on)}
              />
            )}
            <Column sorting={sorting.name}>Name</Column>
            <Column sorting={sorting.health}>Health</Column>
            <Column sorting={sorting.os}>System</Column>
            <Column right sorting={sorting.pending}>Updates</Column>
            <Column right sorting={sorting.security}>Security</Column>
            <Column right>Index age</Column>
            <Column right sorting={sorting.last_seen}>Seen</Column>
          </>
        }
      >
        {hosts.map((host) => (
          <HostLine
            key={host.id}
            host={host}
            now={now}
            chosen={chosen.has(host.id)}
            onChoose={may_deploy ? (on) => choose([host.id], on) : undefined}
          />
        ))}
      </Table>
    </div>
  );
}

function HostLine(
  { host, now, chosen, onChoose }: { host: Host; now: string; chosen: boolean; onChoose?: (on: boolean) => void },
) {
  const reported = host.report_received_at !== null;
  return (
    <Row selected={chosen}>
      {onChoose && <CheckCell label={`Choose ${host.name}`} checked={chosen} onToggle={onChoose} />}
      <RowName href={`/hosts/${host.id}`} title={host.name} marks={host.simulated && <Simulated />}>
        {host.name}
      </RowName>
      <Cell title={host.refused_reason ?? host.health_reason ?? undefined}>
        <span class="cell-parts">
          <HealthStatus
            health={host.health}
            since={host.health_since}
            silentSince={host.not_answering_since}
            now={now}
          />
          {host.running_job && (
            <a href={`/jobs/${host.running_job.job_id}?host=${host.id}`}>
              <JobState state={host.running_job.state as "running"} />
              <span class="visually-hidden">: the job on {host.name}</span>
            </a>
          )}
          {host.refused_at && <Badge tone="bad">report refused</Badge>}
          {host.reboot_required && <Badge tone="warn">reboot</Badge>}
        </span>
      </Cell>
      <Cell roomy>{host.os_name ? systemName(host) : <span class="muted">unknown</span>}</Cell>
      <Cell right label="Updates">
        {!reported
          ? <span class="muted" title="This host has not reported so far.">–</span>
          : host.pending > 0
          ? host.pending
          : <span class="muted">0</span>}
      </Cell>
      <Cell right label="Security">
        {!reported
          ? <span class="muted">–</span>
          : host.security > 0
          ? <strong class="tone-bad-text">{host.security}</strong>
          : <span class="muted">0</span>}
      </Cell>
      <Cell right label="Index age" title={host.index_error ?? undefined}>
        <span class={host.compliance === "stale" || host.index_error ? "tone-warn-text" : "muted"}>
          {host.index_refreshed_at ? <RelativeTime at={host.index_refreshed_at} now={now} form="age" /> : "unknown"}
        </span>
      </Cell>
      <Cell right roomy>
        <span class="muted">
          {host.last_seen ? <RelativeTime at={host.last_seen} now={now} /> : "never"}
        </span>
      </Cell>
    </Row>
  );
}

/** "Debian 12": the kind of kernel goes without saying. */
function systemName({ os_name, os_version }: Pick<Host, "os_name" | "os_version">): string {
  return `${os_name?.replace(/ GNU\/Linux$/, "")} ${os_version ?? ""}`;
}
