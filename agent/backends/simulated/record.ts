import { type Clock, epochMs } from "../../../core/clock.ts";
import type { Asked } from "./host.ts";

/** What reached a host: a question, a connection that the host broke, or one to a host that says nothing. */
export type Reached = Asked | "broken" | "silence";

/** Told at once of everything that reaches a host. */
export type OnRequest = (index: number, what: Reached) => void;

/** How often the record goes to the disk, and how often the process looks how late its own timers are. */
const FLUSH_MS = 1_000;
const LATE_MS = 100;

/**
 * Writes what reached which host when: `milliseconds index what`, one a line, in order. Lines with the word `late` in
 * place of a host tell how many milliseconds this process was late itself, from 50 on: what it noted then may have
 * come earlier. It is the hosts' own word, which owes nothing to what the manager believes.
 */
export class RequestRecord {
  #lines: string[] = [];
  readonly #file: Deno.FsFile;
  readonly #timers: ReturnType<typeof setInterval>[];
  #looked: number;

  constructor(path: string, readonly clock: Clock) {
    this.#file = Deno.openSync(path, { create: true, append: true, mode: 0o600 });
    this.#looked = performance.now();
    this.#timers = [setInterval(() => this.flush(), FLUSH_MS), setInterval(() => this.#look(), LATE_MS)];
  }

  note: OnRequest = (index, what) => void this.#lines.push(`${epochMs(this.clock)} ${index} ${what}\n`);

  flush(): void {
    if (this.#lines.length === 0) return;
    const bytes = new TextEncoder().encode(this.#lines.join(""));
    this.#lines = [];
    for (let written = 0; written < bytes.length;) written += this.#file.writeSync(bytes.subarray(written));
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.flush();
    this.#file.close();
  }

  #look(): void {
    const now = performance.now();
    const late = Math.round(now - this.#looked - LATE_MS);
    this.#looked = now;
    if (late >= 50) this.#lines.push(`${epochMs(this.clock)} late ${late}\n`);
  }
}
