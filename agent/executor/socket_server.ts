import { reason } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { ExecutorRequest, PIECE_LENGTH } from "../../protocol/executor.ts";
import { type HostOperations, OperationError } from "../host_operations.ts";
import { readLines } from "./line_reader.ts";
import { createLineWriter, type LineWriter } from "./line_writer.ts";

/** The network side needs one; a person with a tool may have another. */
const CONNECTIONS = 16;
/** Calls of one connection that may run at once. */
const CALLS = 32;
/** A peer that leaves more than this untaken is not asked for its next call: the answers would wait in memory. */
const UNTAKEN_BYTES = 2 ** 20;

export interface SocketServer {
  close(): Promise<void>;
}

/**
 * Opens the socket: in a folder that nobody outside of the owner and the group can enter, because that folder is
 * the whole check of who may call.
 * @throws Error when the folder is open to others, or another executor answers on the socket
 */
export async function listenOnSocket(path: string): Promise<Deno.UnixListener> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  await Deno.mkdir(folder, { recursive: true, mode: 0o750 });
  const mode = (await Deno.stat(folder)).mode ?? 0;
  if ((mode & 0o027) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, "0");
    throw new Error(`${folder} has mode ${shown}; others could call the executor. Run: chmod 0750 ${folder}`);
  }
  if (await answers(path)) throw new Error(`Another executor answers on ${path}. Stop it first.`);
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const listener = Deno.listen({ transport: "unix", path });
  await Deno.chmod(path, 0o660);
  return listener;
}

/** Serves the operations on an open socket until it is closed. A bad line costs its sender the connection. */
export function serveSocket(listener: Deno.UnixListener, operations: HostOperations, log: Log): SocketServer {
  const connections = new Set<Deno.Conn>();
  const accepting = (async () => {
    for await (const connection of listener) {
      if (connections.size >= CONNECTIONS) {
        log.warn("socket.refused", { count: connections.size, message: "too many connections" });
        connection.close();
        continue;
      }
      connections.add(connection);
      serveConnection(connection, operations, log).finally(() => connections.delete(connection));
    }
  })().catch((error) => log.error("socket.failed", { message: reason(error) }));
  return {
    async close() {
      listener.close();
      connections.forEach(closeQuietly);
      await accepting;
    },
  };
}

async function serveConnection(connection: Deno.Conn, operations: HostOperations, log: Log): Promise<void> {
  const writer = createLineWriter(connection, () => closeQuietly(connection));
  let stopWatching = () => {};
  let open = 0;
  try {
    for await (const line of readLines(connection)) {
      if (writer.waiting > UNTAKEN_BYTES) await writer.drain();
      const request = ExecutorRequest.parse(JSON.parse(line));
      if (request.call === "watch") {
        stopWatching();
        stopWatching = operations.watch((event) => writer.write({ event }));
        sendResult(writer, request.id, true);
        continue;
      }
      if (open >= CALLS) {
        const message = `${CALLS} calls run already on this connection. Wait for an answer first.`;
        writer.write({ id: request.id, error: { code: "QUEUE_FULL", message, retryable: true } });
        continue;
      }
      open++;
      answer(writer, request, operations, log).finally(() => open--);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource) && !(error instanceof Deno.errors.Interrupted)) {
      const message = `The line cannot be read, so the connection ends: ${reason(error)}`.slice(0, 1000);
      log.warn("socket.bad_line", { message });
      writer.write({ id: 0, error: { code: "VALIDATION_ERROR", message, retryable: false } });
      await writer.drain();
    }
  } finally {
    stopWatching();
    closeQuietly(connection);
  }
}

async function answer(
  writer: LineWriter,
  request: ExecutorRequest,
  operations: HostOperations,
  log: Log,
): Promise<void> {
  try {
    sendResult(writer, request.id, await perform(request, operations));
  } catch (error) {
    const known = error instanceof OperationError;
    if (!known) log.error("call.failed", { message: `${request.call}: ${reason(error)}` });
    const message = (known ? error.message : `The executor could not do it: ${reason(error)}`).slice(0, 4096);
    const code = known ? error.code : "PKG_MANAGER_ERROR";
    writer.write({ id: request.id, error: { code, message, retryable: known && error.retryable } });
  }
}

async function perform(request: ExecutorRequest, operations: HostOperations): Promise<unknown> {
  switch (request.call) {
    case "health":
      return await operations.health();
    case "system_info":
      return await operations.systemInfo();
    case "packages":
      return await operations.packages();
    case "patches":
      return await operations.patches({ max_index_age_seconds: request.max_index_age_seconds });
    case "start":
      return await operations.start(request.order);
    case "jobs":
      return await operations.jobs();
    case "job":
      return await operations.job(request.job_id);
    case "cancel":
      return await operations.cancel(request.job_id);
    case "remove":
      return await operations.remove(request.job_id);
    case "service":
      return await operations.service(request.name);
  }
}

function sendResult(writer: LineWriter, id: number, result: unknown): void {
  const text = JSON.stringify(result ?? null);
  for (let start = 0; start < text.length; start += PIECE_LENGTH) {
    writer.write({ id, piece: text.slice(start, start + PIECE_LENGTH) });
  }
  writer.write({ id, end: true });
}

/** A socket file without a listener is what a killed executor leaves. */
async function answers(path: string): Promise<boolean> {
  try {
    closeQuietly(await Deno.connect({ transport: "unix", path }));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
