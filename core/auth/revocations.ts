import { type Clock, epochMs } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import { reason } from "../errors.ts";
import type { Log } from "../log.ts";
import { ACCESS_TOKEN_MINUTES } from "./rules.ts";
import { selectLive } from "./session_store.ts";

/** Where the ends of sessions are heard of. */
export interface RevokedSource {
  /** Called with the id of a session or API token that has ended, or null when any may have. */
  on_revoked(listener: (id: string | null) => void): () => void;
  /** False while something may be missed. */
  connected(): boolean;
}

/** How often what is remembered is compared with the database, in milliseconds. */
const RELOAD_MS = 60_000;
/** Nobody comes with an older access token, so nothing has to be remembered for longer. Milliseconds. */
const REMEMBERED_MS = ACCESS_TOKEN_MINUTES * 60_000;

/**
 * Which sessions have ended, without asking the database for each request. Ends are heard by notification. Whatever was
 * not heard of for certain is asked for: a session that this process has not seen yet, and every one while
 * notifications may be missed. Once a minute all that is remembered is compared besides.
 */
export class Revocations {
  /** Sessions that the database called good, and when they were last asked for. */
  #live = new Map<string, number>();
  #ended = new Map<string, number>();
  /** Counts the times from which on nothing that was read before may be believed. */
  #epoch = 0;
  #source: RevokedSource | null = null;
  #unsubscribe = () => {};
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly options: { sql: Sql; clock: Clock; log: Log }) {}

  start(source: RevokedSource): void {
    this.#source = source;
    this.#unsubscribe = source.on_revoked((id) => id === null ? this.#forget() : this.end(id));
    this.#timer = setInterval(() => void this.reload(), RELOAD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.#source = null;
  }

  /** Whether a session goes on. Asks the database only where this process cannot know. */
  async isLive(session_id: string): Promise<boolean> {
    if (this.#ended.has(session_id)) return false;
    const now = epochMs(this.options.clock);
    if (this.hears() && this.#live.has(session_id)) {
      this.#live.set(session_id, now);
      return true;
    }
    const epoch = this.#epoch;
    const [live] = await selectLive(this.options.sql, [session_id], this.options.clock.now());
    // Heard while the database answered with what was before.
    if (this.#ended.has(session_id)) return false;
    if (!live) {
      this.#ended.set(session_id, now);
      return false;
    }
    if (this.hears() && epoch === this.#epoch) this.#live.set(session_id, now);
    return true;
  }

  /** Whether a session or API token is known to have ended: for what goes on for longer than a request. */
  hasEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  /** A session, or an API token, has ended. */
  end(session_id: string): void {
    this.#ended.set(session_id, epochMs(this.options.clock));
    this.#live.delete(session_id);
  }

  /** Compares what is remembered with the database. A failure leaves it as it was; the next turn makes up for it. */
  async reload(): Promise<void> {
    const now = epochMs(this.options.clock);
    for (const memory of [this.#live, this.#ended]) {
      for (const [id, at] of memory) if (now - at > REMEMBERED_MS) memory.delete(id);
    }
    try {
      const asked = [...this.#live.keys()];
      if (asked.length === 0) return;
      const live = new Set(await selectLive(this.options.sql, asked, this.options.clock.now()));
      for (const id of asked) if (!live.has(id)) this.end(id);
    } catch (thrown) {
      this.#forget();
      this.options.log.warn("session.reload_failed", { message: reason(thrown) });
    }
  }

  /** False while ends may be missed. */
  hears(): boolean {
    return this.#source?.connected() ?? false;
  }

  #forget(): void {
    this.#epoch++;
    this.#live.clear();
  }
}
