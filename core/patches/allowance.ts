import { RefusedReport } from "./rules.ts";

/**
 * Packages and updates that one host may name which no host had before: so many at once, for a first report or after a
 * new release of its distribution …
 */
export const NEW_AT_ONCE = 20_000;
/** … and so many a day in the long run. An honest host names some hundred, because hosts of a fleet are alike. */
export const NEW_PER_DAY = 5_000;

const DAY_MS = 86_400_000;

/** What a host has used up of its allowance at an instant. */
export interface Spent {
  new_contents: number;
  new_contents_at: Temporal.Instant | null;
}

/** How much of it counts still; a clock that went back gives nothing. */
export function spentAt(spent: Spent, now: Temporal.Instant): number {
  if (!spent.new_contents_at) return spent.new_contents;
  const ms = Math.max(0, now.epochMilliseconds - spent.new_contents_at.epochMilliseconds);
  return Math.max(0, spent.new_contents - Math.floor(ms / DAY_MS * NEW_PER_DAY));
}

/**
 * Names are stored once for the fleet and stay for a day when nobody has them any more, so a host that names 50,000 new
 * ones in every report would fill the database. Counted within the report's transaction, before anything is inserted.
 */
export class Allowance {
  #spent: number;
  #added = 0;

  constructor(spent: Spent, readonly now: Temporal.Instant) {
    this.#spent = spentAt(spent, now);
  }

  /** @throws RefusedReport when the host has no more of it: then nothing of the report is kept */
  spend(count: number): void {
    this.#added += count;
    if (this.#spent + this.#added <= NEW_AT_ONCE) return;
    const number = (value: number) => value.toLocaleString("en");
    throw new RefusedReport(
      `It names ${number(this.#added)} packages and updates that no host had before, and may name ` +
        `${number(Math.max(0, NEW_AT_ONCE - this.#spent))} now: at most ${number(NEW_AT_ONCE)} at once and ` +
        `${number(NEW_PER_DAY)} a day. If that is honest it passes by itself; otherwise look at the host.`,
    );
  }

  /** Null when this report named nothing new: then nothing has to be written. */
  get after(): Spent | null {
    return this.#added === 0 ? null : { new_contents: this.#spent + this.#added, new_contents_at: this.now };
  }
}
