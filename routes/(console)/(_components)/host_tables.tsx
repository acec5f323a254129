import { Badge } from "../../../components/badge.tsx";
import { Button, LinkButton } from "../../../components/button.tsx";
import { Filters } from "../../../components/filters.tsx";
import { Bytes, Code } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { SecurityMark } from "../../../components/severity.tsx";
import { EmptyState } from "../../../components/states.tsx";
import { JobState } from "../../../components/status.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import type { HostDetail } from "../../../core/views/host_detail.ts";
import type { HostJobRow } from "../../../core/views/host_jobs.ts";
import type { HostPackageRow } from "../../../core/views/host_packages.ts";
import type { HostPatchRow } from "../../../core/views/host_patches.ts";
import type { Page } from "../../../core/views/page.ts";
import type { Wire } from "../../../core/wire.ts";
import { withQuery } from "./host_words.ts";
import { CveList, JOB_KIND, PATCH_STATE } from "./patch_words.tsx";

/** What is pending on a host, and why some of it stays. */
export function PatchesTable(
  { host, patches, now }: { host: Wire<HostDetail>; patches: Wire<HostPatchRow>[]; now: string },
) {
  if (patches.length === 0) {
    return host.report_received_at === null
      ? (
        <EmptyState title="No report so far" icon="clock">
          The first one comes within half an hour; Refresh asks for it now.
        </EmptyState>
      )
      : (
        <EmptyState title="Nothing to update" icon="package-check">
          Every package is at the newest version that its repositories offer, as of the age of the index above.
        </EmptyState>
      );
  }
  return (
    <Table
      label={`Updates of ${host.name}`}
      columns={
        <>
          <Column>Package</Column>
          <Column>Security</Column>
          <Column>Version</Column>
          <Column right>Size</Column>
          <Column right>Pending for</Column>
        </>
      }
    >
      {patches.map((patch) => <PatchLine key={patch.package_id} patch={patch} host={host} now={now} />)}
    </Table>
  );
}

function PatchLine({ patch, host, now }: { patch: Wire<HostPatchRow>; host: Wire<HostDetail>; now: string }) {
  const stays = patch.state !== "installable";
  return (
    <Row>
      <RowName
        marks={
          <>
            {patch.arch && patch.arch !== host.architecture && <span class="muted">{patch.arch}</span>}
            {patch.requires_reboot && (
              <span title={patch.reboot_reason ?? undefined}>
                <Badge tone="warn">reboot</Badge>
              </span>
            )}
            {stays && <Badge tone="warn">{PATCH_STATE[patch.state]}</Badge>}
          </>
        }
        note={<PatchNote patch={patch} />}
      >
        {patch.name}
      </RowName>
      <Cell>
        <SecurityMark
          security={patch.security}
          severity={patch.severity}
          known={patch.security_known}
          source={patch.severity_source}
        />
      </Cell>
      <Cell
        line
        note={
          <>
            from <Code>{patch.current_version ?? "unknown"}</Code>
          </>
        }
      >
        <Code>{patch.available_version}</Code>
      </Cell>
      <Cell right label="Size">
        {patch.size_bytes === null ? <span class="muted">–</span> : <Bytes bytes={patch.size_bytes} />}
      </Cell>
      <Cell right label="Pending for">
        <span class="muted">
          <RelativeTime at={patch.first_seen_at} now={now} form="age" />
        </span>
      </Cell>
    </Row>
  );
}

/** What a person asks first: why it stays, what comes along, which CVEs it closes, else where it comes from. */
function PatchNote({ patch }: { patch: Wire<HostPatchRow> }) {
  const { state, state_reason, new_dependencies, removes, cve_ids, security_version, repositories } = patch;
  if (state !== "installable" && (state_reason || removes.length > 0)) {
    const would = removes.length > 0 && !state_reason?.includes(removes[0]) ? `would remove ${removes.join(", ")}` : "";
    return <span class="row-note-full">{[state_reason, would].filter(Boolean).join(" ")}</span>;
  }
  return (
    <>
      {cve_ids.length > 0 && (
        <>
          <CveList ids={cve_ids} />
          {" "}
        </>
      )}
      {security_version && security_version !== patch.available_version && `fixed in ${security_version} `}
      {new_dependencies.length > 0 && `brings ${new_dependencies.join(", ")}`}
      {cve_ids.length === 0 && new_dependencies.length === 0 && repositories.join(", ")}
    </>
  );
}

/** What is installed on a host. */
export function PackagesTable(
  { host_id, packages, search, url }: {
    host_id: string;
    packages: Wire<Page<HostPackageRow>>;
    search: string;
    url: URL;
  },
) {
  return (
    <>
      <Filters action={`/hosts/${host_id}`} result={`${packages.total.toLocaleString("en")} packages`}>
        <input type="hidden" name="tab" value="packages" />
        <input class="input" type="search" name="search" value={search} placeholder="Package" aria-label="Package" />
        <Button type="submit" icon="search">Find</Button>
      </Filters>
      {packages.items.length === 0
        ? (
          <EmptyState title={search ? "No package matches" : "No packages reported"} icon="package">
            {search ? "Try a part of the name." : "The host has not reported its packages so far."}
          </EmptyState>
        )
        : (
          <Table
            label="Installed packages"
            columns={
              <>
                <Column>Package</Column>
                <Column>Installed</Column>
                <Column>Available</Column>
                <Column right>Size</Column>
              </>
            }
          >
            {packages.items.map((one) => (
              <Row key={`${one.name}:${one.arch}`}>
                <RowName
                  title={one.name}
                  marks={
                    <>
                      {one.arch && <span class="muted">{one.arch}</span>}
                      {one.held && <Badge tone="warn">held</Badge>}
                    </>
                  }
                >
                  {one.name}
                </RowName>
                <Cell label="Installed">
                  <Code>{one.version}</Code>
                </Cell>
                <Cell label="Available">
                  {one.available_version ? <Code>{one.available_version}</Code> : <span class="muted">–</span>}
                </Cell>
                <Cell right label="Size">
                  {one.size_bytes === null ? <span class="muted">–</span> : <Bytes bytes={one.size_bytes} />}
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      {packages.next && (
        <div class="row">
          <LinkButton href={withQuery(url, { cursor: packages.next })} icon="chevron-right">More packages</LinkButton>
        </div>
      )}
    </>
  );
}

/** What was done on a host. */
export function HostJobsTable({ host_id, jobs, now }: { host_id: string; jobs: Wire<HostJobRow>[]; now: string }) {
  if (jobs.length === 0) {
    return (
      <EmptyState title="No jobs so far" icon="list-checks">
        Dry runs and deployments of this host stand here with what came of them.
      </EmptyState>
    );
  }
  return (
    <Table
      label="Jobs of this host"
      columns={
        <>
          <Column>Job</Column>
          <Column>State</Column>
          <Column right>Updates</Column>
          <Column>By</Column>
          <Column right>When</Column>
        </>
      }
    >
      {jobs.map((job) => (
        <Row key={job.job_id}>
          <RowName href={`/jobs/${job.job_id}?host=${host_id}`} note={job.error}>
            {JOB_KIND[job.kind]}
          </RowName>
          <Cell>
            <JobState state={job.state} />
          </Cell>
          <Cell right label="Updates">{job.patches.toLocaleString("en")}</Cell>
          <Cell label="By">{job.requested_by}</Cell>
          <Cell right>
            <span class="muted">
              <RelativeTime at={job.queued_at} now={now} />
            </span>
          </Cell>
        </Row>
      ))}
    </Table>
  );
}
