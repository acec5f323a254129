import { Badge, Simulated } from "../../badge.tsx";
import { Button, LinkButton } from "../../button.tsx";
import { DefinitionList } from "../../definition_list.tsx";
import { CheckField, SelectField, TextField } from "../../field.tsx";
import { SelectionBar } from "../../filters.tsx";
import { LogView } from "../../log_view.tsx";
import { Menu, MenuButton, MenuLink } from "../../menu.tsx";
import { PageHead, SectionHead } from "../../page_head.tsx";
import { PartsBar, Progress } from "../../progress.tsx";
import { Bytes, Code, Count } from "../../quantity.tsx";
import { RelativeTime } from "../../relative_time.tsx";
import { Severity, type SeverityName } from "../../severity.tsx";
import { EmptyState, ErrorState, Notice, Skeleton, Toasts } from "../../states.tsx";
import { type Health, HealthStatus, JobState, type JobStateName, LiveState } from "../../status.tsx";
import { Cell, Column, Row, RowName, Table } from "../../table.tsx";
import { Tabs } from "../../tabs.tsx";
import { Timeline } from "../../timeline.tsx";
import { GalleryFrame } from "../gallery_frame.tsx";
import { define, NOW } from "../site.ts";

export const access = { role: "anonymous", scope: "none", audit: null };

const EARLIER = "2026-11-21T07:41:00Z";
const HEALTH: Health[] = ["healthy", "degraded", "unreachable", "pending"];
const SEVERITIES: SeverityName[] = ["critical", "high", "medium", "low", "unknown"];
const STATES: JobStateName[] = [
  "queued",
  "waiting",
  "dispatching",
  "running",
  "verifying",
  "rebooting",
  "succeeded",
  "failed",
  "cancelled",
  "missed",
  "rolled_back",
  "unknown",
];

export default define.page(({ state }) => {
  state.title = "web-01.fra.example.org";
  return (
    <GalleryFrame theme={state.theme} path="/hosts/1">
      <PageHead
        title="web-01.fra.example.org"
        crumbs={[{ href: "/hosts", label: "Hosts" }]}
        marks={
          <>
            <HealthStatus health="degraded" since={EARLIER} now={NOW} />
            <Simulated />
          </>
        }
        state="41 updates, 12 of them security; the oldest security update waits for 9 days."
        actions={
          <>
            <Button icon="refresh-cw">Refresh</Button>
            <Button kind="primary" icon="rocket">Apply 12 patches now</Button>
            <Menu id="more" label="More" quiet={false}>
              <MenuLink href="/audit" icon="history">History</MenuLink>
              <form method="post">
                <MenuButton icon="trash-2" danger>Remove this host</MenuButton>
              </form>
            </Menu>
          </>
        }
      />
      <Notice tone="warn" title="A restart is due since 3 days.">
        The running kernel is 6.1.0-26, installed is 6.1.0-28. Plan a restart.
      </Notice>
      <div class="detail">
        <div class="stack">
          <DefinitionList
            facts={[
              { name: "Address", value: <Code>10.20.0.11:12443</Code> },
              { name: "System", value: "Debian GNU/Linux 12 (bookworm)" },
              { name: "Kernel", value: <Code>6.1.0-26-amd64</Code> },
              { name: "Agent", value: <Code>0.1.0</Code> },
              { name: "Last report", value: <RelativeTime at={EARLIER} now={NOW} zone="Europe/Berlin" focusable /> },
              { name: "Certificate", value: "valid for 71 days" },
              { name: "Machine id", value: null },
            ]}
          />
          <SectionHead title="Fleet" note="2,446 hosts" />
          <PartsBar
            label="Health"
            parts={[
              { name: "healthy", count: 2431, tone: "ok" },
              { name: "degraded", count: 112, tone: "warn" },
              { name: "unreachable", count: 53, tone: "bad" },
            ]}
          />
          <div class="row">{HEALTH.map((health) => <HealthStatus key={health} health={health} />)}</div>
        </div>
        <div class="stack">
          <Tabs
            label="Parts of this host"
            tabs={[
              { href: "/kitchen", label: "Patches", count: 41, current: true },
              { href: "/kitchen?tab=packages", label: "Packages", count: 1204 },
              { href: "/kitchen?tab=jobs", label: "Jobs", count: 9 },
              { href: "/kitchen?tab=audit", label: "Audit" },
            ]}
          />
          <SelectionBar words="12 patches chosen" note="67 MiB to load, one restart">
            <Button size="small">Clear</Button>
            <Button size="small" kind="primary">Apply 12 patches to 1 host</Button>
          </SelectionBar>
          <Table
            label="Patches"
            columns={
              <>
                <Column sorting={{ direction: "ascending", href: "?sort=package" }}>Package</Column>
                <Column>Severity</Column>
                <Column>Installed</Column>
                <Column>Candidate</Column>
                <Column right>Size</Column>
                <Column>State</Column>
              </>
            }
          >
            {SEVERITIES.map((severity, i) => (
              <Row key={severity}>
                <RowName href="/patches/1">{["openssl", "linux-image-amd64", "curl", "tzdata", "vim"][i]}</RowName>
                <Cell>
                  <Severity severity={severity} />
                </Cell>
                <Cell>
                  <Code>3.0.15-1~deb12u{i}</Code>
                </Cell>
                <Cell>
                  <Code>3.0.16-1~deb12u{i + 1}</Code>
                </Cell>
                <Cell right>
                  <Bytes bytes={1_400_000 * (i * 9 + 1)} />
                </Cell>
                <Cell>
                  {i === 1
                    ? <Badge tone="warn" shape="dash">held</Badge>
                    : i === 0
                    ? <Badge tone="bad" shape="cross">security</Badge>
                    : i === 2
                    ? <Badge tone="info" shape="half">phased</Badge>
                    : i === 3
                    ? <Badge tone="ok" shape="dot">installable</Badge>
                    : <Badge>excluded</Badge>}
                </Cell>
              </Row>
            ))}
          </Table>
          <div class="severity-list">
            {SEVERITIES.map((name, i) => <Severity key={name} severity={name} count={i * 7} />)}
          </div>
          <Count updates={41} security={12} indexAt={EARLIER} now={NOW} />
          <SectionHead title="States of a job" />
          <div class="row">{STATES.map((name) => <JobState key={name} state={name} />)}</div>
          <div class="row">
            <LiveState state="live" />
            <LiveState state="reconnecting" since={EARLIER} now={NOW} />
            <LiveState state="still" since={EARLIER} now={NOW} />
          </div>
          <Progress id="p1" label="Installing on 12 hosts" done={42} words="5 of 12 hosts, about 2 min left" />
          <Progress id="p2" label="Reading the package index" />
          <LogView
            label="Output of apt"
            lines={[
              { number: 1, text: "Start: 12 packages in their exact versions", tone: "info" },
              {
                number: 2,
                text:
                  "Get:1 http://deb.example.org/debian-security bookworm-security/main amd64 openssl amd64 3.0.16-1~deb12u1 [1,421 kB]",
              },
              { number: 3, text: "Setting up openssl (3.0.16-1~deb12u1) ..." },
              { number: 4, text: "W: Download is performed unsandboxed as root", tone: "warn" },
              {
                number: 5,
                text:
                  "dpkg: error processing package broken-demo (--configure): subprocess returned error exit status 1",
                tone: "bad",
              },
            ]}
          >
            <LiveState state="live" />
            <Button size="small" icon="download">Download</Button>
          </LogView>
          <SectionHead title="Timeline" />
          <Timeline
            label="What happened"
            now={NOW}
            entries={[
              {
                id: "3",
                at: "2026-11-21T08:03:00Z",
                what: "Job 0193 failed on this host",
                note: "openssl: dependency is not installable",
                tone: "bad",
                shape: "cross",
              },
              { id: "2", at: EARLIER, what: "Report read", note: "41 updates, 12 security", tone: "ok", shape: "dot" },
              { id: "1", at: "2026-11-12T08:03:00Z", what: "Host enrolled by admin", tone: "info", shape: "half" },
            ]}
          />
          <SectionHead title="Forms" />
          <div class="form">
            <TextField
              id="address"
              label="Address"
              value="10.1"
              hint="A name or an IP address."
              error="10.1 is no complete address. Write all four parts."
            />
            <TextField id="note" label="Note" optional placeholder="What is this host for?" />
            <SelectField id="group" label="Group" options={[{ value: "a", label: "Frankfurt" }]} />
            <CheckField label="Restart where it is needed" hint="One wave after another." checked />
            <div class="form-actions">
              <Button kind="primary">Add the host</Button>
              <LinkButton href="/hosts">Back to the list</LinkButton>
              <Button kind="quiet" icon="copy">Copy</Button>
              <Button disabled>Nothing to apply</Button>
              <Button kind="danger" icon="ban">Cancel 3 hosts</Button>
            </div>
          </div>
          <EmptyState
            title="No hosts so far"
            icon="server"
            command="patch-agent enrol --manager https://patch.example.org:8443 --token …"
            actions={<Button kind="primary" icon="plus">Make an enrolment token</Button>}
          >
            Run the agent on a machine; it appears here once it has enrolled.
          </EmptyState>
          <Skeleton label="Loading the patches" rows={3} />
          <ErrorState
            title="The host did not answer within 10 s"
            hint="Check that patch-agent runs and that port 12443 is open."
            requestId="01JD6Q3Q8T6V5W9M2K4N7P0R1S"
            actions={<Button icon="rotate-cw">Try again</Button>}
          />
        </div>
      </div>
      <Toasts toasts={[{ id: "1", tone: "ok", words: "Refresh of 1 host was asked for." }]} />
    </GalleryFrame>
  );
});
