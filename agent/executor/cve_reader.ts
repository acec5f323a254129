import { statfsSync } from "node:fs";
import { type Clock, epochMs } from "../../core/clock.ts";
import { reason } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { type CveStore, openCveStore } from "./cve_store.ts";
import type { ChangelogFailure, SecurityOffer } from "./cve_types.ts";
import type { Listing, PackageManager } from "./package_manager.ts";

export interface CveReaderOptions {
  /** The executor's state folder; `changelogs/` in it is ours. */
  state: string;
  manager: PackageManager;
  clock: Clock;
  log: Log;
  /** True while a job runs: nothing is read then. */
  busy: () => boolean;
  /** What may be downloaded on one day, UTC. Bytes, default 200 MB. */
  daily_bytes?: number;
  /** Room where the state lies, in bytes; default: what the file system says. */
  free_bytes?: () => number;
}

/** Puts CVE ids on the updates of a listing, and reads in the background what is not known yet. */
export interface CveReader {
  /**
   * The listing with what is known now: `cve_source` says "changelog" only where one was read. What is missing is
   * read afterwards, so a later listing has more.
   */
  dress(listing: Listing): Listing;
  /** Settles when nothing is being read. */
  idle(): Promise<void>;
  /** Ends what is being downloaded. Settles when it has ended. */
  stop(): Promise<void>;
}

const DAILY_BYTES = 200_000_000;
/** Below this the packages of the next job are worth more than our curiosity. Bytes. */
const LOW_DISK = 2 ** 30;
/** The first pause after a failure; it doubles up to a week. */
const PAUSE_MS = 3_600_000;
const LONGEST_PAUSE_MS = 7 * 86_400_000;
/** When so many downloads failed one after the other, the next would too. */
const FAILURES_IN_A_ROW = 3;

/**
 * Listings wake it: nobody needs the ids of a host that nobody asks, and no timer of its own is needed. Each source
 * is read once per version, one after the other, smallest first.
 */
export function openCveReader(options: CveReaderOptions): CveReader {
  const { manager, clock, log, busy, daily_bytes = DAILY_BYTES } = options;
  const folder = `${options.state}/changelogs`;
  const free_bytes = options.free_bytes ?? (() => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  });
  const changelogs = manager.changelogs;
  const stopping = new AbortController();
  let store: CveStore | null = null;
  let offers: SecurityOffer[] = [];
  let running: Promise<void> | null = null;

  function idsOf(offer: SecurityOffer): string[] | null {
    const changelog = store?.find(offer.source, offer.source_version)?.changelog;
    return changelog && changelogs ? changelogs.since(changelog, offer.installed_source_version) : null;
  }

  /** The next source to read: unknown, not paused after a failure, not tried in this run. */
  function next(tried: Set<string>): SecurityOffer[] | null {
    const now = epochMs(clock);
    let best: SecurityOffer[] | null = null;
    for (const group of groups(offers)) {
      const [{ source, source_version }] = group;
      const record = store!.find(source, source_version);
      const pause = (record?.failure?.next_ms ?? 0) - now;
      // A pause longer than any that we make is from a clock that was wrong.
      if (tried.has(keyOf(group[0])) || record?.changelog || (pause > 0 && pause <= LONGEST_PAUSE_MS)) continue;
      if (best === null || smallest(group) < smallest(best)) best = group;
    }
    return best;
  }

  function remember(offer: SecurityOffer, failure: ChangelogFailure): void {
    const { source, source_version: version } = offer;
    const count = (store!.find(source, version)?.failure?.count ?? 0) + 1;
    const pause = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** (Math.min(count, 20) - 1));
    const words = failure.words.slice(0, 512);
    store!.save({ source, version, changelog: null, failure: { words, count, next_ms: epochMs(clock) + pause } });
    log.warn("changelog.failed", { message: `${source}: ${words}`, version, count });
  }

  async function run(): Promise<void> {
    const tried = new Set<string>();
    let failures = 0;
    store!.keep(offers.map(({ source, source_version }) => ({ source, version: source_version })));
    for (let group = next(tried); group !== null; group = next(tried)) {
      const [first] = group;
      tried.add(keyOf(first));
      if (free_bytes() - smallest(group) < LOW_DISK) return;
      if ((await manager.database()).state === "locked") return;
      // Asked last: a job may have begun since.
      if (busy() || stopping.signal.aborted) return;
      const answer = await changelogs!.read(group, folder, store!.spend, stopping.signal);
      if (stopping.signal.aborted) return;
      if ("entries" in answer) {
        failures = 0;
        const { source, source_version: version } = first;
        store!.save({ source, version, changelog: answer, failure: null });
        log.info("changelog.read", { message: source, version, count: idsOf(first)?.length ?? 0 });
      } else if (answer.kind !== "over_budget") {
        remember(first, answer);
        if (answer.kind === "unreachable" && ++failures >= FAILURES_IN_A_ROW) return;
      }
    }
  }

  function wake(): void {
    if (running !== null || stopping.signal.aborted || busy() || next(new Set()) === null) return;
    running = run()
      .catch((error) => log.error("changelog.failed", { message: reason(error) }))
      .finally(() => running = null);
  }

  return {
    dress(listing) {
      if (!changelogs || !listing.security_offers) return listing;
      offers = listing.security_offers;
      try {
        store ??= openCveStore(folder, clock, daily_bytes);
      } catch (error) {
        // Without it the ids are missing; the list of updates must not be.
        log.error("changelog.failed", { message: reason(error) });
        return listing;
      }
      const known = new Map(offers.map((offer) => [offer.key, { version: offer.version, ids: idsOf(offer) }]));
      wake();
      const idsFor = (key: string, version: string | null | undefined) => {
        const found = known.get(key);
        return found && found.version === version ? found.ids : null;
      };
      return {
        ...listing,
        patches: listing.patches.map((patch) => {
          const cve_ids = idsFor(patch.name, patch.available_version);
          return cve_ids === null ? patch : { ...patch, cve_ids, cve_source: "changelog" };
        }),
        installed: listing.installed.map((item) => {
          const cve_ids = item.upgradable ? idsFor(item.name, item.latest_version) : null;
          return cve_ids === null ? item : { ...item, cve_ids };
        }),
      };
    },
    async idle() {
      while (running !== null) await running;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function keyOf(offer: SecurityOffer): string {
  return `${offer.source} ${offer.source_version}`;
}

/** Binaries of one source in one version. */
function groups(offers: SecurityOffer[]): SecurityOffer[][] {
  return [...Map.groupBy(offers, keyOf).values()];
}

/** Bytes of the smallest binary of a group. */
function smallest(group: SecurityOffer[]): number {
  return Math.min(...group.map((offer) => offer.size ?? Infinity));
}
