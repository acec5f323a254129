/**
 * Runs work at most once at a time, for however many ask. Whoever comes while it runs shares the next run with everybody
 * else who came meanwhile: each answer began after its question, and a hundred questions cost two runs.
 *
 * @param work may fail; that is told to those who share the run, and the next one is tried all the same
 */
export function sharedRuns<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let next: Promise<T> | null = null;

  function begin(): Promise<T> {
    const run = work().finally(() => running = null);
    return running = run;
  }

  return () => {
    if (next !== null) return next;
    if (running === null) return begin();
    return next = running.then(() => {}, () => {}).then(() => {
      next = null;
      return begin();
    });
  };
}
