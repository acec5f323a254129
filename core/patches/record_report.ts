import { type Sql, transaction } from "../database/connection.ts";
import { appendEvent } from "../live/append_event.ts";
import type { Tx } from "../database/types.ts";
import { countPatches, hashList, normalisePackages, normalisePatches, plain } from "./rules.ts";
import { Allowance } from "./allowance.ts";
import { type AcceptedReport, acceptReports, lockReports, noteSpent, type ReportRow } from "./store.ts";
import {
  lockContents,
  offerIds,
  oldestPending,
  packageIds,
  replacePackages,
  replacePatches,
  updateCounters,
  updateInstalled,
} from "./contents_store.ts";
import type { NormalPackage, NormalPatch, RecordedReport, Report } from "./types.ts";

/** Bytes of one SHA-256. */
const HASH = 32;

/** A report that can be landed: normalised and hashed, so that the database waits for nothing. */
export interface PreparedReport {
  received_at: Temporal.Instant;
  /** A person waits for it: open pages hear of the report even when nothing changed. */
  requested: boolean;
  /** Null: not modified since the last accepted one. */
  patches: NormalPatch[] | null;
  packages: NormalPackage[] | null;
  hashes: { patches: Uint8Array | null; packages: Uint8Array | null };
  accepted: Omit<AcceptedReport, "host_id" | "content_hash">;
}

/** @throws RefusedReport when the content cannot be taken (see recordRefusal) */
export function prepareReport(
  report: Report,
  options: { received_at: Temporal.Instant; requested?: boolean },
): PreparedReport {
  const { received_at, requested = false } = options;
  const patches = report.patches && normalisePatches(report.patches.patches);
  const packages = report.packages && normalisePackages(report.packages);
  return {
    ...{ received_at, requested, patches, packages },
    hashes: { patches: patches && hashList(patches), packages: packages && hashList(packages) },
    accepted: {
      received_at,
      patches_sent: report.patches !== null,
      packages_sent: report.packages !== null,
      patches_etag: report.etags.patches,
      packages_etag: report.etags.packages,
      index_age_said: report.patches?.index_age_seconds !== undefined,
      index_refreshed_at: indexTime(report, received_at),
      index_error: plain(report.patches?.index_error),
      state: report.patches?.state ?? "ok",
    },
  };
}

/**
 * Lands what a host answered, in one transaction. Content that is the same as before writes no row but the report's
 * own narrow one; changed content writes the rows that differ.
 *
 * @param finish what belongs into the same transaction: the end of the poll that brought the report
 * @throws RefusedReport when the host may name nothing new now; then nothing was written
 */
export function landReport(
  sql: Sql,
  hostId: string,
  report: PreparedReport,
  finish: (tx: Tx) => Promise<unknown> = () => Promise.resolve(),
): Promise<RecordedReport> {
  return transaction(sql, async (tx) => {
    // Before any row: what this report is about to refer to must not be removed meanwhile. Sent together: the connection
    // does one after the other.
    const [, rows] = await Promise.all([lockContents(tx, "shared"), lockReports(tx, [hostId], { free_only: false })]);
    const before = rows.get(hostId);
    if (!before) {
      await finish(tx);
      return { accepted: false, patches_changed: false, packages_changed: false };
    }
    const { content_hash, patches_changed, packages_changed } = compareReport(before, report);
    const allowance = new Allowance(before, report.received_at);
    await writeContents(
      tx,
      hostId,
      { patches: patches_changed ? report.patches : null, packages: packages_changed ? report.packages : null },
      allowance,
    );
    if (allowance.after) await noteSpent(tx, hostId, allowance.after);
    const accepted = acceptReports(tx, [{ ...report.accepted, host_id: hostId, content_hash }]);
    await Promise.all([accepted, finish(tx)]);
    await tellReport(tx, hostId, report, patches_changed || packages_changed);
    return { accepted: true, patches_changed, packages_changed };
  });
}

/** Prepares and lands a report: see {@link prepareReport} and {@link landReport}. */
export async function recordReport(
  sql: Sql,
  hostId: string,
  report: Report,
  options: { received_at: Temporal.Instant; requested?: boolean },
): Promise<RecordedReport> {
  return await landReport(sql, hostId, prepareReport(report, options));
}

/** What is new in a report, and the hash of what is known with it. */
export function compareReport(
  before: ReportRow,
  { hashes }: PreparedReport,
): { content_hash: Uint8Array; patches_changed: boolean; packages_changed: boolean } {
  const old = splitHash(before.content_hash);
  return {
    content_hash: new Uint8Array([...hashes.patches ?? old.patches, ...hashes.packages ?? old.packages]),
    patches_changed: hashes.patches !== null && !same(hashes.patches, old.patches),
    packages_changed: hashes.packages !== null && !same(hashes.packages, old.packages),
  };
}

/** Tells open pages of a report that changed something, or that somebody waits for. */
export async function tellReport(tx: Tx, hostId: string, report: PreparedReport, changed: boolean): Promise<void> {
  if (!changed && !report.requested) return;
  const data = { host_id: hostId, changed, received_at: report.received_at.toString() };
  await appendEvent(tx, { topic: `host:${hostId}`, host_id: hostId, kind: "report", data });
  await appendEvent(tx, { topic: "hosts", host_id: hostId, kind: "report", data });
}

/** All packages before all offers, each sorted: the one order in which every report takes its locks. */
async function writeContents(
  tx: Tx,
  hostId: string,
  changed: { patches: NormalPatch[] | null; packages: NormalPackage[] | null },
  allowance: Allowance,
): Promise<void> {
  const { patches, packages } = changed;
  const seen = allowance.now;
  if (!patches && !packages) return;
  const ids = await packageIds(tx, [...packages ?? [], ...(patches ?? []).map((patch) => patch.offer)], allowance);
  if (packages) {
    await replacePackages(tx, hostId, packages, ids);
    await updateInstalled(tx, hostId, packages.length);
  }
  if (patches) {
    await replacePatches(tx, hostId, patches, ids, await offerIds(tx, patches, ids, seen, allowance), seen);
    await updateCounters(tx, hostId, countPatches(patches), await oldestPending(tx, hostId));
  }
}

/**
 * A content that the host can no longer confirm, or never could, is all zeros: no content has that hash.
 */
function splitHash(hash: Uint8Array | null): { patches: Uint8Array; packages: Uint8Array } {
  if (hash?.length !== 2 * HASH) return { patches: new Uint8Array(HASH), packages: new Uint8Array(HASH) };
  return { patches: hash.slice(0, HASH), packages: hash.slice(HASH) };
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}

/** When the host last refreshed its package index. */
function indexTime(report: Report, received: Temporal.Instant): Temporal.Instant | null {
  const age = report.patches?.index_age_seconds;
  if (age === null || age === undefined) return null;
  return received.subtract({ seconds: Math.min(Math.round(age), 1_000_000_000) });
}
