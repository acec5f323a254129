import type { ComponentChildren } from "preact";
import { Frame } from "../../../components/frame.tsx";
import { NoPlaces } from "../../../components/place_link.tsx";
import { rfc3339 } from "../../../core/clock.ts";
import { countEnrolments } from "../../../core/views/enrolments.ts";
import TimeUpdater from "../../../islands/time_updater.tsx";
import { fleetOf } from "../../(_role)/fleet.ts";
import { type State, viewerOf } from "../../(_role)/state.ts";

/** Places that exist. The rail grows with the product; a link to nothing teaches people not to trust it. */
const SECTIONS = [[
  { href: "/dashboard", label: "Dashboard", icon: "layout-dashboard" },
  { href: "/hosts", label: "Hosts", icon: "server" },
  { href: "/deploy", label: "Deploy", icon: "rocket", acts: true },
  { href: "/jobs", label: "Jobs", icon: "list-checks" },
], [
  { href: "/groups", label: "Groups", icon: "folder-tree" },
  { href: "/users", label: "Users", icon: "users", tells_all: true },
  { href: "/enrolments", label: "Enrolment", icon: "shield-check", acts: true },
  { href: "/audit", label: "Audit", icon: "scroll-text", tells_all: true },
  { href: "/settings", label: "Settings", icon: "settings", tells_all: true },
]] as const;

/**
 * The product's frame around a page, with the numbers of the fleet as the viewer may see it. A wall screen gets no link to
 * what it may not open.
 */
export async function consoleFrame(state: State, url: URL, children: ComponentChildren) {
  const viewer = viewerOf(state);
  const { version, clock } = state.services;
  const [{ healthy, degraded, unreachable, running, hosts }, waiting] = await Promise.all([
    fleetOf(state),
    viewer.role === "auditor" ? 0 : countEnrolments(state.services.sql, viewer.sees),
  ]);
  const wall = viewer.session_kind === "wall";
  const counts: Record<string, number> = { "/hosts": hosts, "/enrolments": waiting };
  // Auditors read: what only acts is not theirs. Operators have their hosts: what tells of all is not theirs.
  const sections = SECTIONS
    .map((links) => links.filter(({ href }) => !wall || href === "/dashboard"))
    .map((links) => links.filter((link) => !("acts" in link) || viewer.role !== "auditor"))
    .map((links) => links.filter((link) => !("tells_all" in link) || viewer.role !== "operator"))
    .filter((links) => links.length > 0)
    .map((links) =>
      links.map(({ href, label, icon }) => ({
        href,
        label,
        icon,
        count: counts[href] ? counts[href].toLocaleString("en") : undefined,
      }))
    );
  const frame = (
    <Frame
      sections={sections}
      path={url.pathname}
      back={url.pathname + url.search}
      foot={`Version ${version}`}
      theme={state.theme ?? "system"}
      fleet={hosts > 0 ? { healthy, degraded, unreachable } : null}
      working={running}
      user={{ name: viewer.display_name || viewer.username, role: wall ? "wall screen" : viewer.role }}
      wall={wall}
      search={url.pathname === "/hosts" ? url.searchParams.get("q") ?? undefined : undefined}
    >
      <TimeUpdater now={rfc3339(clock.now())} />
      {children}
    </Frame>
  );
  return wall ? <NoPlaces>{frame}</NoPlaces> : frame;
}
