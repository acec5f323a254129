/**
 * A folder for one test, removed when disposed of. Mode 0711: programs that root starts as somebody else can walk
 * through it. In a run of scripts/run_tests.ts it lies in the run's own folder, so that nothing stays after a Ctrl-C.
 * @param prefix short, because sockets may lie below it.
 */
export async function testFolder(prefix = "t-"): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ dir: Deno.env.get("TEST_FOLDER") ?? "/var/tmp", prefix });
  await Deno.chmod(path, 0o711);
  return { path, [Symbol.asyncDispose]: () => removeFolder(path) };
}

/** A program that lost its parent may still be writing below the folder, so removal is repeated for 15 s. */
async function removeFolder(path: string): Promise<void> {
  const end = performance.now() + 15_000;
  for (;;) {
    try {
      return await Deno.remove(path, { recursive: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
