import { AppError } from "../errors.ts";
import type { Networks } from "./networks.ts";

/** Who wants something costly done. */
export interface Asker extends Networks {
  /** Somebody signed in with success from there lately, or the asker is signed in: not a stranger. */
  known: boolean;
}

/** Somebody who is signed in already, or we ourselves. */
export const INSIDE: Asker = { own: "inside", wide: null, known: true };

export interface QueueLimits {
  /** How many works run at the same time. */
  at_once: number;
  /** How many of those places strangers never take. */
  kept: number;
  /** How many known askers may wait, and as many strangers. */
  waiting: number;
  /** How many of one network may wait, known or strangers; and strangers of one wide network. */
  known_network: number;
  strange_network: number;
  strange_wide: number;
}

/** There is no place left to wait in: the same answer as to whoever tries too often. */
export class QueueFull extends AppError {
  constructor() {
    super("too_many_requests", {
      message: "Too many sign-ins at once.",
      hint: "Wait a few seconds, then try again.",
      details: [{ field: "retry_after_seconds", problem: "3" }],
    });
  }
}

interface Waiting {
  asker: Asker;
  start: () => void;
}

/**
 * A short queue in front of costly work. Each network is limited first, so that a flood from one never fills it, and is
 * served in turn with the others. Known askers have their own queue and a place that strangers never take: a flood of
 * strangers from everywhere makes strangers wait and nobody else.
 */
export class HashQueue {
  #running = { known: 0, strange: 0 };
  #waiting: Record<"known" | "strange", Waiting[]> = { known: [], strange: [] };
  /** Networks in the order in which they were served: who was served last waits for the others. */
  #served = new Map<string | null, number>();
  #turn = 0;
  #last: "known" | "strange" = "strange";

  constructor(private readonly limits: QueueLimits) {}

  /**
   * Does the work when it is its turn.
   * @throws QueueFull when the queue, or the network's part of it, is full
   */
  async run<T>(asker: Asker, work: () => Promise<T>): Promise<T> {
    const kind = asker.known ? "known" : "strange";
    if (!this.#free(kind) || this.#waiting[kind].length > 0) await this.#wait(kind, asker);
    else this.#running[kind]++;
    try {
      return await work();
    } finally {
      this.#running[kind]--;
      this.#next();
    }
  }

  #free(kind: "known" | "strange"): boolean {
    const { at_once, kept } = this.limits;
    const { known, strange } = this.#running;
    return known + strange < at_once && (kind === "known" || strange < at_once - kept);
  }

  #wait(kind: "known" | "strange", asker: Asker): Promise<void> {
    const queue = this.#waiting[kind];
    const { waiting, known_network, strange_network, strange_wide } = this.limits;
    const of = (same: (one: Asker) => boolean) => queue.filter((one) => same(one.asker)).length;
    const full = queue.length >= waiting ||
      of(({ own }) => own === asker.own) >= (asker.known ? known_network : strange_network) ||
      !asker.known && of(({ wide }) => wide === asker.wide) >= strange_wide;
    if (full) throw new QueueFull();
    // The place is taken before the next one looks: see #next().
    return new Promise((resolve) => queue.push({ asker, start: resolve }));
  }

  /** Starts what may run now: both kinds in turn, within a kind the network that has waited longest. */
  #next(): void {
    for (;;) {
      const first = this.#last === "known" ? "strange" : "known";
      const kind = ([first, this.#last] as const).find((one) => this.#waiting[one].length > 0 && this.#free(one));
      if (!kind) break;
      this.#last = kind;
      this.#running[kind]++;
      this.#take(this.#waiting[kind]).start();
    }
    if (this.#waiting.known.length + this.#waiting.strange.length === 0) this.#served.clear();
  }

  #take(queue: Waiting[]): Waiting {
    let best = 0;
    const turn = ({ asker }: Waiting) => this.#served.get(asker.own) ?? 0;
    for (let i = 1; i < queue.length; i++) if (turn(queue[i]) < turn(queue[best])) best = i;
    const [taken] = queue.splice(best, 1);
    this.#served.set(taken.asker.own, ++this.#turn);
    return taken;
  }
}
