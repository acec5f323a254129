import type { Trouble } from "../../agent/backends/simulated/traits.ts";
import type { RequestHistory, Stall } from "./record_file.ts";

/** A span during which the manager ran undisturbed, milliseconds since the epoch. */
export interface Span {
  from: number;
  to: number;
}

export interface JudgeInput {
  history: RequestHistory;
  /** Trouble of each host, by its number. */
  troubles: readonly Trouble[];
  /** What is looked at, one span for each undisturbed time. */
  spans: readonly Span[];
  /** Beginning of the whole run to its end, restarts included: for bursts. */
  whole: Span;
  health_ms: number;
  patches_ms: number;
  /** Stalls of other processes of this machine, such as the one that judges. */
  stalls?: readonly Stall[];
}

export interface PollJudgement {
  /** Living hosts that were looked at; flaky ones are not: their broken connections shift their polls. */
  hosts: number;
  /** Health polls that reached them in the spans. */
  polls: number;
  /** Places in the interval of living hosts in which nobody asked. */
  missed: number;
  /** The same of flaky hosts, where no broken connection explains it. */
  missed_flaky: number;
  /** Distances between two health polls of one host that are not the interval ± 5 %. */
  off: number;
  /** The largest deviation from the interval, as its share. */
  worst: number;
  /** The same without what a stall of this machine explains. */
  worst_discounted: number;
  /** Polls of both kinds per second: expected in the mean, and most in any second. */
  mean_per_second: number;
  most_per_second: number;
  /** Most in any second in which no process was late itself. */
  most_undisturbed: number;
  /** Milliseconds that processes were late in the spans, all together. */
  stalled_ms: number;
}

/** From this share of the interval on a distance is off. */
const TOLERANCE = 0.05;
/** A broken connection may put the next poll off to the retry a minute later. */
const RETRY_MS = 60_000;

/** Compares what reached the hosts with what was promised; knows nothing of what the manager believes. */
export function judgePolls(input: JudgeInput): PollJudgement {
  const { history, troubles, spans, health_ms } = input;
  const stalls = [...history.stalls, ...input.stalls ?? []];
  const result = { hosts: 0, polls: 0, missed: 0, missed_flaky: 0, off: 0, worst: 0, worst_discounted: 0 };
  troubles.forEach((trouble, index) => {
    if (trouble === "silent" || trouble === "refusing") return;
    const events = history.hosts.get(index) ?? [];
    if (trouble === "flaky") {
      const tries = events.filter(({ what }) => what === "health" || what === "broken").map(({ at }) => at);
      for (const span of spans) result.missed_flaky += missedIn(tries, span, Math.max(health_ms, RETRY_MS));
      return;
    }
    result.hosts += 1;
    const asked = events.filter(({ what }) => what === "health").map(({ at }) => at);
    for (const span of spans) {
      const inside = asked.filter((at) => at >= span.from && at <= span.to);
      result.polls += inside.length;
      result.missed += missedIn(asked, span, health_ms);
      for (let i = 1; i < inside.length; i++) {
        const away = Math.abs(inside[i] - inside[i - 1] - health_ms);
        const explained = stallAround(stalls, inside[i - 1]) + stallAround(stalls, inside[i]);
        result.worst = Math.max(result.worst, away / health_ms);
        result.worst_discounted = Math.max(result.worst_discounted, Math.max(0, away - explained) / health_ms);
        if (away - explained > TOLERANCE * health_ms) result.off += 1;
      }
    }
  });
  return { ...result, ...judgeRate(input, stalls), stalled_ms: stalledIn(stalls, spans) };
}

/** Whole intervals of a span in which a host was not asked; half an interval is given at each gap. */
function missedIn(times: readonly number[], { from, to }: Span, interval: number): number {
  const inside = [from, ...times.filter((at) => at >= from && at <= to), to];
  let missed = 0;
  for (let i = 1; i < inside.length; i++) {
    missed += Math.max(0, Math.round((inside[i] - inside[i - 1]) / interval - 1));
  }
  return missed;
}

function judgeRate(input: JudgeInput, stalls: readonly Stall[]) {
  const { history, troubles, whole, health_ms, patches_ms } = input;
  const times: number[] = [];
  for (const events of history.hosts.values()) {
    for (const { at, what } of events) {
      if (what === "health" || what === "patches" || what === "silence") times.push(at);
    }
  }
  const inside = times.filter((at) => at >= whole.from && at <= whole.to).sort((a, b) => a - b);
  let most = 0, undisturbed = 0;
  for (let first = 0, last = 0; last < inside.length; last++) {
    while (inside[last] - inside[first] >= 1_000) first++;
    const count = last - first + 1;
    most = Math.max(most, count);
    if (count > undisturbed && !stalls.some(({ at }) => at >= inside[first] - 2_000 && at <= inside[last] + 2_000)) {
      undisturbed = count;
    }
  }
  return {
    mean_per_second: troubles.length * (1_000 / health_ms + 1_000 / patches_ms),
    most_per_second: most,
    most_undisturbed: undisturbed,
  };
}

/** The worst that a process was late within two seconds of a moment. */
function stallAround(stalls: readonly Stall[], moment: number): number {
  let worst = 0;
  for (const { at, ms } of stalls) if (Math.abs(at - moment) <= ms + 2_000) worst = Math.max(worst, ms);
  return worst;
}

function stalledIn(stalls: readonly Stall[], spans: readonly Span[]): number {
  return stalls.filter(({ at }) => spans.some(({ from, to }) => at >= from && at <= to))
    .reduce((sum, { ms }) => sum + ms, 0);
}
