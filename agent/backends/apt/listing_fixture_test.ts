import assert from "node:assert/strict";
import { publish } from "../../../demo/sandbox.ts";
import type { SandboxPackage } from "../../../demo/sandbox_packages.ts";
import type { Patch } from "../../../protocol/api.ts";
import { refreshArguments } from "./arguments.ts";
import { checkHost } from "./check.ts";
import type { Bed } from "./sandbox_fixture_test.ts";

/** `name version suite` and whatever else a package of the bed may have. */
export type Offered = [name: string, version: string, suite: SandboxPackage["suite"], more?: Partial<SandboxPackage>];

/** Offers more packages than the bed has by itself, and refreshes the index. */
export async function offer(bed: Bed, packages: Offered[]): Promise<void> {
  for (const [name, version, suite, more] of packages) {
    await publish(bed.repository, { name, version, suite, description: `invented ${name}`, ...more });
  }
  await refresh(bed);
}

export async function refresh(bed: Bed): Promise<void> {
  const { code, stderr } = await bed.run("/usr/bin/apt-get", refreshArguments);
  assert.equal(code, 0, stderr);
}

/** Writes rows into dpkg's database: what matters to a listing is only what dpkg believes. */
export async function believe(bed: Bed, rows: { name: string; status?: string; fields?: string }[]): Promise<void> {
  const text = rows.map(({ name, status = "install ok installed", fields = "Architecture: all\nVersion: 1.0-1" }) =>
    `Package: ${name}\nStatus: ${status}\nMaintainer: S <s@example.test>\nDescription: ${name}\nInstalled-Size: 24\n${fields}\n\n`
  ).join("");
  await Deno.writeTextFile(`${bed.root}/var/lib/dpkg/status`, text, { append: true });
}

/** Replaces the host's preferences; null removes them. */
export async function prefer(bed: Bed, text: string | null): Promise<void> {
  const path = `${bed.root}/etc/apt/preferences.d/test.pref`;
  if (text === null) await Deno.remove(path);
  else await Deno.writeTextFile(path, text);
}

/** Replaces the administrator's list. */
export async function exclude(bed: Bed, text: string): Promise<void> {
  await Deno.mkdir(`${bed.root}/etc/patch-agent`, { recursive: true });
  await Deno.writeTextFile(`${bed.root}/etc/patch-agent/exclude`, text);
}

/** The listing by name, after apt itself was asked about every package in it. */
export async function listed(bed: Bed): Promise<Map<string, Patch>> {
  const { listing, differences } = await checkHost(bed.root);
  assert.deepEqual(differences, []);
  return new Map(listing.patches.map((patch) => [patch.name, patch]));
}

/** An order of everything, unless said otherwise. */
export const everything = { packages: null, versions: {}, new_packages: null, security_only: false };
