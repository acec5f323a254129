import TimeUpdater from "../islands/time_updater.tsx";
import { GalleryFrame } from "../gallery_frame.tsx";
import { Simulated } from "../../badge.tsx";
import { Button, LinkButton } from "../../button.tsx";
import { Dialog, DialogButton, DialogCancel } from "../../dialog.tsx";
import { Filters, FilterSelect } from "../../filters.tsx";
import { PageHead } from "../../page_head.tsx";
import { Code } from "../../quantity.tsx";
import { RelativeTime } from "../../relative_time.tsx";
import { type Health, HealthStatus } from "../../status.tsx";
import { Cell, CheckCell, Column, Row, RowName, Table } from "../../table.tsx";
import { define, NOW } from "../site.ts";

export const access = { role: "anonymous", scope: "none", audit: null };

const SYSTEMS = ["Debian 12.9", "Ubuntu 24.04.2", "Rocky 9.5", "openSUSE 15.6", "Alpine 3.21"];
const HEALTHS: Health[] = ["healthy", "healthy", "healthy", "degraded", "healthy", "unreachable", "healthy", "pending"];

const hosts = Array.from({ length: 24 }, (_, i) => ({
  name: `${["web", "db", "cache", "build", "mail"][i % 5]}-${String(i + 1).padStart(2, "0")}.fra.example.org`,
  address: `10.20.${i % 4}.${i + 11}`,
  health: HEALTHS[i % 8],
  system: SYSTEMS[i % 5],
  updates: (i * 17) % 53,
  security: i % 3 === 0 ? (i * 5) % 14 : 0,
  seen: new Date(Date.parse(NOW) - (i * i * 97 + 20) * 1000).toISOString(),
}));

export default define.page(({ state }) => {
  state.title = "Hosts";
  return (
    <GalleryFrame theme={state.theme} path="/hosts">
      <TimeUpdater now={NOW} />
      <PageHead
        title="Hosts"
        state="14 of 212 hosts have security updates older than 7 days, 3 do not answer."
        actions={
          <>
            <Button icon="refresh-cw">Refresh all</Button>
            <LinkButton kind="primary" icon="plus" href="/hosts/new">Add a host</LinkButton>
          </>
        }
      />
      <Filters action="/" result="24 of 212 hosts">
        <input
          class="input"
          type="search"
          id="name"
          name="name"
          placeholder="Name or address"
          aria-label="Name or address"
        />
        <FilterSelect
          id="health"
          name="health"
          label="Health"
          options={[{ value: "", label: "Any" }, { value: "unreachable", label: "Unreachable" }]}
        />
        <FilterSelect id="system" name="system" label="System" options={[{ value: "", label: "Any system" }]} />
        <Button type="submit" icon="filter">Apply</Button>
      </Filters>
      <Table
        label="Hosts"
        columns={
          <>
            <CheckCell head label="Choose all hosts" />
            <Column sorting={{ direction: "ascending", href: "?sort=name" }}>Name</Column>
            <Column sorting={{ direction: null, href: "?sort=health" }}>Health</Column>
            <Column>System</Column>
            <Column>Address</Column>
            <Column right sorting={{ direction: null, href: "?sort=updates" }}>Updates</Column>
            <Column right sorting={{ direction: null, href: "?sort=security" }}>Security</Column>
            <Column right>Last report</Column>
          </>
        }
      >
        {hosts.map((host, i) => (
          <Row key={host.name} selected={i === 1 || i === 2}>
            <CheckCell label={`Choose ${host.name}`} checked={i === 1 || i === 2} />
            <RowName href={`/hosts/${i}`}>{host.name}</RowName>
            <Cell>
              <HealthStatus health={host.health} since={host.seen} now={NOW} />
            </Cell>
            <Cell>
              {host.system} {i > 3 && <Simulated />}
            </Cell>
            <Cell>
              <Code>{host.address}</Code>
            </Cell>
            <Cell right>
              {host.updates || <span class="muted">0</span>}
            </Cell>
            <Cell right>{host.security > 0 ? <strong>{host.security}</strong> : <span class="muted">0</span>}</Cell>
            <Cell right>
              <span class="muted">
                <RelativeTime at={host.seen} now={NOW} zone="Europe/Berlin" />
              </span>
            </Cell>
          </Row>
        ))}
      </Table>
      <div class="row">
        <DialogButton opens="remove" kind="danger">Remove 2 hosts</DialogButton>
      </div>
      <Dialog
        id="remove"
        title="Remove 2 hosts from the manager?"
        actions={
          <>
            <DialogCancel closes="remove" />
            <Button kind="danger">Remove 2 hosts</Button>
          </>
        }
      >
        <p>
          <strong>db-02.fra.example.org</strong> and <strong>cache-03.fra.example.org</strong>{" "}
          are no longer asked. Their certificates are revoked; history and audit stay.
        </p>
      </Dialog>
    </GalleryFrame>
  );
});
