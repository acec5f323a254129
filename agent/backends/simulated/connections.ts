import { createServer } from "node:net";
import type { AllowList } from "../../../protocol/listener.ts";
import { fraction } from "./random.ts";
import type { Traits } from "./traits.ts";

/** Of the connections to a flaky host so many break. */
const BROKEN = 0.05;

/**
 * Lets everybody in, but breaks some of a flaky host's connections: half of them as they are opened, half once the
 * handshake is done. The listener asks at both moments.
 * @param on_broken told of each
 */
export function brokenConnections({ seed, index }: Traits, on_broken: () => void): AllowList {
  let asked = 0;
  return {
    allows() {
      if (fraction(seed, index, asked++, "connection") >= BROKEN / 2) return true;
      on_broken();
      return false;
    },
  };
}

/** A host that takes connections and says nothing, for a minute each. Answers how to end it. */
export function listenSilently(host: string, port: number, on_connection: () => void): Promise<() => Promise<void>> {
  const { promise, resolve, reject } = Promise.withResolvers<() => Promise<void>>();
  const open = new Set<{ destroy(): unknown }>();
  const server = createServer((socket) => {
    on_connection();
    open.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", () => open.delete(socket));
    socket.setTimeout(60_000, () => socket.destroy());
  });
  server.maxConnections = 16;
  server.once("error", reject);
  server.listen({ host, port }, () =>
    resolve(() =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of open) socket.destroy();
      })
    ));
  return promise;
}
