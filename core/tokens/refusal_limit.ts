import { pauseAfter, type ThrottleRule } from "../auth/rules.ts";
import type { Clock } from "../clock.ts";

/** Refused tokens that cost an address nothing, and the longest pause in seconds. */
const RULE: ThrottleRule = { free: 10, longest: 900 };
/** An address that was quiet for so long begins anew, in seconds. */
const FORGET_SECONDS = 3_600;
/** So many addresses are remembered; then those that were quiet longest are forgotten. */
const MOST_ADDRESSES = 10_000;

/**
 * How many tokens that are no good came from an address: in memory, because guessing 256 bits is hopeless and the limit
 * only keeps strangers from filling the audit log. A restart forgives everybody.
 */
export class RefusalLimit {
  #seen = new Map<string, { failures: number; last: Temporal.Instant; blocked_until: Temporal.Instant }>();

  constructor(private readonly clock: Clock) {}

  /** Seconds until the next refusal from there is looked at again; 0 for now. */
  secondsBlocked(address: string | null): number {
    const found = this.#seen.get(keyOf(address));
    return found ? Math.max(0, Math.ceil(found.blocked_until.since(this.clock.now()).total("seconds"))) : 0;
  }

  /** Counts a refusal and answers the pause that follows, in seconds. */
  note(address: string | null): number {
    const now = this.clock.now();
    const key = keyOf(address);
    const before = this.#seen.get(key);
    const fresh = before && now.since(before.last).total("seconds") < FORGET_SECONDS;
    const failures = fresh ? before.failures + 1 : 1;
    const pause = pauseAfter(RULE, failures);
    // Deleted first, so that the order of the map is that of the last refusals.
    this.#seen.delete(key);
    this.#seen.set(key, { failures, last: now, blocked_until: now.add({ seconds: pause }) });
    if (this.#seen.size > MOST_ADDRESSES) this.#seen.delete(this.#seen.keys().next().value!);
    return pause;
  }
}

/** Whoever has one IPv6 address has the 2^64 of its network, so those count as one. */
function keyOf(address: string | null): string {
  if (address === null || !address.includes(":")) return address ?? "-";
  const [head, tail = ""] = address.toLowerCase().split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === "" ? [] : tail.split(":");
  const missing = Array(Math.max(0, 8 - before.length - after.length)).fill("0");
  return [...before, ...missing, ...after].slice(0, 4).join(":");
}
