import { useState } from "preact/hooks";
import { Simulated } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { SelectionBar } from "../components/filters.tsx";
import { HostName } from "../components/host_name.tsx";
import { countText } from "../components/quantity.tsx";
import { RelativeTime } from "../components/relative_time.tsx";
import { HealthStatus } from "../components/status.tsx";
import { Cell, CheckCell, Column, Row, RowName, Table } from "../components/table.tsx";
import { systemName } from "../components/system_name.ts";
import { useNow } from "../components/use_now.ts";
import type { HostRow } from "../core/views/list_hosts.ts";
import type { Wire } from "../core/wire.ts";

/** Chooses the hosts of a deployment. A GET form: without script it works too, and every choice has its own address. */
export default function HostPicker(props: { hosts: Wire<HostRow>[]; total: number; now: string }) {
  const { hosts, total } = props;
  const now = useNow(props.now);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const choose = (ids: string[], on: boolean) =>
    setChosen((before) => {
      const after = new Set(before);
      for (const id of ids) on ? after.add(id) : after.delete(id);
      return after;
    });
  const updates = hosts.filter(({ id }) => chosen.has(id)).reduce((sum, host) => sum + host.installable, 0);
  return (
    <form class="stack" action="/deploy">
      <SelectionBar
        words={chosen.size === 0 ? "No host chosen" : `${countText(chosen.size, "host")} chosen`}
        note={chosen.size === 0
          ? "Tick the hosts to deploy to."
          : `${countText(updates, "update")} can be installed there`}
      >
        <Button kind={chosen.size === 0 ? "plain" : "primary"} type="submit" icon="chevron-right">
          Review their updates
        </Button>
      </SelectionBar>
      <Table
        label="Hosts with updates"
        height="fill"
        columns={
          <>
            <CheckCell
              head
              label="Choose all of these hosts"
              checked={chosen.size === hosts.length}
              onToggle={(on) => choose(hosts.map(({ id }) => id), on)}
            />
            <Column>Name</Column>
            <Column>Health</Column>
            <Column roomy>System</Column>
            <Column right>Installable</Column>
            <Column right>Security</Column>
            <Column right>Index age</Column>
          </>
        }
      >
        {hosts.map((host) => (
          <Row key={host.id} selected={chosen.has(host.id)}>
            <CheckCell
              label={`Choose ${host.name}`}
              name="host"
              value={host.id}
              checked={chosen.has(host.id)}
              disabled={host.installable === 0}
              onToggle={(on) => choose([host.id], on)}
            />
            <RowName href={`/hosts/${host.id}`} title={host.name} marks={host.simulated && <Simulated />}>
              <HostName name={host.name} />
            </RowName>
            <Cell line title={host.health_reason ?? undefined}>
              <HealthStatus
                health={host.health}
                since={host.health_since}
                silentSince={host.not_answering_since}
                now={now}
              />
            </Cell>
            <Cell roomy>{systemName(host.os_name, host.os_version) || <span class="muted">unknown</span>}</Cell>
            <Cell right label="Installable">
              {host.installable > 0 ? host.installable.toLocaleString("en") : <span class="muted">0</span>}
            </Cell>
            <Cell right label="Security">
              {host.security > 0
                ? <strong class="tone-warn-text">{host.security.toLocaleString("en")}</strong>
                : <span class="muted">0</span>}
            </Cell>
            <Cell right label="Index age">
              <span class={host.compliance === "stale" ? "tone-warn-text" : "muted"}>
                {host.index_refreshed_at
                  ? <RelativeTime at={host.index_refreshed_at} now={now} form="age" />
                  : "unknown"}
              </span>
            </Cell>
          </Row>
        ))}
      </Table>
      {total > hosts.length && (
        <p class="meta">
          These are the {hosts.length} hosts with the most security updates of{" "}
          {countText(total, "host")}. Filter the list of hosts to find others.
        </p>
      )}
    </form>
  );
}
