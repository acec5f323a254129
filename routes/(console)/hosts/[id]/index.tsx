import { Simulated } from "../../../../components/badge.tsx";
import { Button, LinkButton } from "../../../../components/button.tsx";
import { DefinitionList } from "../../../../components/definition_list.tsx";
import { DialogButton } from "../../../../components/dialog.tsx";
import { PageHead } from "../../../../components/page_head.tsx";
import { Code, Count, countText } from "../../../../components/quantity.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { SideFacts } from "../../../../components/side_facts.tsx";
import { Notice } from "../../../../components/states.tsx";
import { HealthStatus } from "../../../../components/status.tsx";
import { systemName } from "../../../../components/system_name.ts";
import { Tabs } from "../../../../components/tabs.tsx";
import { rfc3339 } from "../../../../core/clock.ts";
import { lastEvent } from "../../../../core/live/read_events.ts";
import { type HostDetail, hostDetail } from "../../../../core/views/host_detail.ts";
import { hostJobs } from "../../../../core/views/host_jobs.ts";
import { hostPackages } from "../../../../core/views/host_packages.ts";
import { hostPatches } from "../../../../core/views/host_patches.ts";
import { type Wire, wire } from "../../../../core/wire.ts";
import LiveRefresh from "../../../../islands/live_refresh.tsx";
import { page, type RouteAccess } from "../../../../web/mod.ts";
import { fleetOf } from "../../../(_role)/fleet.ts";
import { define, viewerOf } from "../../../(_role)/state.ts";
import {
  needsRepair,
  PackageManagerProblem,
  RemoveDialog,
  RenewalProblem,
  RepairDialog,
  RestartDialog,
  SecurityUnknown,
} from "../../(_components)/host_actions.tsx";
import { HostJobsTable, PackagesTable, PatchesTable } from "../../(_components)/host_tables.tsx";

export const access = { role: "auditor", scope: "hosts", audit: null } as const satisfies RouteAccess;

const TABS = ["updates", "packages", "jobs"] as const;

export const handler = define.handlers({
  async GET(ctx) {
    const { sql } = ctx.state.services;
    const viewer = viewerOf(ctx.state);
    const { id } = ctx.params;
    const asked = ctx.url.searchParams.get("tab");
    const tab = TABS.find((name) => name === asked) ?? "updates";
    const search = (ctx.url.searchParams.get("search") ?? "").replaceAll("\u0000", "").slice(0, 200);
    const cursor = ctx.url.searchParams.get("cursor");
    const after_seq = await lastEvent(sql);
    // All at once, the frame's numbers too: one after another, each would wait for both ends' turn on a busy machine.
    const [host, patches, packages, jobs] = await Promise.all([
      hostDetail(sql, viewer.sees, id),
      tab === "updates" ? hostPatches(sql, viewer.sees, id, { limit: 1000 }) : null,
      tab === "packages" ? hostPackages(sql, viewer.sees, id, { search, cursor, limit: 200 }) : null,
      hostJobs(sql, viewer.sees, id, { limit: tab === "jobs" ? 100 : 1 }),
      fleetOf(ctx.state),
    ]);
    return page({
      host: wire(host),
      patches: wire(patches),
      packages: wire(packages),
      jobs: wire(jobs),
      tab,
      search,
      after_seq,
    });
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  const { host, patches, packages, jobs, tab, search, after_seq } = data;
  state.title = host.name;
  const viewer = viewerOf(state);
  const may_act = viewer.role !== "auditor";
  const now = rfc3339(state.services.clock.now());
  const at = (name: string) => name === "updates" ? `/hosts/${host.id}` : `/hosts/${host.id}?tab=${name}`;
  const asked = host.polls.some((poll) => poll.requested || poll.in_progress);
  return (
    <>
      <PageHead
        title={host.name}
        crumbs={[{ href: "/hosts", label: "Hosts" }]}
        marks={
          <>
            <HealthStatus
              health={host.health}
              since={host.health_since}
              silentSince={host.not_answering_since}
              now={now}
            />
            {host.simulated && <Simulated />}
            <LiveRefresh topics={[`host:${host.id}`]} after_seq={after_seq} now={now} />
          </>
        }
        state={host.report_received_at === null ? "This host has not reported its packages so far." : (
          <>
            <Count updates={host.pending} security={host.security} indexAt={host.index_refreshed_at} now={now} />
            {host.reboot_required && <span class="tone-warn-text">, reboot due</span>}
          </>
        )}
        actions={may_act && (
          <>
            <form method="post" action={`/hosts/${host.id}/refresh`}>
              <Button type="submit" icon="refresh-cw" disabled={asked}>{asked ? "Refreshing …" : "Refresh"}</Button>
            </form>
            {host.running_job
              ? (
                <LinkButton kind="primary" icon="eye" href={`/jobs/${host.running_job.job_id}?host=${host.id}`}>
                  Watch the running job
                </LinkButton>
              )
              : needsRepair(host)
              ? <DialogButton opens="repair-host" kind="primary" icon="package-check">Repair …</DialogButton>
              : host.installable > 0 && (
                <LinkButton kind="primary" icon="rocket" href={`/deploy?host=${host.id}`}>
                  Deploy {countText(host.installable, "update")} …
                </LinkButton>
              )}
          </>
        )}
      />
      <Problems host={host} now={now} />
      <div class="detail">
        <SideFacts
          label={may_act ? "Facts, edit, restart, remove" : "Facts"}
          glance={[systemName(host.os_name, host.os_version), host.address].filter(Boolean).join(", ")}
        >
          <Facts host={host} now={now} />
          {may_act && (
            <div class="row">
              <LinkButton icon="tag" href={`/hosts/${host.id}/edit`}>Edit …</LinkButton>
              <DialogButton opens="restart-host" icon="power">Restart host …</DialogButton>
              <DialogButton opens="remove-host" icon="trash-2">Remove host …</DialogButton>
            </div>
          )}
        </SideFacts>
        <div class="detail-main">
          <Tabs
            label="Parts of this host"
            tabs={[
              { href: at("updates"), label: "Updates", count: host.pending, current: tab === "updates" },
              { href: at("packages"), label: "Packages", count: host.installed, current: tab === "packages" },
              { href: at("jobs"), label: "Jobs", count: jobs.total, current: tab === "jobs" },
            ]}
          />
          {patches && <PatchesTable host={host} patches={patches.items} now={now} />}
          {packages && <PackagesTable host_id={host.id} packages={packages} search={search} url={url} />}
          {tab === "jobs" && <HostJobsTable host_id={host.id} jobs={jobs.items} now={now} />}
        </div>
      </div>
      {may_act && (
        <>
          {needsRepair(host) && <RepairDialog host={host} />}
          <RestartDialog host={host} />
          <RemoveDialog host={host} />
        </>
      )}
    </>
  );
});

function Problems({ host, now }: { host: Wire<HostDetail>; now: string }) {
  const poll = host.polls.find(({ parked_reason }) => parked_reason);
  return (
    <>
      <HealthProblem host={host} />
      <PackageManagerProblem host={host} />
      <SecurityUnknown host={host} />
      <RenewalProblem host={host} now={now} />
      {host.refused_at && (
        <Notice tone="bad" title="What this host last sent was refused.">
          {host.refused_reason} Shown is its last good report
          {host.report_received_at && (
            <>
              {" "}of <RelativeTime at={host.report_received_at} now={now} />
            </>
          )}.
        </Notice>
      )}
      {host.index_error && (
        <Notice tone="warn" title="Its package index could not be refreshed.">
          {host.index_error} The numbers below are as old as the index.
        </Notice>
      )}
      {poll && (
        <Notice tone="bad" title="This host is no longer asked by itself.">
          {poll.parked_reason} Refresh asks it again.
        </Notice>
      )}
    </>
  );
}

/** Why its health is as it is. Problems that it named while it answered say nothing about its silence. */
function HealthProblem({ host }: { host: Wire<HostDetail> }) {
  const { health, health_reason, problems, not_answering_since } = host;
  if (health === "unreachable") {
    return <Notice tone="bad" title="This host does not answer.">{health_reason}</Notice>;
  }
  if (not_answering_since) {
    return <Notice tone="warn" title="It did not answer the last time; it is asked again.">{health_reason}</Notice>;
  }
  if (problems.length > 1) {
    return (
      <Notice tone="warn" title={`This host reports ${problems.length} problems.`}>
        <ul class="notice-list">{problems.map((problem) => <li key={problem}>{problem}</li>)}</ul>
      </Notice>
    );
  }
  if (!health_reason) return null;
  return <Notice tone="warn" title="This host reports a problem.">{health_reason}</Notice>;
}

function Facts({ host, now }: { host: Wire<HostDetail>; now: string }) {
  const time = (at: string | null) => at ? <RelativeTime at={at} now={now} focusable /> : null;
  return (
    <DefinitionList
      facts={[
        { name: "Name", value: host.fqdn },
        {
          name: "Address",
          value: <Code>{host.address.includes(":") ? `[${host.address}]` : host.address}:{host.port}</Code>,
        },
        { name: "System", value: host.os_name && `${host.os_name} ${host.os_version ?? ""}` },
        { name: "Kernel", value: host.kernel && <Code>{host.kernel}</Code> },
        { name: "Architecture", value: host.architecture },
        { name: "Package manager", value: host.package_manager },
        { name: "Agent", value: host.agent_name && `${host.agent_name} ${host.agent_version ?? ""}` },
        {
          name: "Compliance",
          value: {
            compliant: "Compliant",
            not_compliant: "Not compliant",
            stale: "Data too old to say",
            unknown: host.report_received_at === null ? "Never reported" : "Not known",
          }[host.compliance],
        },
        { name: "Reboot", value: host.reboot_required ? host.reboot_reasons.join(", ") || "due" : "not due" },
        { name: "Last seen", value: time(host.last_seen) ?? "never" },
        { name: "Last report", value: time(host.report_received_at) ?? "never" },
        { name: "Next health check", value: nextCheck(host, now) },
        { name: "Up since", value: time(host.boot_time) },
        { name: "Certificate ends", value: time(host.certificate_expires_at) },
        { name: "Groups", value: <Groups host={host} /> },
        { name: "Added", value: time(host.created_at) },
        ...host.tags.length ? [{ name: "Tags", value: host.tags.join(", ") }] : [],
        ...host.notes ? [{ name: "Notes", value: host.notes }] : [],
      ]}
    />
  );
}

/** What decides who sees it; none means every operator. */
function Groups({ host }: { host: Wire<HostDetail> }) {
  if (host.groups.length === 0) return <>none, so every operator sees it</>;
  return (
    <>
      {host.groups.map(({ id, name }, index) => [index > 0 && ", ", <a key={id} href={`/groups/${id}`}>{name}</a>])}
    </>
  );
}

/** A time that has passed means that the manager is late, not the host. */
function nextCheck(host: Wire<HostDetail>, now: string) {
  const next = host.polls.find(({ kind }) => kind === "health")?.next_at;
  if (!next) return null;
  return next <= now ? "due now" : <RelativeTime at={next} now={now} focusable />;
}
