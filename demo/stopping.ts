import { reason } from "../core/errors.ts";
import type { Child } from "./child.ts";
import { red, say } from "./words.ts";

/** Stops everything once, in order: hosts, manager, database. */
export class Stopping {
  #children: Child[] = [];
  /** The ends of children that a step began while everything was being stopped. */
  #late: Promise<void>[] = [];
  #first: (() => Promise<void>)[] = [];
  #last: (() => Promise<void>)[] = [];
  #ended = Promise.withResolvers<Child>();
  #signal = Promise.withResolvers<null>();
  #done: Promise<boolean> | undefined;
  #asked = false;
  #grouped = false;

  /** Answers, with null, when a person or the machine wants us to stop. */
  get signal(): Promise<null> {
    return this.#signal.promise;
  }

  /** True once a signal came. */
  get asked(): boolean {
    return this.#asked;
  }

  /** From here on programs run in our process group: Ctrl-C reaches them too, now and then before us. */
  grouped(): void {
    this.#grouped = true;
  }

  /** Whether a signal came or comes soon: for who sees something end and does not know why. */
  async isAsked(): Promise<boolean> {
    if (!this.#grouped) return this.#asked;
    const { promise, resolve } = Promise.withResolvers<void>();
    // A quarter of a second was too short on a machine with a load of 16.
    const timer = setTimeout(resolve, 5_000);
    await Promise.race([this.signal, promise]);
    clearTimeout(timer);
    return this.#asked;
  }

  /**
   * To be called before each further step of a start: once everything is being stopped nothing more may be written into a
   * folder that goes.
   * @throws Error when a signal came
   */
  goOn(): void {
    if (this.#asked) throw new Error("stopped");
  }

  /** The first child that ended although nobody asked it to. */
  get firstEnd(): Promise<Child> {
    return this.#ended.promise;
  }

  /**
   * Listens to SIGINT, SIGTERM and SIGHUP. A terminal and a task runner both pass Ctrl-C on; whatever comes later is
   * the same wish, so that nothing is left behind by an impatient hand.
   */
  listen(): void {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(name, () => {
        this.#asked = true;
        this.#signal.resolve(null);
      });
    }
  }

  /** Tells of a child as soon as it runs, so that a stop finds it at any moment. */
  started(child: Child): void {
    this.#children.push(child);
    if (this.#done) this.#late.push(child.stop());
    void child.ended.then((code) => {
      if (!this.#done && !(child.passing && code === 0)) this.#ended.resolve(child);
    });
  }

  /** What is to be done before any child is stopped. */
  before(work: () => Promise<void>): void {
    this.#first.push(work);
  }

  /** What is to be done after all children have ended; last come, first served. */
  after(work: () => Promise<void>): void {
    this.#last.unshift(work);
  }

  /** True when all of it went well; what did not was said. */
  everything(): Promise<boolean> {
    return this.#done ??= this.#stop();
  }

  async #stop(): Promise<boolean> {
    const is_manager = (child: Child) => child.name === "manager";
    let well = true;
    const run = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (thrown) {
        well = false;
        say(red(reason(thrown)));
      }
    };
    for (const work of this.#first) await run(work);
    // A manager that goes first would log every host as lost.
    await Promise.all(this.#children.filter((child) => !is_manager(child)).map((child) => child.stop()));
    await Promise.all(this.#children.filter(is_manager).map((child) => child.stop(25_000)));
    for (const work of this.#last) await run(work);
    await Promise.all(this.#late);
    return well;
  }
}
