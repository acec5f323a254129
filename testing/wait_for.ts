/**
 * Polls until the condition holds, for what sends no signal. The answer is the condition's first value that is
 * neither false, null nor undefined.
 * @param what completes the sentence "waited … ms for …".
 * @throws Error after the deadline (default 30 s), with the last error that the condition threw.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: { deadline_ms?: number; every_ms?: number } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const { deadline_ms = 30_000, every_ms = 20 } = options;
  const started = performance.now();
  let last: unknown;
  for (;;) {
    try {
      last = undefined;
      const value = await condition();
      if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<T, false>>;
    } catch (error) {
      last = error;
    }
    const waited = Math.round(performance.now() - started);
    if (waited >= deadline_ms) {
      const why = last instanceof Error ? `; last error: ${last.message}` : "";
      throw new Error(`waited ${waited} ms for ${what}, in vain${why}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, every_ms));
  }
}
