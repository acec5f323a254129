import { compareVersions } from "./debian_version.ts";
import { hostPath } from "./command.ts";
import type { InstalledRow } from "./installed.ts";

/**
 * Whether the host asks for a restart: the marker file that Ubuntu and unattended-upgrades write, or a newer
 * kernel than the running one, because plain Debian writes no marker.
 * @param running `uname -r`; null below a root, where the running kernel is not the managed system's
 */
export async function readReboot(
  root: string | null,
  rows: InstalledRow[],
  running: string | null,
): Promise<{ required: boolean; reasons: string[] }> {
  const reasons: string[] = [];
  const marker = await firstLines(hostPath(root, "/run/reboot-required"));
  if (marker !== null) {
    const names = [...new Set(await firstLines(hostPath(root, "/run/reboot-required.pkgs")) ?? [])];
    reasons.push(names.length > 0 ? `Asked for by ${names.join(", ")}`.slice(0, 512) : "The host asks for a restart");
  }
  const newer = running === null ? null : newerKernel(rows, running);
  if (newer !== null) reasons.push(`Kernel ${newer} is installed, ${running} is running`);
  return { required: reasons.length > 0, reasons };
}

/** Newest installed kernel of the running one's flavour, when it is newer; null otherwise. */
export function newerKernel(rows: InstalledRow[], running: string): string | null {
  const flavour = flavourOf(running);
  if (flavour === null) return null;
  let newest: string | null = null;
  for (const row of rows) {
    const release = /^linux-image-(?:unsigned-)?(\d.*)$/.exec(row.name)?.[1];
    if (release === undefined || flavourOf(release) !== flavour) continue;
    if (newest === null || compareVersions(release, newest) > 0) newest = release;
  }
  return newest !== null && compareVersions(newest, running) > 0 ? newest : null;
}

/** `amd64` of 6.1.0-18-amd64, `cloud-amd64` of 6.1.0-18-cloud-amd64; null for a kernel that no package made. */
function flavourOf(release: string): string | null {
  return /^[^a-z]*?-([a-z][a-z0-9-]*)$/.exec(release)?.[1] ?? null;
}

async function firstLines(path: string): Promise<string[] | null> {
  try {
    return (await Deno.readTextFile(path)).split("\n").map((line) => line.trim()).filter(Boolean).slice(0, 64);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
