import assert from "node:assert/strict";

/** A machine that has other things to do may be slow so often. */
const TRIES = 3;

/**
 * Proves that something is heard of when it happens, rather than found by the slow look that comes seconds later: one of
 * three tries is done in time. No measure of speed; those are in `bench/`.
 *
 * @param limit_ms less than the slow look takes
 * @param act does it once and says how long it took, in milliseconds
 */
export async function assertOnceWithin(limit_ms: number, what: string, act: () => Promise<number>): Promise<void> {
  const took: number[] = [];
  while (took.length < TRIES && Math.min(...took) >= limit_ms) took.push(Math.round(await act()));
  assert.ok(Math.min(...took) < limit_ms, `${what}: ${took.join(", ")} ms`);
}
