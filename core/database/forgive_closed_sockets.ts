import type { Log } from "../log.ts";
import { isClosedSocket, isLostTypeQuery } from "./failure.ts";

/**
 * Keeps a role alive when the driver loses a connection in one of two places where nobody can catch it (both seen when
 * the database threw everybody out again and again): it writes to a connection that has just closed, in a callback of
 * its own, and it reads the types of a new connection, in a promise of its own. An uncaught error ends the process. The
 * statement itself was told already that its connection is lost. Every other error stays uncaught.
 * @returns stops forgiving
 */
export function forgiveClosedSockets(log: Log): () => void {
  const forgive = (event: Event, message: string) => {
    event.preventDefault();
    log.warn("database.connection_lost", { message });
  };
  const onError = (event: ErrorEvent) => {
    if (isClosedSocket(event.error)) forgive(event, "The connection closed while a statement was being sent.");
  };
  const onRejection = (event: PromiseRejectionEvent) => {
    if (isLostTypeQuery(event.reason)) forgive(event, "The connection closed while it was being opened.");
  };
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onRejection);
  return () => {
    globalThis.removeEventListener("error", onError);
    globalThis.removeEventListener("unhandledrejection", onRejection);
  };
}
