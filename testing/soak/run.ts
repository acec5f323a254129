import type { Trouble } from "../../agent/backends/simulated/traits.ts";
import { makeTraits } from "../../agent/backends/simulated/traits.ts";
import { epochMs, systemClock } from "../../core/clock.ts";
import type { Sql } from "../../core/database/connection.ts";
import type { Shares } from "../../agent/backends/simulated/shares.ts";
import { waitFor } from "../wait_for.ts";
import { SoakBed, type SoakBedOptions } from "./bed.ts";
import { judgePolls, type PollJudgement, type Span } from "./judge.ts";
import { cpuShare, type ProcessSample, sampleProcess, slopePerHour } from "./process_figures.ts";
import { readRequestHistory, type Stall } from "./record_file.ts";

export interface SoakOptions extends Omit<SoakBedOptions, "mix"> {
  shares: Shares;
  /** Minutes between two new updates of a distribution; 0 for none. */
  release_minutes: number;
  /** Milliseconds of undisturbed running that are judged, and again after the restart. */
  before_ms: number;
  after_ms: number;
  /** How long the fleet role stands still between them. */
  outage_ms: number;
  /** Told what is going on. */
  say(words: string): void;
}

/** What came of it. */
export interface SoakResult extends PollJudgement {
  enrolled_ms: number;
  /** Milliseconds until every overdue poll had been caught up with: at the first start, and after the restart. */
  first_sweep_ms: number;
  catch_up_ms: number;
  /** Living hosts that were said to be unreachable at any time, with the words. */
  false_alarms: string[];
  /** Dead hosts that were not said to be unreachable at the end. */
  unnoticed: string[];
  /** Why dead hosts are unreachable, and how many each. */
  reasons: Record<string, number>;
  /** Errors and warnings in the fleet role's log, by event. */
  complaints: Record<string, number>;
  fleet: ProcessFigures;
  simulated: ProcessFigures;
  /** Reports whose contents had changed. */
  changed_reports: number;
}

export interface ProcessFigures {
  rss_mib: number;
  most_rss_mib: number;
  slope_mib_per_hour: number;
  cpu_share: number;
}

const SAMPLE_MS = 2_000;
/** From this many milliseconds on a late timer of the judge is noted. */
const LATE_MS = 50;

/** Runs the whole thing and judges it. The folder and the database are the caller's. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { shares, say, database, before_ms, after_ms, outage_ms } = options;
  const troubles = Array.from(
    { length: options.hosts },
    (_, index) => makeTraits(options.seed, index, shares).trouble,
  );
  await using bed = await SoakBed.make({ ...options, mix: mixOf(options) });
  say(`${options.hosts} hosts enrolled in ${seconds(bed.enrolled_ms)}`);
  await bed.web.stop();
  using own = new OwnStalls();
  const now = () => epochMs(systemClock);

  const whole = { from: now(), to: 0 };
  const first_sweep_ms = await startAndCatchUp(bed, database.sql, options);
  say(`every host asked once within ${seconds(first_sweep_ms)}`);
  const fleet: ProcessSample[] = [], simulated: ProcessSample[] = [];
  const watch = (ms: number) => watchProcesses(bed, ms, fleet, simulated);
  const spans: Span[] = [await spanOf(() => watch(before_ms))];
  const before_restart = fleet.splice(0);
  say(`restart, ${seconds(outage_ms)} without the fleet role`);
  await bed.stopFleet();
  await pause(outage_ms);
  const catch_up_ms = await startAndCatchUp(bed, database.sql, options);
  say(`caught up within ${seconds(catch_up_ms)}`);
  spans.push(await spanOf(() => watch(after_ms)));
  whole.to = now();
  const result = {
    enrolled_ms: bed.enrolled_ms,
    first_sweep_ms,
    catch_up_ms,
    ...await alarms(database.sql, options, troubles),
    complaints: complaintsOf(await Deno.readTextFile(bed.fleet.log)),
    // The longer of the two undisturbed times.
    fleet: figuresOf(before_ms > after_ms ? before_restart : fleet),
    simulated: figuresOf(simulated),
  };
  await bed.stopFleet();
  // Its last lines reach the disk when it ends.
  await bed.simulated.stop();
  const history = readRequestHistory(await Deno.readTextFile(bed.record));
  const polls = judgePolls({
    history,
    troubles,
    spans,
    whole,
    health_ms: options.health_seconds * 1_000,
    patches_ms: options.patches_seconds * 1_000,
    stalls: own.stalls,
  });
  return { ...result, ...polls };
}

function mixOf({ shares, release_minutes }: SoakOptions): string[] {
  return [
    ...["--dead", String(shares.dead), "--slow", String(shares.slow), "--flaky", String(shares.flaky)],
    ...["--fail-install", String(shares.failing), "--release-minutes", String(release_minutes)],
  ];
}

async function spanOf(work: () => Promise<void>): Promise<Span> {
  const from = epochMs(systemClock);
  await work();
  return { from, to: epochMs(systemClock) };
}

/** Answers milliseconds until nothing of hosts that answer is overdue any more. */
async function startAndCatchUp(bed: SoakBed, sql: Sql, options: SoakOptions): Promise<number> {
  await bed.startFleet();
  const began = performance.now();
  await waitFor("what is overdue to be asked", async () => {
    const [{ overdue }] = await sql`
      select count(*)::int as overdue from host_polls
      where failures = 0 and parked_reason is null and next_at < app_now() - interval '1 second'
        and (lease_until is null or lease_until < app_now())`;
    return overdue === 0;
  }, { deadline_ms: 60_000 + 4_000 * options.health_seconds, every_ms: 500 });
  return performance.now() - began;
}

async function watchProcesses(bed: SoakBed, ms: number, fleet: ProcessSample[], simulated: ProcessSample[]) {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const samples = await Promise.all([bed.fleet, bed.simulated].map(({ pid }) => sampleProcess(pid, systemClock)));
    if (samples.includes(null)) throw new Error("a process of the run has ended");
    fleet.push(samples[0]!);
    simulated.push(samples[1]!);
    await pause(Math.min(SAMPLE_MS, Math.max(0, end - performance.now())));
  }
}

async function alarms(sql: Sql, { seed, shares }: SoakOptions, troubles: Trouble[]) {
  const dead = new Set<string>();
  troubles.forEach((trouble, index) => {
    if (trouble === "silent" || trouble === "refusing") dead.add(makeTraits(seed, index, shares).fqdn);
  });
  const said = await sql`
    select h.fqdn, e.data ->> 'reason' as reason
    from live_events e join hosts h on h.id = e.host_id
    where e.topic = 'hosts' and e.kind = 'health' and e.data ->> 'health' = 'unreachable' order by e.seq`;
  const now = await sql`select fqdn, health, health_reason as reason from hosts where removed_at is null`;
  const wrong = [...said, ...now.filter(({ health }) => health === "unreachable")]
    .filter(({ fqdn }) => !dead.has(fqdn)).map(({ fqdn, reason }) => `${fqdn}: ${reason}`);
  const lost = now.filter(({ fqdn }) => dead.has(fqdn));
  const reasons: Record<string, number> = {};
  for (const { reason } of lost) {
    const words = String(reason).replaceAll(/127\.\d+\.\d+\.\d+/g, "ADDRESS");
    reasons[words] = (reasons[words] ?? 0) + 1;
  }
  const [{ changed }] = await sql`
    select count(*)::int as changed from live_events where topic = 'hosts' and kind = 'report' and (data ->> 'changed')::boolean`;
  return {
    false_alarms: [...new Set(wrong)],
    unnoticed: lost.filter(({ health }) => health !== "unreachable").map(({ fqdn, health }) => `${fqdn}: ${health}`),
    reasons,
    changed_reports: changed as number,
  };
}

function complaintsOf(log: string): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const line of log.split("\n")) {
    if (!/"level":"(warn|error)"/.test(line)) continue;
    const { event, message = "" } = JSON.parse(line);
    const words = `${event} ${message}`.trim().slice(0, 120);
    counted[words] = (counted[words] ?? 0) + 1;
  }
  return counted;
}

function figuresOf(samples: ProcessSample[]): ProcessFigures {
  return {
    rss_mib: samples.at(-1)?.rss_mib ?? NaN,
    most_rss_mib: Math.max(...samples.map(({ rss_mib }) => rss_mib)),
    slope_mib_per_hour: slopePerHour(samples),
    cpu_share: cpuShare(samples),
  };
}

/** How late this process's own timers are: what it cannot tell apart from others being late. */
class OwnStalls implements Disposable {
  readonly stalls: Stall[] = [];
  #looked = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    const late = Math.round(now - this.#looked - 100);
    this.#looked = now;
    if (late >= LATE_MS) this.stalls.push({ at: epochMs(systemClock), ms: late });
  }, 100);

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
