import { type Clock, epochMs } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import { idleMinutes } from "./idle_time.ts";
import { ACCESS_TOKEN_MINUTES, TOUCH_SECONDS } from "./rules.ts";
import { markSeen, touchSession } from "./session_store.ts";

interface Note {
  at: number;
  rotation: number;
}

/**
 * Writes down that sessions are used, once a minute at most, although their access tokens spare the database every
 * request: so that the idle time is right to the minute. A refresh token that was just handed out is written down as
 * seen at once.
 */
export class Activity {
  #notes = new Map<string, Note>();

  constructor(private readonly sql: Sql, private readonly clock: Clock) {}

  /**
   * @param rotation which refresh token the access token came with
   * @param attended false for what a page asks for by itself, which is no use by anybody
   */
  async note(session_id: string, rotation: number, attended: boolean): Promise<void> {
    const at = epochMs(this.clock);
    const last = this.#notes.get(session_id) ?? { at: -Infinity, rotation: -1 };
    const is_due = attended && at - last.at >= TOUCH_SECONDS * 1000;
    if (!is_due && last.rotation >= rotation) return;
    this.#prune(at);
    // Noted before it is written, so that one of many requests at once writes.
    this.#notes.set(session_id, { at: is_due ? at : last.at, rotation: Math.max(rotation, last.rotation) });
    if (last.rotation < rotation) await markSeen(this.sql, session_id, rotation);
    if (is_due) await touchSession(this.sql, session_id, this.clock.now(), await idleMinutes(this.sql));
  }

  #prune(at: number): void {
    if (this.#notes.size < 1_000) return;
    for (const [id, note] of this.#notes) {
      if (!(at - note.at <= ACCESS_TOKEN_MINUTES * 60_000)) this.#notes.delete(id);
    }
  }
}
