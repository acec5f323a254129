import { Frame } from "../../components/frame.tsx";
import { fleetOf } from "../(_role)/fleet.ts";
import TimeUpdater from "../../islands/time_updater.tsx";
import { rfc3339 } from "../../core/clock.ts";
import { define, viewerOf } from "../(_role)/state.ts";

/** Places that exist. The rail grows with the product; a link to nothing teaches people not to trust it. */
const SECTIONS = [[
  { href: "/hosts", label: "Hosts", icon: "server" },
  { href: "/deploy", label: "Deploy", icon: "rocket" },
  { href: "/jobs", label: "Jobs", icon: "list-checks" },
], [
  { href: "/enrolments", label: "Enrolment", icon: "shield-check" },
]] as const;

export default define.layout(async ({ Component, state, url }) => {
  const viewer = viewerOf(state);
  const { version, clock } = state.services;
  const { healthy, degraded, unreachable, running, hosts } = await fleetOf(state);
  const sections = SECTIONS.map((links) =>
    links.map((link) => link.href === "/hosts" && hosts > 0 ? { ...link, count: hosts.toLocaleString("en") } : link)
  );
  return (
    <Frame
      sections={sections}
      path={url.pathname}
      back={url.pathname + url.search}
      foot={`Version ${version}`}
      theme={state.theme ?? "system"}
      fleet={hosts > 0 ? { healthy, degraded, unreachable } : null}
      runningJobs={running}
      user={{ name: viewer.display_name || viewer.username, role: viewer.role }}
      search={url.pathname === "/hosts" ? url.searchParams.get("q") ?? undefined : undefined}
    >
      <TimeUpdater now={rfc3339(clock.now())} />
      <Component />
    </Frame>
  );
});
