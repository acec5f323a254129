import type { Log } from "../log.ts";
import { isClosedSocket } from "./failure.ts";

/**
 * Keeps a role alive when the driver writes to a connection that has just closed: it does so in a callback of its own,
 * where nobody can catch it, and an uncaught error ends the process (seen when the database threw everybody out again
 * and again). The statement itself was told already that its connection is lost. Every other error stays uncaught.
 * @returns stops forgiving
 */
export function forgiveClosedSockets(log: Log): () => void {
  const listener = (event: ErrorEvent) => {
    if (!isClosedSocket(event.error)) return;
    event.preventDefault();
    log.warn("database.connection_lost", { message: "The connection closed while a statement was being sent." });
  };
  globalThis.addEventListener("error", listener);
  return () => globalThis.removeEventListener("error", listener);
}
