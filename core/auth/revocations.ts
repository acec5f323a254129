import { type Clock, epochMs } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import { reason } from "../errors.ts";
import type { Log } from "../log.ts";
import { ACCESS_TOKEN_MINUTES } from "./rules.ts";
import { type LiveSession, selectLive } from "./session_store.ts";

/** Where the ends of sessions are heard of. */
export interface RevokedSource {
  /** Called with the id of a session or API token that has ended, or null when any may have. */
  on_revoked(listener: (id: string | null) => void): () => void;
  /** Called with the id of a user who is called otherwise now. */
  on_renamed(listener: (user_id: string) => void): () => void;
  /** False while something may be missed. */
  connected(): boolean;
}

/** How often what is remembered is compared with the database, in milliseconds. */
const RELOAD_MS = 60_000;
/** Nobody comes with an older access token, so nothing has to be remembered for longer. Milliseconds. */
const REMEMBERED_MS = ACCESS_TOKEN_MINUTES * 60_000;

/** A session that the database called good. */
interface Known {
  /** When it was last asked for, in milliseconds. */
  at: number;
  session: LiveSession;
}

/**
 * Which sessions have ended, and what their users are called, without asking the database for each request. Ends and
 * new names are heard by notification. Whatever was not heard of for certain is asked for: a session that this process
 * has not seen yet, every one after something was changed here, and every one while notifications may be missed. Once a
 * minute all that is remembered is compared besides.
 */
export class Revocations {
  #live = new Map<string, Known>();
  #ended = new Map<string, number>();
  /** Counts the times from which on nothing that was read before may be believed. */
  #epoch = 0;
  #source: RevokedSource | null = null;
  #unsubscribe = () => {};
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly options: { sql: Sql; clock: Clock; log: Log }) {}

  start(source: RevokedSource): void {
    this.#source = source;
    const stops = [
      source.on_revoked((id) => id === null ? this.forget() : this.end(id)),
      source.on_renamed((user_id) => this.forget(user_id)),
    ];
    this.#unsubscribe = () => stops.forEach((stop) => stop());
    this.#timer = setInterval(() => void this.reload(), RELOAD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.#source = null;
  }

  /** A session as long as it goes on, else null. Asks the database only where this process cannot know. */
  async find(session_id: string): Promise<LiveSession | null> {
    if (this.#ended.has(session_id)) return null;
    const now = epochMs(this.options.clock);
    const known = this.#live.get(session_id);
    if (this.hears() && known) {
      known.at = now;
      return known.session;
    }
    const epoch = this.#epoch;
    const [session = null] = await selectLive(this.options.sql, [session_id], this.options.clock.now());
    // Heard while the database answered with what was before.
    if (this.#ended.has(session_id)) return null;
    if (!session) this.#ended.set(session_id, now);
    else if (this.hears() && epoch === this.#epoch) this.#live.set(session_id, { at: now, session });
    return session;
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
    for (const [id, at] of this.#ended) if (now - at > REMEMBERED_MS) this.#ended.delete(id);
    for (const [id, { at }] of this.#live) if (now - at > REMEMBERED_MS) this.#live.delete(id);
    try {
      const asked = [...this.#live];
      if (asked.length === 0) return;
      const answer = await selectLive(this.options.sql, asked.map(([id]) => id), this.options.clock.now());
      const live = new Map(answer.map((session) => [session.id, session]));
      for (const [id, known] of asked) {
        const session = live.get(id);
        // What was asked for anew meanwhile is another entry: this answer is older.
        if (session) known.session = session;
        else this.end(id);
      }
    } catch (thrown) {
      this.forget();
      this.options.log.warn("session.reload_failed", { message: reason(thrown) });
    }
  }

  /** False while ends may be missed. */
  hears(): boolean {
    return this.#source?.connected() ?? false;
  }

  /**
   * Asks the database again from here on, of one user or of all. What is on its way from there counts for its own
   * request and is not remembered. Whoever changed something here calls this before answering: what they did is true
   * for their next request, however late the notification of it comes.
   */
  forget(user_id?: string): void {
    this.#epoch++;
    for (const [id, { session }] of this.#live) {
      if (user_id === undefined || session.user_id === user_id) this.#live.delete(id);
    }
  }
}
