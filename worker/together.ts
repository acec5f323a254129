/**
 * Does work for many at once: what is added while a turn runs is done together in the next one. Whoever is alone waits
 * for nobody, and under load a turn costs little more for thirty than for one.
 */
export class Together<Item> {
  #waiting: { item: Item; done: () => void; failed: (error: unknown) => void }[] = [];
  #running = false;

  /**
   * @param work does it for one or several without waiting for any of them in particular, and answers those that have to
   * be done alone; when it throws, that is all of them
   * @param alone does it for one, and may wait
   * @param most of one turn
   */
  constructor(
    readonly work: (items: Item[]) => Promise<Item[]>,
    readonly alone: (item: Item) => Promise<unknown>,
    readonly most: number,
  ) {}

  /** Settles when it was done for this one; rejects with what stands in the way of this one. */
  add(item: Item): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ item, done: resolve, failed: reject });
    if (!this.#running) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const turn = this.#waiting.splice(0, this.most);
      const items = turn.map(({ item }) => item);
      const left = new Set(await this.work(items).catch(() => items));
      for (const { item, done, failed } of turn) {
        // Not waited for: who stands still here must not keep the others waiting.
        if (left.has(item)) this.alone(item).then(done, failed);
        else done();
      }
    }
    this.#running = false;
  }
}
