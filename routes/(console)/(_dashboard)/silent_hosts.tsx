import { Simulated } from "../../../components/badge.tsx";
import { FigureLink } from "../../../components/figure_link.tsx";
import { HostName } from "../../../components/host_name.tsx";
import { SectionHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import type { Dashboard } from "../../../core/views/dashboard.ts";
import type { Wire } from "../../../core/wire.ts";
import { selectionHref } from "../(_components)/selection_words.tsx";

/** Hosts that do not answer, those first that have been silent longest. Nothing where all answer. */
export function SilentHosts({ hosts, now }: { hosts: Wire<Dashboard>["hosts"]; now: string }) {
  const { silent, selections } = hosts;
  if (silent.length === 0) return null;
  return (
    <section class="stack">
      <SectionHead
        id="silent"
        title="Hosts that went silent"
        note={
          <FigureLink href={selectionHref("silent")} count={selections.silent}>
            {countText(selections.silent, "host")}
          </FigureLink>
        }
      />
      <Table
        label="Hosts that went silent"
        columns={
          <>
            <Column>Host</Column>
            <Column>Silent for</Column>
            <Column>Why</Column>
          </>
        }
      >
        {silent.map((host) => (
          <Row key={host.id}>
            <RowName href={`/hosts/${host.id}`} title={host.name} marks={host.simulated && <Simulated />}>
              <HostName name={host.name} />
            </RowName>
            <Cell label="Silent for">
              <RelativeTime at={host.since} now={now} form="age" />
            </Cell>
            <Cell wide line title={host.reason ?? undefined}>
              <span class="muted">{host.reason}</span>
            </Cell>
          </Row>
        ))}
      </Table>
    </section>
  );
}
