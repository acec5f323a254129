import { countText } from "../../../components/quantity.tsx";
import type { FleetSummary } from "../../../core/views/fleet_summary.ts";

/** The query of the host list as its address says it; empty fields of the filter form count as absent. */
export function hostsQuery(params: URLSearchParams) {
  const text = (name: string) => params.get(name)?.replaceAll("\u0000", "") || undefined;
  return {
    search: text("q"),
    health: text("health"),
    os: text("os"),
    status: text("status"),
    group: text("group"),
    only: text("only"),
    sort: text("sort"),
    cursor: text("cursor"),
  };
}

/** The page's own address with some parameters changed; null takes one away. */
export function withQuery(url: URL, changes: Record<string, string | null>): string {
  const params = new URLSearchParams(url.search);
  for (const [name, value] of Object.entries(changes)) value === null ? params.delete(name) : params.set(name, value);
  const search = params.toString();
  return search ? `${url.pathname}?${search}` : url.pathname;
}

/** One sentence about what needs attention, worst first. */
export function fleetSentence(fleet: FleetSummary): string {
  const { hosts, hosts_with_security, unreachable, stale, reboot_required, pending } = fleet;
  if (hosts === 0) return "Nothing is managed yet.";
  const parts: string[] = [];
  if (hosts_with_security > 0) {
    parts.push(
      `${hosts_with_security.toLocaleString("en")} of ${countText(hosts, "host")} have security updates pending`,
    );
  }
  if (unreachable > 0) parts.push(`${countText(unreachable, "host")} ${unreachable === 1 ? "does" : "do"} not answer`);
  if (stale > 0) parts.push(`${countText(stale, "host has", "hosts have")} no fresh data`);
  if (reboot_required > 0) {
    parts.push(`${countText(reboot_required, "host")} wait${reboot_required === 1 ? "s" : ""} for a reboot`);
  }
  if (parts.length > 0) return capital(parts.join(", ")) + ".";
  if (pending > 0) {
    return `No security update is pending on ${countText(hosts, "host")}; ${countText(pending, "other update")}.`;
  }
  return `${countText(hosts, "host")}, all up to date.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
