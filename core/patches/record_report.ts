import { type Sql, transaction } from "../database/connection.ts";
import { appendEvent } from "../live/append_event.ts";
import type { Tx } from "../database/types.ts";
import { countPatches, hashList, normalisePackages, normalisePatches, plain } from "./rules.ts";
import { Allowance } from "./allowance.ts";
import { acceptReport, lockReport, noteSpent } from "./store.ts";
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

/**
 * Lands what a host answered, in one transaction. Content that is the same as before writes no row but the report's
 * own narrow one; changed content writes the rows that differ. Normalising and hashing happen before the transaction,
 * so that the database waits for nothing.
 *
 * @param options.requested a person waits for it: open pages hear of the report even when nothing changed
 * @throws RefusedReport when the content cannot be taken (see recordRefusal); then nothing was written
 */
export async function recordReport(
  sql: Sql,
  hostId: string,
  report: Report,
  options: { received_at: Temporal.Instant; requested?: boolean },
): Promise<RecordedReport> {
  const patches = report.patches && normalisePatches(report.patches.patches);
  const packages = report.packages && normalisePackages(report.packages);
  const sent = {
    patches: patches && hashList(patches),
    packages: packages && hashList(packages),
  };
  return await transaction(sql, async (tx) => {
    // Before any row: what this report is about to refer to must not be removed meanwhile.
    await lockContents(tx, "shared");
    const before = await lockReport(tx, hostId);
    if (!before) return { accepted: false, patches_changed: false, packages_changed: false };
    const old = splitHash(before.content_hash);
    const patchesHash = sent.patches ?? old.patches;
    const packagesHash = sent.packages ?? old.packages;
    const patches_changed = patches !== null && !same(patchesHash, old.patches);
    const packages_changed = packages !== null && !same(packagesHash, old.packages);
    const allowance = new Allowance(before, options.received_at);
    await writeContents(
      tx,
      hostId,
      { patches: patches_changed ? patches : null, packages: packages_changed ? packages : null },
      allowance,
    );
    if (allowance.after) await noteSpent(tx, hostId, allowance.after);
    await acceptReport(tx, hostId, {
      received_at: options.received_at,
      content_hash: new Uint8Array([...patchesHash, ...packagesHash]),
      patches_sent: report.patches !== null,
      packages_sent: report.packages !== null,
      patches_etag: report.etags.patches,
      packages_etag: report.etags.packages,
      index_age_said: report.patches?.index_age_seconds !== undefined,
      index_refreshed_at: indexTime(report, options.received_at),
      index_error: plain(report.patches?.index_error),
      state: report.patches?.state ?? "ok",
    });
    const changed = patches_changed || packages_changed;
    const data = { host_id: hostId, changed, received_at: options.received_at.toString() };
    if (changed || options.requested) {
      await appendEvent(tx, { topic: `host:${hostId}`, host_id: hostId, kind: "report", data });
      await appendEvent(tx, { topic: "hosts", host_id: hostId, kind: "report", data });
    }
    return { accepted: true, patches_changed, packages_changed };
  });
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
