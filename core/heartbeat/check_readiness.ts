import type { Clock } from "../clock.ts";
import type { Sql } from "../database/types.ts";
import { selectBeats } from "./store.ts";

/** A role that was silent for longer counts as dead (specification, section 15). Seconds. */
export const SILENT_AFTER_SECONDS = 90;
/** The database has this long to answer; whoever asks must not wait with it. Milliseconds. */
export const PATIENCE_MS = 2_000;

/** What is missing for the product to do its work; nothing is well. */
export type Missing = "database" | "heartbeat";

/**
 * Whether the database answers and both roles have said within 90 s that they live. One look at a time, whoever asks:
 * while the database hangs, questions must not pile up before it.
 */
export class Readiness {
  #looking: Promise<Missing[]> | null = null;

  constructor(
    private readonly sql: Sql,
    private readonly clock: Clock,
    private readonly patience_ms: number = PATIENCE_MS,
  ) {}

  /** Never throws, and answers within {@link PATIENCE_MS}. */
  async check(): Promise<Missing[]> {
    this.#looking ??= this.#look().finally(() => this.#looking = null);
    const patience = Promise.withResolvers<Missing[]>();
    const timer = setTimeout(() => patience.resolve(["database"]), this.patience_ms);
    try {
      return await Promise.race([this.#looking, patience.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #look(): Promise<Missing[]> {
    try {
      const beats = await selectBeats(this.sql);
      const oldest = this.clock.now().subtract({ seconds: SILENT_AFTER_SECONDS });
      const alive = new Set(
        beats.filter(({ beat_at }) => Temporal.Instant.compare(beat_at, oldest) >= 0).map(({ role }) => role),
      );
      return alive.has("web") && alive.has("fleet") ? [] : ["heartbeat"];
    } catch {
      return ["database"];
    }
  }
}
