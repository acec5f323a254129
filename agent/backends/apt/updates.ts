import type { PackageChange, PatchState } from "../../../protocol/api.ts";
import type { Failure } from "../../executor/package_manager.ts";
import { downloadListArguments, type Target, upgradeArguments } from "./arguments.ts";
import { aptCall, hostPath, programs, read } from "./command.ts";
import { readDatabaseState } from "./database_state.ts";
import { exclusionFile, type Exclusions, readExclusions } from "./exclusions.ts";
import { explainFailure } from "./failures.ts";
import { type InstalledRow, isHeld, readInstalled } from "./installed.ts";
import { installedTarget, isArgument, type Offer, type Offers, readOffers, readPolicies, target } from "./offers.ts";
import { newDependenciesOf, readRecords } from "./records.ts";
import { isUnsigned, readUnsigned, type UnsignedSources, unsignedWords } from "./signatures.ts";
import { parseSimulation } from "./simulation.ts";

/** Why an update is left alone before apt is even asked. */
export interface Obstacle {
  state: PatchState;
  reason: string;
}

/** Everything that is installed and on offer, and what an update of all of it would do: the ground of list and plan. */
export interface Updates extends Offers {
  native: string;
  rows: InstalledRow[];
  exclusions: Exclusions;
  unsigned: UnsignedSources;
  /** What "all" would change. Empty when `failure` is set. */
  changes: PackageChange[];
  /** Keys of {@link changes} that update something installed, with the version. */
  installable: Map<string, string>;
  /** By key: held, excluded, unsigned, or in need of something that is. */
  obstacles: Map<string, Obstacle>;
  /** Installed packages that apt was told to leave alone, at their versions. */
  kept: Target[];
  /** Why nothing at all can be installed now. */
  failure: Failure | null;
}

/** Rounds in which updates are dropped because of what they would bring along; each drops at least one. */
const ROUNDS = 8;

/** Reads everything at one moment: files, apt-cache, and apt's simulation. No lock is taken. */
export async function readUpdates(root: string | null, native: string): Promise<Updates> {
  const exclusions = await readExclusions(root);
  const first = exclusions.empty ? simulate(root, []) : null;
  // Awaited below; when a reading fails before, that failure is the one to tell.
  first?.catch(() => {});
  const [rows, unsigned, journal] = await Promise.all([
    readInstalled(root, native),
    readUnsigned(root),
    journals(root),
  ]);
  const found = await readOffers(root, rows);
  const updates: Updates = {
    ...found,
    ...{ native, rows, exclusions, unsigned, changes: [], installable: new Map(), obstacles: new Map(), kept: [] },
    failure: null,
  };
  for (const offer of found.offers) {
    const obstacle = obstacleOf(updates, offer);
    if (obstacle === null) continue;
    updates.obstacles.set(offer.row.key, obstacle);
    if (!isHeld(offer.row)) updates.kept.push(installedTarget(offer.row, native));
  }
  // Nothing goes back to an older version here, and one such wish would end apt's simulation of everything.
  for (const row of found.older) if (!isHeld(row)) updates.kept.push(installedTarget(row, native));
  updates.kept = updates.kept.filter(isArgument);
  const early = await first;
  take(updates, early !== null && updates.kept.length === 0 ? early : await simulate(root, updates.kept));
  if (journal) {
    updates.failure = {
      code: "PKG_MANAGER_ERROR",
      words: "dpkg was interrupted in the middle of a change. Repair it first (`dpkg --configure -a`).",
    };
  } else if (exclusions.problem !== null) updates.failure = { code: "PKG_MANAGER_ERROR", words: exclusions.problem };
  if (updates.failure !== null) take(updates, updates.failure);
  else await dropUnwelcome(root, updates);
  return updates;
}

/** Bytes that installing {@link Updates.changes} would download, as apt counts: what lies in the cache already is free. */
export async function downloadSize(root: string | null, updates: Updates): Promise<number | null> {
  if (updates.failure !== null) return null;
  if (updates.changes.length === 0) return 0;
  const answer = await read(aptCall(root, programs.apt_get, downloadListArguments(updates.kept)));
  if (answer.code !== 0) return null;
  let bytes = 0;
  for (const match of answer.stdout.matchAll(/^'[^']*' \S+ (\d{1,15})(?: \S*)?$/gm)) bytes += Number(match[1]);
  // More than the wire takes is no size but a repository's fancy.
  return bytes <= Number.MAX_SAFE_INTEGER ? bytes : null;
}

/**
 * Changes that an administrator's list, an unsigned source or a version that nobody could order forbids, of packages
 * that are installed or not.
 */
export async function unwelcome(
  root: string | null,
  updates: Pick<Updates, "exclusions" | "unsigned" | "native">,
  changes: PackageChange[],
): Promise<Map<string, Obstacle>> {
  const found = new Map<string, Obstacle>();
  const policies = updates.unsigned.size === 0 ? null : await readPolicies(root, changes.map((change) => change.name));
  for (const change of changes) {
    const { name, to } = change;
    const line = updates.exclusions.find(name);
    if (line !== null) {
      found.set(name, { state: "excluded", reason: excludedWords(line) });
      continue;
    }
    if (to !== null && !isArgument(freshTarget(change, updates.native))) {
      found.set(name, { state: "kept_back", reason: oddVersionWords(to) });
      continue;
    }
    const version = policies?.get(name)?.versions.find((item) => item.version === to);
    if (version && isUnsigned(version, updates.unsigned)) {
      found.set(name, { state: "blocked", reason: unsignedWords(version) });
    }
  }
  return found;
}

function obstacleOf(updates: Updates, offer: Offer): Obstacle | null {
  const { row, pending } = offer;
  const line = updates.exclusions.find(row.key);
  if (line !== null) return { state: "excluded", reason: excludedWords(line) };
  if (isHeld(row)) {
    return { state: "held", reason: `On hold on this host. Release it with: apt-mark unhold ${row.key}` };
  }
  if (!isArgument(target(offer, updates.native))) {
    return { state: "kept_back", reason: oddVersionWords(offer.policy.candidate) };
  }
  if (isUnsigned(pending[0], updates.unsigned)) return { state: "blocked", reason: unsignedWords(pending[0]) };
  return null;
}

/** One such package must not stand in the way of all the others. */
function oddVersionWords(version: string): string {
  const shown = JSON.stringify(version.slice(0, 100));
  return `Its version ${shown} is not one that Debian allows, so it is never installed from here. Tell its repository.`;
}

function excludedWords(line: string): string {
  return `Excluded by this host's administrator: ${exclusionFile} has the line ${line}`;
}

async function simulate(root: string | null, kept: Target[]): Promise<PackageChange[] | Failure> {
  const answer = await read(aptCall(root, programs.apt_get, upgradeArguments(kept)));
  if (answer.code !== 0) return explainFailure(answer.stderr + answer.stdout, "apply");
  return parseSimulation(answer.stdout);
}

function take(updates: Updates, outcome: PackageChange[] | Failure): void {
  updates.changes = Array.isArray(outcome) ? outcome : [];
  updates.failure = Array.isArray(outcome) ? null : outcome;
  const upgrades = updates.changes.filter((change) => change.from !== null && change.to !== null);
  updates.installable = new Map(upgrades.map((change) => [change.name, change.to!]));
}

/** Leaves alone what would bring along something new that is excluded or unsigned, until nothing does. */
async function dropUnwelcome(root: string | null, updates: Updates): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const fresh = updates.changes.filter((change) => change.action === "install");
    const unwanted = await unwelcome(root, updates, fresh);
    if (unwanted.size === 0) return;
    const offers = updates.offers.filter((offer) => updates.installable.has(offer.row.key));
    const records = await readRecords(root, updates.native, [
      ...offers.map((offer) => target(offer, updates.native)),
      ...fresh.map((change) => freshTarget(change, updates.native)),
    ]);
    const names = new Set(fresh.map((change) => change.name));
    for (const offer of offers) {
      const bad = newDependenciesOf(offer.row.key, names, records).find((name) => unwanted.has(name));
      if (bad === undefined) continue;
      const { reason } = unwanted.get(bad)!;
      updates.obstacles.set(offer.row.key, { state: "kept_back", reason: `It needs ${bad}. ${reason}`.slice(0, 512) });
      updates.kept.push(installedTarget(offer.row, updates.native));
    }
    take(updates, await simulate(root, updates.kept));
    if (updates.failure !== null) return;
  }
  const [name] = (await unwelcome(root, updates, updates.changes)).keys();
  if (name !== undefined) {
    take(updates, { code: "DEPENDENCY_CONFLICT", words: `apt finds no set of updates without ${name}.` });
  }
}

/** The argument parts of a package that is not installed yet. */
export function freshTarget(change: PackageChange, native: string): Target {
  const arch = change.arch && change.arch !== "all" ? change.arch : native;
  return { name: change.name.split(":")[0], arch, version: change.to! };
}

/**
 * dpkg leaves numbered files where it was cut off while writing; until they are read in it installs nothing. A dpkg
 * that is at work has them too.
 */
async function journals(root: string | null): Promise<boolean> {
  try {
    for await (const entry of Deno.readDir(hostPath(root, "/var/lib/dpkg/updates"))) {
      if (/^\d+$/.test(entry.name)) return (await readDatabaseState(root)).state !== "locked";
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return false;
}
