/**
 * A port of an address that nothing listens on at this moment. Somebody else may take it before the program under test
 * does; where the program can say which port it took, give it 0 instead.
 */
export function freePort(hostname = "127.0.0.1"): number {
  const probe = Deno.listen({ hostname, port: 0 });
  probe.close();
  return (probe.addr as Deno.NetAddr).port;
}
