/**
 * The only place that reads the machine's clock. Decisions take a `Clock` argument, so tests can move time
 * without sleeping; `deno task arch` refuses other readings of the present.
 */
export interface Clock {
  /** The present instant, in UTC. */
  now(): Temporal.Instant;
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => Temporal.Now.instant() };

/** Milliseconds since the epoch, for arithmetic with durations. */
export function epochMs(clock: Clock): number {
  return clock.now().epochMilliseconds;
}

/** RFC 3339 with Z and milliseconds: the form on the wire, in the log and in the audit payload. */
export function rfc3339(instant: Temporal.Instant): string {
  return instant.toString({ fractionalSecondDigits: 3 });
}
