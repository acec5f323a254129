/** Below what Linux gives to outgoing connections (ip_local_port_range begins at 32,768), above what services have. */
const LOWEST = 20_000;
const HIGHEST = 32_767;

/**
 * A port of an address that nothing listens on at this moment, and that no outgoing connection is given before the
 * program under test takes it. Where that can say which port it took, give it 0 instead.
 */
export function freePort(hostname = "127.0.0.1"): number {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    try {
      Deno.listen({ hostname, port }).close();
      return port;
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.AddrInUse)) throw thrown;
    }
  }
  throw new Error(`No port of ${hostname} from ${LOWEST} to ${HIGHEST} is free.`);
}
