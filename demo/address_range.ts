import { createServer } from "node:net";
import { sha256 } from "../core/ids.ts";

/** The port of all agents of the demo. */
export const AGENT_PORT = 12_443;

/**
 * Loopback addresses of the demo's hosts: 127.N.0.0/16, the real host at its end. N is kept with the state, because
 * hosts are registered by address; another demo on the same machine takes another N.
 */
export interface AddressRange {
  /** `127.77.0.0`, for `patch-agent simulate --base-address`. */
  base: string;
  /** `127.77.0.0/16`. */
  network: string;
  /** `127.77.255.1`. */
  real_host: string;
}

export async function chooseRange(state: string): Promise<AddressRange> {
  const file = `${state}/addresses`;
  const kept = await Deno.readTextFile(file).catch(() => null);
  if (kept) return rangeOf(parseInt(kept));
  // Demos that start at the same moment would find the same network free, so each begins its search elsewhere.
  const first = (await sha256(state))[0];
  for (let tried = 0; tried < 180; tried++) {
    const octet = 64 + (first + tried) % 180;
    const range = rangeOf(octet);
    if (!await isFree(range.real_host) || !await isFree(`127.${octet}.0.1`)) continue;
    await Deno.writeTextFile(file, `${octet}\n`);
    return range;
  }
  throw new Error(
    "No loopback network is free for the demo's hosts. Stop other demos, and what listens on port 12443.",
  );
}

function rangeOf(octet: number): AddressRange {
  if (!(octet >= 1 && octet <= 254)) throw new Error("The demo's address file is damaged. Start with --reset.");
  return { base: `127.${octet}.0.0`, network: `127.${octet}.0.0/16`, real_host: `127.${octet}.255.1` };
}

/**
 * The port of the web interface: the one asked for, else 8443.
 * @param any without a wish, another one where 8443 is taken
 * @throws Error with words when it is taken
 */
export async function choosePort(wanted: number | null, any: boolean): Promise<number> {
  const port = wanted ?? 8443;
  if (await isFree("127.0.0.1", port)) return port;
  if (wanted !== null || !any) {
    throw new Error(`Port ${port} is taken by another program. Choose another one with --port.`);
  }
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  probe.close();
  return probe.addr.port;
}

/** True when nothing listens there. */
export function isFree(hostname: string, port = AGENT_PORT): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, hostname, () => server.close(() => resolve(true)));
  });
}
