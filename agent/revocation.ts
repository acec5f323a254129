import { type Clock, epochMs, rfc3339 } from "../core/clock.ts";
import { reason } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { MAX_CRL_LENGTH, readRevocationList, type RevokedSerials } from "../protocol/peer.ts";
import { readIfThere, writeWhole } from "./certificates.ts";
import type { PinnedManager } from "./enrol_manager.ts";
import type { NetworkHealth } from "./server/health.ts";

/** Name of the last good list in the state folder. */
export const CRL_FILE = "crl.pem";
/** How often a new list is fetched, and how soon after a failure. */
const FETCH_MS = 6 * 3_600_000;
const RETRY_MS = 10 * 60_000;
const SKEW_MS = 5 * 60_000;

/** A list of revoked certificates that is damaged, not of our root, or older than ours. `message` says which. */
export class RevocationListError extends Error {
  /** `older`: it is a good list, and there is a newer one here already. */
  constructor(message: string, readonly older = false) {
    super(message);
    this.name = "RevocationListError";
  }
}

export type RevocationHealth = Pick<
  NetworkHealth,
  "crl_status" | "crl_age_seconds" | "crl_next_update" | "clock" | "problems"
>;

/**
 * The list of revoked certificates of our manager's root: the last good one from the disk, a fresh one every six
 * hours. A list that is damaged, not signed by the root, or older than the one we have changes nothing. An expired
 * list goes on being used, and is said to be expired: refusing everybody would lock the manager out that is to
 * mend it.
 */
export class Revocation {
  #list: RevokedSerials | null = null;
  #fetched_ms: number | null = null;
  #problem: string | null = null;
  #damaged = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #under_way: Promise<boolean> | null = null;
  /** The last write; the next waits for it, or an older list could land after a newer one. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    readonly options: {
      state: string;
      ca: string;
      manager: PinnedManager;
      clock: Clock;
      log: Log;
      /** Told after a new list is in place. */
      on_changed: () => void;
    },
  ) {}

  /** True when the serial (lower-case hexadecimal) is revoked. */
  has(serial: string): boolean {
    return this.#list?.serials.has(serial) ?? false;
  }

  /** Reads the list of the last run. A damaged one is said in the health and replaced by the next fetch. */
  async load(): Promise<void> {
    const path = `${this.options.state}/${CRL_FILE}`;
    const pem = await readIfThere(path);
    if (pem === null) return;
    try {
      this.#list = await readRevocationList(pem, this.options.ca);
      this.#fetched_ms = (await Deno.stat(path)).mtime?.getTime() ?? null;
    } catch (thrown) {
      this.#damaged = true;
      this.options.log.warn("crl.damaged", { path, message: reason(thrown) });
    }
  }

  /** Fetches now and from then on every six hours, ten minutes after a failure. */
  start(): void {
    void this.fetch().then((good) => {
      if (this.#closed) return;
      // Spread by a tenth, so that a fleet does not ask in one burst.
      this.#timer = setTimeout(() => this.start(), (good ? FETCH_MS : RETRY_MS) * (0.9 + Math.random() / 5));
      Deno.unrefTimer(this.#timer as unknown as number);
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /**
   * Fetches a list once. Never throws; false when the old one stays. A call while one is under way shares it: two
   * would write the same file, and the answer that lands second may be the older list.
   */
  fetch(): Promise<boolean> {
    return this.#under_way ??= this.#fetchOnce().finally(() => this.#under_way = null);
  }

  async #fetchOnce(): Promise<boolean> {
    const { manager, log } = this.options;
    try {
      const answer = await manager.call("api/v1/pki/crl.pem", { max_bytes: MAX_CRL_LENGTH });
      if (answer.status !== 200) throw new Error(`The manager answered ${answer.status}.`);
      const pem = new TextDecoder().decode(answer.body);
      await this.take(pem, await this.check(pem));
      return true;
    } catch (thrown) {
      this.#problem = reason(thrown).slice(0, 300);
      log.warn("crl.fetch_failed", { message: this.#problem });
      return false;
    }
  }

  /** Reads a list in PEM form. @throws RevocationListError */
  async check(pem: string): Promise<RevokedSerials> {
    const list = await readRevocationList(pem, this.options.ca)
      .catch((thrown) => Promise.reject(new RevocationListError(reason(thrown))));
    this.#refuseOlder(list);
    return list;
  }

  /**
   * Keeps a checked list and ends the connections that it forbids. False when its number is the one that we
   * have.
   * @throws RevocationListError when a newer one has come meanwhile; Deno.errors when it cannot be written
   */
  take(pem: string, list: RevokedSerials): Promise<boolean> {
    const work = this.#turn.then(async () => {
      this.#refuseOlder(list);
      const changed = this.#list === null || list.number > this.#list.number;
      await writeWhole(`${this.options.state}/${CRL_FILE}`, pem);
      this.#list = list;
      this.#fetched_ms = epochMs(this.options.clock);
      this.#problem = null;
      this.#damaged = false;
      this.options.on_changed();
      return changed;
    });
    this.#turn = work.catch(() => {});
    return work;
  }

  #refuseOlder(list: RevokedSerials): void {
    if (this.#list === null || list.number >= this.#list.number) return;
    throw new RevocationListError(
      "The manager sent an older list of revoked certificates than the one that is here.",
      true,
    );
  }

  /** For `GET /health`. */
  health(): RevocationHealth {
    const now = epochMs(this.options.clock);
    const skew = this.options.manager.skew_ms;
    const skewed = skew !== null && Math.abs(skew) > SKEW_MS;
    const next = this.#list?.next_update ?? null;
    const expired = next !== null && now > next.epochMilliseconds;
    const problems = [
      ...(expired
        ? [`The list of revoked certificates expired at ${rfc3339(next)}. ${this.#problem ?? ""}`.trim()]
        : []),
      ...(this.#damaged
        ? ["The list of revoked certificates on the disk is damaged; a fresh one could not be had."]
        : []),
      ...(skewed ? [`The clock differs from the manager's by ${Math.round(Math.abs(skew) / 1000)} s.`] : []),
    ];
    return {
      crl_status: this.#list
        ? expired ? "expired" : this.#problem ? "degraded" : "valid"
        : this.#damaged
        ? "invalid"
        : "missing",
      crl_age_seconds: this.#fetched_ms === null ? null : Math.max(0, Math.floor((now - this.#fetched_ms) / 1000)),
      crl_next_update: next === null ? null : rfc3339(next),
      clock: skewed ? "skewed" : "ok",
      problems,
    };
  }
}
