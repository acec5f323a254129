import { reason } from "../../core/errors.ts";

/**
 * Addresses of a name, IPv4 first; empty when it has none. Only the web role asks name servers: other roles use the
 * address that was stored.
 */
export async function resolveName(name: string): Promise<string[]> {
  const local = await hostsFile(name);
  if (local.length > 0) return local;
  const asked = await Promise.allSettled([Deno.resolveDns(name, "A"), Deno.resolveDns(name, "AAAA")]);
  const found = asked.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
  if (found.length > 0) return found;
  const failed = asked.find((answer) =>
    answer.status === "rejected" && !(answer.reason instanceof Deno.errors.NotFound)
  );
  if (failed?.status === "rejected") throw new Error(`The name server does not answer: ${reason(failed.reason)}`);
  return [];
}

/** Deno asks name servers only; people expect /etc/hosts to count, as it does everywhere else on the machine. */
async function hostsFile(name: string): Promise<string[]> {
  const text = await Deno.readTextFile("/etc/hosts").catch(() => "");
  return addressesIn(text, name);
}

/** Addresses that a hosts file (hosts(5)) gives a name. */
export function addressesIn(text: string, name: string): string[] {
  const wanted = name.toLowerCase().replace(/\.$/, "");
  return text.split("\n").flatMap((line) => {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    return names.some((one) => one.toLowerCase() === wanted) ? [address] : [];
  });
}
