/** Answers at SIGTERM or SIGINT; calls back at every SIGHUP. Removes its listeners when it answers. */
export function untilStopped(reload: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGHUP", reload);
  return promise.finally(() => {
    Deno.removeSignalListener("SIGHUP", reload);
    // SIGTERM and SIGINT stay caught: a second one while stopping is the same wish, not a harder one.
  });
}
