import type { Clock } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import type { Log } from "../log.ts";
import { AccessTokens } from "./access_tokens.ts";
import { Activity } from "./activity.ts";
import { type Refreshed, refreshSession, type TokenOrigin } from "./refresh_session.ts";
import { Revocations, type RevokedSource } from "./revocations.ts";
import type { Sealer } from "./sealer.ts";
import { SigningKeys } from "./signing_keys.ts";
import type { OpenedSession, SessionKind, Viewer } from "./types.ts";

export interface SessionDeskOptions {
  sql: Sql;
  sealer: Sealer;
  clock: Clock;
  log: Log;
}

/** What a process holds to know who is asking: keys, ends of sessions, notes of their use. One for each process. */
export class SessionDesk {
  readonly keys: SigningKeys;
  readonly revocations: Revocations;
  readonly #tokens: AccessTokens;
  readonly #activity: Activity;

  constructor(private readonly options: SessionDeskOptions) {
    this.keys = new SigningKeys(options);
    this.revocations = new Revocations(options);
    this.#tokens = new AccessTokens(this.keys, options.clock);
    this.#activity = new Activity(options.sql, options.clock);
  }

  /** Begins to hear of ends, and has a key to sign with. */
  async start(source: RevokedSource): Promise<void> {
    this.revocations.start(source);
    await this.keys.look();
  }

  stop(): void {
    this.revocations.stop();
  }

  /** False while ends of sessions may be missed, so that every request asks the database. */
  hears(): boolean {
    return this.revocations.hears();
  }

  /** The access token of a session that was just opened, renewed or refreshed. `expires_in` in seconds. */
  accessToken(session: OpenedSession): Promise<{ token: string; expires_in: number }> {
    return this.#tokens.issue(session);
  }

  /**
   * Who an access token belongs to; null when it proves nothing, is of another kind, or its session has ended. Reads
   * nothing from the database as long as this process knows the session.
   *
   * @param attended false for what a page asks for by itself: that keeps no session alive
   */
  async viewerOf(token: string, kinds: readonly SessionKind[], attended = true): Promise<Viewer | null> {
    const proof = await this.#tokens.check(token);
    if (!proof.viewer || !kinds.includes(proof.viewer.session_kind)) return null;
    const session = await this.revocations.find(proof.viewer.session_id);
    if (!session) return null;
    await this.#activity.note(session.id, proof.rotation, attended);
    // The token holds the names of when it was signed.
    const { username, display_name } = session;
    return { ...proof.viewer, username, display_name };
  }

  /** {@link refreshSession} with what this process holds. */
  async refresh(token: string, kinds: readonly SessionKind[], origin: TokenOrigin): Promise<Refreshed> {
    const { sql, sealer, clock } = this.options;
    const found = await refreshSession({ sql, sealer, clock }, token, kinds, origin);
    // A family may have ended just now, and no handler knows.
    if (!found.viewer && found.why === "reused") this.revocations.forget();
    return found;
  }
}
