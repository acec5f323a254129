import { reason } from "../core/errors.ts";
import { type CheckedListing, checkHost, listHost } from "./backends/apt/check.ts";
import { sizeWords } from "./backends/apt/check.ts";
import type { Listing } from "./executor/package_manager.ts";
import type { Patch } from "../protocol/api.ts";

/** What `patch-agent list` was asked for. */
export interface ListArguments {
  /** Absolute path of a system below a folder; null for the machine itself. */
  root: string | null;
  /** Compare with apt's own simulations. */
  check: boolean;
  json: boolean;
}

/**
 * Prints what the agent would tell the manager about this host. Reads only: takes no lock, refreshes no index, needs
 * no executor and no root.
 * @returns exit code: 0 as it should be, 1 when something differs from apt's words or apt cannot be asked, 2 called
 * wrongly
 */
export async function runList(args: ListArguments): Promise<number> {
  const { root, check, json } = args;
  if (root !== null && !await isSystem(root)) {
    console.error(`There is no system below ${root}: it needs apt.conf and var/lib/dpkg/status. See --root.`);
    return 2;
  }
  let result: CheckedListing;
  try {
    result = check ? await checkHost(root) : { listing: await listHost(root), differences: [] };
  } catch (thrown) {
    console.error(
      thrown instanceof Deno.errors.NotFound
        ? "This machine has no apt and dpkg in /usr/bin; only Debian, Ubuntu and their relatives can be listed so far."
        : `The package manager cannot be asked: ${reason(thrown)}`,
    );
    return 1;
  }
  const { listing, differences } = result;
  console.log(json ? asJson(listing, check ? differences : null) : asTable(listing));
  if (check && !json) { for (const line of differences) console.log(line); }
  if (check && !json) console.log(verdict(listing.patches.length, differences.length));
  return differences.length > 0 ? 1 : 0;
}

async function isSystem(root: string): Promise<boolean> {
  if (!root.startsWith("/")) return false;
  try {
    await Deno.stat(`${root}/apt.conf`);
    await Deno.stat(`${root}/var/lib/dpkg/status`);
    return true;
  } catch {
    return false;
  }
}

function verdict(total: number, differences: number): string {
  const updates = `${total} update${total === 1 ? "" : "s"}`;
  return differences === 0
    ? `Compared with apt package by package: the same (${updates}).`
    : `Compared with apt package by package: ${differences} difference${differences === 1 ? "" : "s"} (${updates}).`;
}

function asJson(listing: Listing, differences: string[] | null): string {
  const { patches, error, download_bytes } = listing;
  const security_updates = patches.filter((patch) => patch.security).length;
  const answer = { patches, total: patches.length, security_updates, download_bytes, error };
  return JSON.stringify(differences === null ? answer : { ...answer, differences }, null, 2);
}

/** Aligned columns, the reason last because it is long. */
export function asTable(listing: Listing): string {
  const { patches, error, download_bytes } = listing;
  const head = ["PACKAGE", "INSTALLED", "AVAILABLE", "SECURITY", "STATE", "REASON"];
  const rows = [head, ...patches.map(cells)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row.map((cell, column) => column === row.length - 1 ? cell : cell.padEnd(widths[column])).join("  ").trimEnd()
  );
  const installable = patches.filter((patch) => patch.state === "installable").length;
  const security = patches.filter((patch) => patch.security).length;
  const size = download_bytes === null || download_bytes === undefined
    ? ""
    : `, ${sizeWords(download_bytes)} to download`;
  if (patches.length === 0) lines.length = 0;
  lines.push(
    patches.length === 0
      ? "No update is on offer."
      : `${patches.length} on offer, ${security} of them security; ${installable} would be installed${size}.`,
  );
  if (error !== null) lines.push(`Nothing can be installed now: ${printable(error)}`);
  return lines.join("\n");
}

function cells(patch: Patch): string[] {
  const reasons = [
    patch.state_reason,
    patch.new_dependencies?.length ? `Brings along ${patch.new_dependencies.join(", ")}.` : null,
    patch.reboot_reason,
  ].filter(Boolean).join(" ");
  const { name, current_version, available_version, state = "unknown" } = patch;
  const columns = [name, current_version, available_version, patch.security ? "yes" : "no", state, reasons];
  return columns.map(printable);
}

/** Descriptions come from repositories: nothing of them may steer a terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, " ");
}
