import type { Job, JobEvent } from "../protocol/api.ts";
import { readJobStatus } from "../protocol/api.ts";
import type { Sql } from "../core/database/connection.ts";
import { logBytes, recordProgress } from "../core/jobs/record_progress.ts";
import type { Progress, Run } from "../core/jobs/types.ts";
import type { Log } from "../core/log.ts";
import { AgentError } from "./agent_client.ts";
import { pause } from "./bell.ts";
import { addressOf, type RunContext } from "./run_context.ts";

/** What has to happen next for a run that is being followed. */
export interface FeedNeeds {
  /** Something is missing between what was written and what was pushed: ask the host. */
  snapshot: boolean;
  /** The host says that it is done: ask for the result. */
  ended: boolean;
}

/**
 * Output that one host may have waiting to be written, in bytes. Beyond it events are dropped and the host is asked
 * instead, which brings the same output once, in one answer of bounded size.
 */
export const MAX_PENDING_BYTES = 4 * 2 ** 20;

/**
 * Writes what a host pushes about one run: in order, without gaps and doubles, gathered so that a chatty host causes
 * a few writes per second. What it cannot place it drops and asks for a snapshot instead.
 */
export class ProgressWriter {
  readonly needs: FeedNeeds = { snapshot: true, ended: false };
  #sql: Sql;
  #run: Run;
  #pending: JobEvent[] = [];
  /** What {@link #pending} weighs, in bytes as {@link weigh} counts. */
  #waiting = 0;
  #seq: number;
  /** Bytes of this attempt's output that were written. */
  #bytes: number;
  #queue: Promise<void> = Promise.resolve();

  constructor(sql: Sql, run: Run) {
    this.#sql = sql;
    this.#run = run;
    this.#seq = run.agent_seq;
    this.#bytes = run.log_bytes - run.log_start;
  }

  /** Bytes of output consumed over all attempts. */
  get log_bytes(): number {
    return this.#run.log_start + this.#bytes;
  }

  /** Bytes that wait to be written; never more than {@link MAX_PENDING_BYTES}. */
  get waiting_bytes(): number {
    return this.#waiting;
  }

  /** Takes an event. False when it changes nothing. */
  add(event: JobEvent): boolean {
    if (event.event !== "job_status" || event.job_id !== this.#run.agent_job_id) return false;
    const status = event.status ? readJobStatus(event.status) : null;
    if (status === "completed" || status === "failed" || status === "cancelled") this.needs.ended = true;
    // The host goes away soon: whoever follows has to know before that.
    if (event.phase === "reboot-wait") this.needs.snapshot = true;
    const last = this.#pending.at(-1)?.seq ?? this.#seq;
    if (event.seq === undefined) {
      // A public agent numbers nothing and pushes no output: what it says is a reason to ask.
      this.needs.snapshot = true;
      return true;
    }
    if (event.seq <= last) return false;
    if (event.seq > last + 1) {
      this.needs.snapshot = true;
      return true;
    }
    const weight = weigh(event);
    if (this.#waiting + weight > MAX_PENDING_BYTES) {
      // Every later one is then a gap, until the answer has filled it.
      this.needs.snapshot = true;
      return true;
    }
    this.#pending.push(event);
    this.#waiting += weight;
    return true;
  }

  /** Before the host is asked: what it pushes from now on may be newer than its answer. */
  clearNeeds(): void {
    this.needs.snapshot = false;
    this.needs.ended = false;
  }

  /** Writes what was gathered, as one step. */
  flush(): Promise<void> {
    return this.#inOrder(() => this.#write());
  }

  /** Writes a whole job as the host knows it: what is new in it. To be called right after {@link flush} and the question. */
  snapshot(job: Job): Promise<void> {
    return this.#inOrder(async () => {
      const output = this.#missingOutput(job.output ?? job.logs?.join("\n") ?? "");
      await this.#record({
        progress: job.progress_percent ?? job.progress ?? undefined,
        phase: job.phase,
        message: job.message ?? undefined,
        seq: job.seq,
        output,
      });
      // An agent that was restarted may count from an earlier number on.
      if (job.seq !== undefined) this.#seq = job.seq;
      // What came in meanwhile and is part of the snapshot.
      this.#keep(this.#pending.filter((event) => event.seq! > this.#seq));
    });
  }

  /** One after the other: a snapshot and a flush must not both append the same output. */
  #inOrder(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }

  #keep(events: JobEvent[]): void {
    this.#pending = events;
    this.#waiting = events.reduce((sum, event) => sum + weigh(event), 0);
  }

  async #write(): Promise<void> {
    const events = this.#pending;
    if (events.length === 0) return;
    this.#keep([]);
    const last = events.at(-1)!;
    await this.#record({
      progress: Math.max(...events.map((event) => event.progress_percent ?? event.progress ?? 0)),
      phase: events.findLast((event) => event.phase)?.phase,
      message: events.findLast((event) => event.message)?.message ?? undefined,
      seq: last.seq,
      output: events.map((event) => event.output ?? "").join(""),
    });
  }

  async #record(progress: Progress): Promise<void> {
    const row = await recordProgress(this.#sql, this.#run, progress);
    this.#bytes = row.log_bytes - this.#run.log_start;
    this.#seq = Math.max(this.#seq, row.agent_seq);
  }

  /** The host keeps the last 1 MiB of output, as many bytes as we keep at most: so the beginning is always ours. */
  #missingOutput(output: string): string {
    if (logBytes(output) <= this.#bytes) return "";
    return new TextDecoder().decode(new TextEncoder().encode(output).subarray(this.#bytes));
  }
}

/**
 * What an event occupies at most: two bytes for each UTF-16 unit of its texts, and something for the object itself, so
 * that empty events are not free.
 */
function weigh(event: JobEvent): number {
  const texts = [event.output, event.message, event.error];
  return 512 + 2 * texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

/** A host's event socket for as long as one run is followed. */
export interface EventFeed {
  /** True while events can arrive. */
  readonly live: boolean;
  close(): void;
}

/** Kinds of end after which a host that opens its socket at once does not count as mended: it broke the rules. */
const MISBEHAVED: ReadonlySet<string> = new Set(["too_large", "malformed", "schema"]);
/** Pauses before a socket that failed is opened again, in milliseconds; afterwards always the last. */
const REOPEN_MS = [1_000, 5_000, 15_000, 60_000];

/**
 * Keeps the event socket of a run's host open. Whatever is wrong with it, only the pushes stop: whoever follows asks
 * the host instead.
 * @param on_event one event, of whatever job.
 * @param on_change the socket opened or ended.
 */
export function openFeed(
  context: Pick<RunContext, "agents" | "log" | "signal">,
  run: Run,
  on_event: (event: JobEvent) => void,
  on_change: () => void,
): EventFeed {
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  const log: Log = context.log.with({ host_id: run.host_id, job_id: run.job_id });
  let live = false;
  const keepOpen = async () => {
    for (let failures = 0; !signal.aborted;) {
      try {
        const socket = await context.agents.openEvents(addressOf(run), { on_message: on_event, signal });
        live = true;
        on_change();
        const why = await socket.closed;
        live = false;
        // Otherwise a flood would be let in again every second.
        if (!why || !MISBEHAVED.has(why.kind)) failures = 0;
        on_change();
        if (why) log.debug("agent_events.ended", { error_code: why.kind, message: why.message });
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof AgentError)) throw error;
        log.debug("agent_events.refused", { error_code: error.kind, message: error.message });
        // It has no such address, and will not get one while a job runs.
        if (error.http?.status === 404) return;
      }
      await pause(REOPEN_MS[Math.min(failures++, REOPEN_MS.length - 1)], signal);
    }
  };
  keepOpen().catch((error) => log.error("agent_events.failed", { message: String(error) }));
  return {
    get live() {
      return live;
    },
    close: () => ended.abort(),
  };
}
