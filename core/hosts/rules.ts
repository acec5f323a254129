import type { Clock } from "../clock.ts";
import type { HealthRecord, Observation } from "./types.ts";

/** Pauses after a failed poll: 1, 5 and 30 minutes, then every 30 minutes (specification, section 4). */
export const BACKOFF_MS: readonly number[] = [60_000, 300_000, 1_800_000];

/**
 * A host counts as unreachable when its poll and the retry a minute later failed. Somewhat less than the minute,
 * because two machines' clocks and a timer take part.
 */
export const UNREACHABLE_AFTER_MS = 55_000;

/** A package index older than this makes a host degraded: the age from which it is not compliant either. */
export const STALE_INDEX_MS = 48 * 3_600_000;
/** From here on an agent's certificate is said to expire soon: renewal should have come weeks before. */
export const EXPIRES_SOON_MS = 14 * 86_400_000;

/**
 * The fixed place of a host within an interval, in milliseconds from 0 to below it. The same after every restart,
 * so that a fleet never answers in one burst.
 *
 * FNV-1a with a final mix (public domain, Murmur3): identifiers that differ in one digit land far apart.
 */
export function pollOffset(hostId: string, intervalMs: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < hostId.length; i++) hash = Math.imul(hash ^ hostId.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash = (hash ^ (hash >>> 16)) >>> 0;
  return Math.floor(hash / 0x1_0000_0000 * intervalMs);
}

/**
 * When a host is asked next: after success in its next own slot of the interval, after failures with growing
 * pauses.
 * @param failures failures in a row, this poll included; 0 after success.
 * @param intervalMs 1 ms and more.
 */
export function nextPoll(hostId: string, intervalMs: number, failures: number, clock: Clock): Temporal.Instant {
  const now = clock.now().epochMilliseconds;
  if (failures > 0) {
    return Temporal.Instant.fromEpochMilliseconds(now + BACKOFF_MS[Math.min(failures, BACKOFF_MS.length) - 1]);
  }
  const offset = pollOffset(hostId, intervalMs);
  const slot = Math.floor((now - offset) / intervalMs) + 1;
  return Temporal.Instant.fromEpochMilliseconds(slot * intervalMs + offset);
}

/**
 * What a host's health is after an observation. `health_since` is kept while the state stays the same; the reason
 * may still change.
 */
export function judgeHealth(previous: HealthRecord, observation: Observation, clock: Clock): HealthRecord {
  const now = clock.now();
  if (observation.kind === "failed") return judgeSilence(previous, observation.reason, now);
  const problems = observation.kind === "refused"
    ? [`Its answer was refused: ${observation.reason}`]
    : observation.problems;
  const health = problems.length === 0 ? "healthy" : "degraded";
  return {
    health,
    health_since: previous.health === health ? previous.health_since : now,
    health_reason: problems.length === 0 ? null : sentences(problems),
    not_answering_since: null,
  };
}

function judgeSilence(previous: HealthRecord, reason: string, now: Temporal.Instant): HealthRecord {
  const since = previous.not_answering_since ?? now;
  const silent = now.epochMilliseconds - since.epochMilliseconds;
  if (previous.health !== "unreachable" && silent < UNREACHABLE_AFTER_MS) {
    return { ...previous, health_reason: sentences([`Not answering: ${reason}`]), not_answering_since: since };
  }
  return {
    health: "unreachable",
    health_since: previous.health === "unreachable" ? previous.health_since : since,
    health_reason: sentences([reason]),
    not_answering_since: since,
  };
}

/** What an agent says of itself, with what the manager sees: each problem as one sentence with what to do. */
export function healthProblems(
  seen: {
    status: "healthy" | "degraded";
    checks?: { package_manager?: string; disk?: string; clock?: string };
    /** The agent's own words. */
    words?: string[];
    index_refreshed_at?: Temporal.Instant | null;
    certificate_expires_at?: Temporal.Instant | null;
  },
  clock: Clock,
): string[] {
  const now = clock.now().epochMilliseconds;
  const problems = [...(seen.words ?? [])];
  if (problems.length === 0) {
    const manager = seen.checks?.package_manager;
    if (manager === "interrupted") {
      problems.push("The package manager was interrupted. Finish it on the host (apt: dpkg --configure -a).");
    }
    if (manager === "broken") problems.push("The package database is broken. Repair it on the host.");
    if (seen.checks?.disk === "low") problems.push("The disk is nearly full. Free some space on the host.");
    if (seen.checks?.clock === "skewed") problems.push("The host's clock is wrong. Check its time synchronisation.");
  }
  if (seen.index_refreshed_at) {
    const age = now - seen.index_refreshed_at.epochMilliseconds;
    if (age > STALE_INDEX_MS) {
      const days = Math.floor(age / 86_400_000);
      problems.push(`The package index is ${days} days old. Check that the host reaches its repositories.`);
    }
  }
  if (seen.certificate_expires_at) {
    const left = seen.certificate_expires_at.epochMilliseconds - now;
    const days = Math.floor(left / 86_400_000);
    if (left <= 0) problems.push("Its certificate has expired. Remove the host and enrol it again: patch-agent enrol.");
    else if (left < EXPIRES_SOON_MS) {
      problems.push(`Its certificate expires in ${days} ${days === 1 ? "day" : "days"}. Renew it: patch-agent renew.`);
    }
  }
  if (seen.status === "degraded" && problems.length === 0) {
    problems.push("The agent reports a problem without naming it. See its log on the host.");
  }
  return problems;
}

/** One text for people, at most 2,000 characters, every part ending like a sentence. */
function sentences(parts: string[]): string {
  const text = parts.map((part) => plainWords(part).replace(/([^.!?])$/, "$1.")).join(" ");
  return text.length <= 2000 ? text : `${text.slice(0, 1999).toWellFormed()}…`;
}

/**
 * What steers terminals (control characters), turns text around (bidirectional marks) or cannot be seen (zero width,
 * soft hyphens, tags), without line ends and tabs. Two names that look the same are then the same.
 */
const STEERING = "\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e" +
  "\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}";
const STEERS_WORDS = new RegExp(`[\\t\\n${STEERING}]+`, "gu");
const STEERS_LINES = new RegExp(`[${STEERING}]+`, "gu");

/** Words of another machine: what steers and broken surrogates become spaces. */
export function plainWords(text: string): string {
  return text.toWellFormed().replace(STEERS_WORDS, " ").trim();
}

/** The same for text of several lines: line ends and tabs stay. */
export function plainLines(text: string): string {
  return text.toWellFormed().replace(/\r\n?/g, "\n").replace(STEERS_LINES, " ").trim();
}
