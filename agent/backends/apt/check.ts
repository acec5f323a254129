import type { Patch } from "../../../protocol/api.ts";
import type { Listing } from "../../executor/package_manager.ts";
import { type AptTruth, readAptTruth } from "./check_truth.ts";
import { aptCall, hostPath, programs, read } from "./command.ts";
import { exclusionFile } from "./exclusions.ts";
import { readListing } from "./listing.ts";

/** A listing, and where apt's own words differ from it. */
export interface CheckedListing {
  listing: Listing;
  /** One sentence each; empty when package by package both say the same. */
  differences: string[];
}

/** The listing of a host. @throws Error when apt or dpkg is missing or cannot read its data */
export async function listHost(root: string | null): Promise<Listing> {
  return await readListing(root, await nativeArchitecture(root));
}

/** Reads the listing, asks apt, and compares package by package. Changes nothing, takes no lock. */
export async function checkHost(root: string | null): Promise<CheckedListing> {
  const native = await nativeArchitecture(root);
  const listing = await readListing(root, native);
  const patterns = await excludedPatterns(root);
  const excluded = (name: string) => patterns.some((pattern) => pattern.test(name));
  const unsigned = (patch: Patch) => listing.error === null && patch.state === "blocked";
  const keep = new Map(
    listing.patches.filter((patch) => unsigned(patch) || (patch.state !== "pinned" && excluded(patch.name)))
      .filter((patch) => !patch.held)
      .map((patch) => [patch.name, patch.current_version]),
  );
  const truth = await readAptTruth(root, native, keep);
  return { listing, differences: compareListing(listing, truth, excluded) };
}

async function nativeArchitecture(root: string | null): Promise<string> {
  return (await read(aptCall(root, programs.dpkg, ["--print-architecture"]))).stdout.trim();
}

/** The administrator's list, read in a way of its own. */
async function excludedPatterns(root: string | null): Promise<RegExp[]> {
  const text = await Deno.readTextFile(hostPath(root, exclusionFile)).catch(() => "");
  return text.split("\n").map((line) => line.split("#")[0].trim()).filter((line) => /^[a-z0-9*]/.test(line)).map((
    line,
  ) => new RegExp(`^${line.replace(/[.+]/g, "\\$&").replace(/\*$/, ".*")}(:.*)?$`));
}

/**
 * Every difference between our listing and apt's words.
 * @param excluded whether the host's administrator forbids a package
 */
export function compareListing(listing: Listing, truth: AptTruth, excluded: (name: string) => boolean): string[] {
  const differences: string[] = [];
  const tell = (name: string, apt: string, ours: string) =>
    differences.push(`${name}: apt says ${apt}, the listing ${ours}`);
  const ours = new Map(listing.patches.map((patch) => [patch.name, patch]));
  if ((truth.error !== null) && listing.error === null) tell("apt-get", truth.error, "knows of no error");
  for (const [name, { from, to }] of truth.upgradable) {
    const patch = ours.get(name);
    const words = patch && `${patch.current_version} to ${patch.available_version}`;
    if (!patch || words !== `${from} to ${to}`) tell(name, `${from} to ${to}`, `says ${words ?? "nothing"}`);
  }
  for (const patch of listing.patches) {
    const stands = !truth.upgradable.has(patch.name);
    const off_offer = patch.state === "pinned" ||
      (patch.state === "excluded" && /^Pinned/.test(patch.state_reason ?? ""));
    if (stands && !off_offer) tell(patch.name, "there is no update", `says ${patch.available_version}`);
    if (!stands && off_offer) tell(patch.name, "there is an update", "says it is pinned");
    if (!stands && Boolean(patch.security) !== truth.security.has(patch.name)) {
      tell(patch.name, truth.security.has(patch.name) ? "security" : "no security", `says ${patch.security}`);
    }
    if (Boolean(patch.held) !== truth.held.has(patch.name)) {
      tell(patch.name, truth.held.has(patch.name) ? "on hold" : "not on hold", `says held: ${patch.held}`);
    }
  }
  // Where nothing can be installed there is nothing to compare beyond what is on offer.
  if (truth.error === null && listing.error === null) {
    for (const patch of listing.patches) compareState(patch, truth, excluded, tell);
    compareTotals(listing, truth, tell);
  }
  return differences.sort();
}

type Tell = (name: string, apt: string, ours: string) => void;

function compareState(patch: Patch, truth: AptTruth, excluded: (name: string) => boolean, tell: Tell): void {
  const { name, state } = patch;
  const planned = truth.upgrade.get(name);
  const said = planned ? `it would be updated to ${planned.to}` : "it would stay";
  const needs = /^It needs (\S+)\. /.exec(patch.state_reason ?? "")?.[1];
  const forbidden = state === "excluded" || (needs !== undefined && excluded(needs)) ||
    (patch.state_reason ?? "").includes("signature could not be verified");
  if (forbidden) {
    if (state === "blocked" && !truth.unsigned_sources) tell(name, "every source is signed", "says it is not");
    if (state === "excluded" && !excluded(name)) {
      tell(name, said, "says excluded, which the administrator's list does not");
    }
    return;
  }
  if (planned !== undefined && (state !== "installable" || planned.to !== patch.available_version)) {
    tell(name, said, `says ${state}, ${patch.available_version}`);
  }
  if (planned === undefined && state === "installable") tell(name, said, "says installable");
  if (state === "held" && !truth.held.has(name)) tell(name, "not on hold", "says held");
  const waits = truth.kept_back.has(name) || truth.deferred.has(name);
  if ((state === "kept_back" || state === "phased" || state === "held") && !waits) {
    tell(name, "it is not kept back", `says ${state}`);
  }
  if (truth.deferred.has(name) && state !== "phased") tell(name, "deferred due to phasing", `says ${state}`);
  if (truth.only_dist_upgrade.has(name) && state !== "kept_back") {
    tell(name, "only a full upgrade takes it", `says ${state}`);
  }
}

function compareTotals(listing: Listing, truth: AptTruth, tell: Tell): void {
  const restrained = listing.patches.some((patch) => /^It needs |signature could not/.test(patch.state_reason ?? ""));
  if (restrained) return;
  const brought = new Set(listing.patches.flatMap((patch) => patch.new_dependencies ?? []));
  for (const name of truth.added) if (!brought.has(name)) tell(name, "it would be installed anew", "names it nowhere");
  for (const name of brought) if (!truth.added.has(name)) tell(name, "it would not be installed", "names it as new");
  const removes = new Set(listing.patches.flatMap((patch) => patch.removes ?? []));
  const grouped = listing.patches.some((patch) => /not looked into alone/.test(patch.state_reason ?? ""));
  for (const name of truth.removed) {
    if (!removes.has(name) && !grouped) tell(name, "a full upgrade would remove it", "names it nowhere");
  }
  const total = sizeWords(listing.download_bytes ?? 0);
  if ((truth.need_to_get ?? "0 B") !== total) tell("download", truth.need_to_get ?? "0 B", `says ${total}`);
}

/** Bytes as apt prints them: three or four digits, in powers of 1000. */
export function sizeWords(bytes: number): string {
  let value = bytes;
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (value < 100 && unit !== "B") return `${value.toFixed(1)} ${unit}`;
    if (value < 10_000) return `${value.toFixed(0)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(0)} PB`;
}
