/** The first pause after a renewal failed, and the longest, in seconds. */
const FIRST_SECONDS = 300;
const LONGEST_SECONDS = 6 * 3_600;

/** How often an agent that cannot renew is asked again: it may have been updated. Seconds. */
export const MANUAL_SECONDS = 86_400;

/** Most renewals that are on their way to hosts at once. */
export const MAX_RENEWALS = 8;

/**
 * Seconds until a failed renewal is tried again: 5 minutes, doubled each time, six hours at most. A third of the
 * lifetime is left when the first try begins, so there is time for some hundred.
 * @param attempts how many failed before this one, from 0.
 */
export function retrySeconds(attempts: number): number {
  return Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.min(attempts, 20));
}
