import { LinkButton } from "../../components/button.tsx";
import { FigureLink } from "../../components/figure_link.tsx";
import { PageHead } from "../../components/page_head.tsx";
import { countText } from "../../components/quantity.tsx";
import { RelativeTime } from "../../components/relative_time.tsx";
import { EmptyState, Notice } from "../../components/states.tsx";
import { rfc3339 } from "../../core/clock.ts";
import { SILENT_AFTER_SECONDS } from "../../core/heartbeat/check_readiness.ts";
import { lastEvent } from "../../core/live/read_events.ts";
import { type Dashboard, readDashboard } from "../../core/views/dashboard.ts";
import { type Wire, wire } from "../../core/wire.ts";
import LiveRefresh from "../../islands/live_refresh.tsx";
import { page, type RouteAccess } from "../../web/mod.ts";
import { knowFleet } from "../(_role)/fleet.ts";
import { define, viewerOf } from "../(_role)/state.ts";
import { fleetSentence } from "./(_components)/host_words.ts";
import { HygieneParts } from "./(_dashboard)/hygiene.tsx";
import { Needs } from "./(_dashboard)/needs.tsx";
import { RecentJobs } from "./(_dashboard)/recent_jobs.tsx";
import { SilentHosts } from "./(_dashboard)/silent_hosts.tsx";
import { Compliance, Health, HygieneFigure, IndexAge } from "./(_dashboard)/standing.tsx";
import { Updates } from "./(_dashboard)/updates.tsx";

export const access = { role: "auditor", scope: "hosts", audit: null } as const satisfies RouteAccess;

export const handler = define.handlers({
  async GET(ctx) {
    const { sql, clock } = ctx.state.services;
    // The number first: what happens while the rest is read is told again, never missed.
    const after_seq = await lastEvent(sql);
    const dashboard = await readDashboard(sql, viewerOf(ctx.state).sees);
    knowFleet(ctx.state, dashboard.fleet);
    const beat = dashboard.hosts.fleet_beat_at;
    const polling = beat !== null &&
      clock.now().epochMilliseconds - beat.epochMilliseconds <= SILENT_AFTER_SECONDS * 1000;
    return page({ dashboard: wire(dashboard), fleet: dashboard.fleet, polling, after_seq });
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  state.title = "Dashboard";
  const { dashboard, fleet, polling, after_seq } = data;
  const now = rfc3339(state.services.clock.now());
  const { role, session_kind } = viewerOf(state);
  const wall = session_kind === "wall";
  const may_act = role !== "auditor" && !wall;
  return (
    <>
      <PageHead
        title="Dashboard"
        marks={<LiveRefresh topics={["hosts", "jobs", "enrolments"]} after_seq={after_seq} now={now} calm />}
        state={
          <>
            {fleetSentence(fleet)} {dashboard.hosts.newest_report_at && (
              <>
                Newest report <RelativeTime at={dashboard.hosts.newest_report_at} now={now} />.
              </>
            )}
          </>
        }
        actions={!wall && (
          <LinkButton href="/api/v1/ca/root.crt" icon="download" download="patch-manager-root.crt">
            Root CA certificate
          </LinkButton>
        )}
      />
      {!polling && fleet.hosts > 0 && <NobodyAsks beat={dashboard.hosts.fleet_beat_at} now={now} />}
      {fleet.hosts === 0 ? <NoHosts enrolments={dashboard.enrolments} may_act={may_act} /> : (
        <>
          <Needs data={dashboard} now={now} may_act={may_act} />
          <div class="standings">
            <Compliance fleet={dashboard.fleet} />
            <HygieneFigure data={dashboard} />
            <section class="standing" aria-labelledby="answers-title">
              <h2 id="answers-title">Hosts</h2>
              <p class="standing-figure">
                <FigureLink href="/hosts" count={fleet.hosts} />
              </p>
              <Health fleet={dashboard.fleet} />
              <IndexAge hosts={dashboard.hosts} />
            </section>
          </div>
          <Updates data={dashboard} now={now} />
          <SilentHosts hosts={dashboard.hosts} now={now} />
          <RecentJobs jobs={dashboard.jobs} now={now} may_act={may_act} wall={wall} />
          <HygieneParts data={dashboard} />
        </>
      )}
    </>
  );
});

/** The part of the manager that talks to hosts says nothing: without these words old numbers would look like calm. */
function NobodyAsks({ beat, now }: { beat: string | null; now: string }) {
  return (
    <Notice tone="bad" title="No host is being asked.">
      {beat
        ? (
          <>
            The manager's fleet role has said nothing for <RelativeTime at={beat} now={now} form="age" />.
          </>
        )
        : "The manager's fleet role has never started."}{" "}
      All numbers grow old and no job goes on until it runs again: patch-manager serve --role fleet.
    </Notice>
  );
}

function NoHosts(
  { enrolments: { waiting }, may_act }: { enrolments: Wire<Dashboard>["enrolments"]; may_act: boolean },
) {
  return (
    <>
      {may_act && waiting > 0 && (
        <Notice tone="info" title="Somebody knocks.">
          <FigureLink href="/enrolments" count={waiting}>{countText(waiting, "machine")}</FigureLink>{" "}
          {waiting === 1 ? "waits" : "wait"} for approval.
        </Notice>
      )}
      <EmptyState
        title="No hosts so far"
        icon="server"
        steps={may_act
          ? [
            "Install the package patch-agent on a machine.",
            "Make an enrolment command here, and run it there as root.",
            "A minute later this page says how the machine stands: what is pending, what is overdue, and what needs you.",
            "Deploy installs what is pending; a dry run shows before what would change.",
          ]
          : undefined}
        actions={may_act && <LinkButton kind="primary" href="/hosts/new">Add the first host</LinkButton>}
      >
        {may_act
          ? "In four steps to the first update:"
          : "As soon as an operator has added one, this page says how it stands: what is pending and what is overdue."}
      </EmptyState>
    </>
  );
}
