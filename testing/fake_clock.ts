import type { Clock } from "../core/clock.ts";
import type { Tx } from "../core/database/types.ts";

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Moves by hours, minutes, seconds, milliseconds; `{ hours: 24 }`, because an instant knows no days. */
  advance(duration: Temporal.DurationLike): Temporal.Instant;
  set(instant: Temporal.Instant | string): void;
}

/** @param start RFC 3339, for example `2026-11-20T10:00:00Z`. */
export function fakeClock(start: string = "2026-11-20T10:00:00Z"): FakeClock {
  let now = Temporal.Instant.from(start);
  return {
    now: () => now,
    advance: (duration) => now = now.add(duration),
    set: (instant) => void (now = Temporal.Instant.from(instant)),
  };
}

/**
 * Lets `app_now()` say this instant until the transaction ends. For all connections of a test's database there is
 * `TestDatabase.setNow`.
 */
export async function setTransactionNow(tx: Tx, instant: Temporal.Instant): Promise<void> {
  await tx`select set_config('app.now', ${instant.toString()}, true)`;
}
