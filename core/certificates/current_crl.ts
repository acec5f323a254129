import { buildCrl, type RevocationList } from "../ca/crl.ts";
import { type Authority, CRL_LIFETIME_MS } from "../ca/types.ts";
import { type Clock, epochMs } from "../clock.ts";
import type { Sql } from "../database/types.ts";
import { revocationState, selectRevoked } from "./store.ts";

/** A list is made anew after a seventh of its lifetime, one day, although nothing changed: agents keep it for long. */
export const CRL_RENEWAL_MS = CRL_LIFETIME_MS / 7;

/**
 * The list of revoked certificates as it is now. It is built once and kept until a certificate is revoked or the list
 * is a day old; callers who ask at the same time share one look at the database and one signature.
 */
export class CurrentCrl {
  #kept: { list: RevocationList; state: string } | null = null;
  #looking: Promise<RevocationList> | null = null;

  constructor(
    private readonly sql: Sql,
    private readonly authority: Authority,
    private readonly clock: Clock,
  ) {}

  /**
   * Not to be called inside a transaction: it takes a connection of its own.
   * @throws what the database throws
   */
  current(): Promise<RevocationList> {
    this.#looking ??= this.#look().finally(() => this.#looking = null);
    return this.#looking;
  }

  async #look(): Promise<RevocationList> {
    const state = await revocationState(this.sql);
    const now = epochMs(this.clock);
    const kept = this.#kept;
    if (kept && kept.state === state && now - kept.list.this_update.epochMilliseconds < CRL_RENEWAL_MS) {
      return kept.list;
    }
    const horizon = this.clock.now().subtract({ milliseconds: CRL_LIFETIME_MS });
    const revoked = await selectRevoked(this.sql, horizon);
    // Grows with every list (RFC 5280, 5.2.3) without a place to keep it: a restart goes on from the clock.
    const number = BigInt(Math.max(now, Number(kept?.list.number ?? 0n) + 1));
    const list = await buildCrl(this.authority, revoked, number, this.clock);
    this.#kept = { list, state };
    return list;
  }
}
