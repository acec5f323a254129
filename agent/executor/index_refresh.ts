import { z } from "zod";
import { type Clock, epochMs } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { jobErrorCodes } from "../../protocol/api.ts";
import { readIfThere, writeDurable } from "./durable_file.ts";
import { readTail } from "./followed_file.ts";
import type { Failure, PackageManager } from "./package_manager.ts";
import { type DetachedProcess, startDetached } from "./process.ts";

const RefreshRecord = z.object({
  success_ms: z.number().nullable(),
  failure: z.object({
    at_ms: z.number(),
    code: z.enum(jobErrorCodes),
    words: z.string(),
    clock: z.boolean().optional(),
  }).nullable(),
});

/** Keeps the package index young and remembers how that went. */
export interface IndexRefresh {
  /** Ms since the epoch of the newest known good index; null when there never was one. */
  lastSuccess(): Promise<number | null>;
  /** The last refresh's failure; null after a success. */
  readonly failure: (Failure & { at_ms: number }) | null;
  /** Ms since the epoch when the refresh that runs now began; null when none runs. */
  readonly running_since: number | null;
  /**
   * Refreshes now; callers at the same time share one run. Null when it worked.
   * @param onStart gets the running program, to stop it
   */
  refresh(onStart?: (process: DetachedProcess) => void): Promise<Failure | null>;
  /** Refreshes when the index is older than that. */
  ensure(max_age_seconds: number, onStart?: (process: DetachedProcess) => void): Promise<Failure | null>;
  /**
   * The same for somebody who waits on a line: after `limit_ms` it answers, and the refresh goes on by itself.
   * @returns false when it still runs
   */
  ensureWithin(max_age_seconds: number, limit_ms: number): Promise<boolean>;
  /** Refreshes every hour, give or take 10 %, except while `busy`. */
  startLoop(busy: () => boolean): Promise<void>;
  stop(): void;
}

/** Times that are further ahead than this mean that the clock stands, or stood, wrong. */
export const CLOCK_TOLERANCE_MS = 300_000;
/** The period of the loop; hosts that start together must not ask the mirrors together for ever. */
const PERIOD_MS = 3_600_000;
/** The first refresh after a start, when it is overdue. */
const FIRST_MS = 60_000;
const NO_REPOSITORY =
  "No repository is configured, so no update will ever be found. Add one to sources.list on the host, then refresh.";
/** apt gives up on one server after 30 s, but there may be many. */
const LIMIT_MS = 600_000;

/**
 * @param options.folder the state folder: `refresh.json` and the last output lie there
 * @param options.lock_timeout_seconds how long to try again while another program holds the lists' lock
 */
export function createIndexRefresh(options: {
  folder: string;
  manager: PackageManager;
  clock: Clock;
  log: Log;
  lock_timeout_seconds: number;
}): IndexRefresh {
  const { folder, manager, clock, log } = options;
  const path = `${folder}/refresh.json`;
  const stored = readIfThere(path);
  // A damaged record costs one refresh too many, so it is simply made anew.
  const parsed = stored === null ? null : RefreshRecord.safeParse(parseJson(stored));
  let record: z.infer<typeof RefreshRecord> = parsed?.data ?? { success_ms: null, failure: null };
  let running: Promise<Failure | null> | null = null;
  let running_since: number | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  /** An index that never was, or that is from the future, is as old as can be. */
  const ageOf = (last: number | null) =>
    last === null || last - epochMs(clock) > CLOCK_TOLERANCE_MS ? Infinity : epochMs(clock) - last;
  const period = () => PERIOD_MS * (0.9 + 0.2 * Math.random());

  async function attempt(onStart?: (process: DetachedProcess) => void): Promise<Failure | null> {
    const output = `${folder}/refresh.output`;
    Deno.writeTextFileSync(output, "", { mode: 0o600 });
    const process = await startDetached(manager.refreshCall(), output, null);
    onStart?.(process);
    const limit = setTimeout(() => process.signal("SIGTERM"), LIMIT_MS);
    const { code } = await process.ended;
    clearTimeout(limit);
    if (code !== 0) return manager.explain(readTail(output, 65_536), "refresh");
    // Without a single repository apt is content: it did everything that it was told.
    return await manager.indexTime() === null ? { code: "CACHE_REFRESH_ERROR", words: NO_REPOSITORY } : null;
  }

  async function persist(onStart?: (process: DetachedProcess) => void): Promise<Failure | null> {
    const start = performance.now();
    let failure = await attempt(onStart);
    while (failure?.code === "PKG_MANAGER_BUSY" && performance.now() - start < options.lock_timeout_seconds * 1000) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      failure = await attempt(onStart);
    }
    const now = epochMs(clock);
    record = failure === null
      ? { success_ms: now, failure: null }
      : { success_ms: record.success_ms, failure: { at_ms: now, ...failure } };
    writeDurable(path, JSON.stringify(record), false);
    const duration_ms = Math.round(performance.now() - start);
    if (failure === null) log.info("index.refreshed", { duration_ms });
    else log.warn("index.refresh_failed", { duration_ms, error_code: failure.code, message: failure.words });
    return failure;
  }

  const refresh: IndexRefresh = {
    async lastSuccess() {
      const newest = await manager.indexTime();
      // Somebody removed it since: what was refreshed then is of no use now.
      if (newest === null) return null;
      const times = [newest, record.success_ms].filter((time) => time !== null);
      // Files that were written while the clock was wrong must not hide what was refreshed since.
      const possible = times.filter((time) => time <= epochMs(clock) + CLOCK_TOLERANCE_MS);
      return Math.max(...possible.length > 0 ? possible : times);
    },
    get failure() {
      return record.failure;
    },
    get running_since() {
      return running_since;
    },
    refresh(onStart) {
      if (running === null) {
        running_since = epochMs(clock);
        running = persist(onStart).finally(() => running = running_since = null);
      }
      return running;
    },
    async ensureWithin(max_age_seconds, limit_ms) {
      const work = refresh.ensure(max_age_seconds).then(() => true);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const limit = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), limit_ms));
      // Nobody waits for it after the limit; its failure is in the record, anything else belongs into the log.
      work.catch((error) => log.error("index.refresh_failed", { message: String(error) }));
      try {
        return await Promise.race([work, limit]);
      } finally {
        clearTimeout(timer);
      }
    },
    async ensure(max_age_seconds, onStart) {
      const last = await refresh.lastSuccess();
      if (ageOf(last) <= max_age_seconds * 1000) return null;
      return await refresh.refresh(onStart);
    },
    async startLoop(busy) {
      const plan = (delay: number) => {
        if (stopped) return;
        timer = setTimeout(async () => {
          if (!busy()) {
            await refresh.refresh().catch((error) => log.error("index.refresh_failed", { message: String(error) }));
          }
          plan(period());
        }, delay);
        Deno.unrefTimer(timer as unknown as number);
      };
      // A host that was off for a week must not wait another hour, nor ask together with all that were off.
      const last = await refresh.lastSuccess().catch(() => null);
      const age = ageOf(last);
      plan(Math.max(FIRST_MS * (0.5 + Math.random()), period() - age));
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
  return refresh;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
