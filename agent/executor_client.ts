import { z } from "zod";
import { reason } from "../core/errors.ts";
import { Health, InstalledPackage, PatchList, Service, SystemInfo } from "../protocol/api.ts";
import { ExecutorReply, type ExecutorRequest, HostJobSchema, RESULT_LIMIT, ServiceName } from "../protocol/executor.ts";
import { createLineWriter, type LineWriter } from "./executor/line_writer.ts";
import { readLines } from "./executor/line_reader.ts";
import { type HostJob, type HostJobEvent, type HostOperations, OperationError } from "./host_operations.ts";

export interface ExecutorClientOptions {
  /** How long a call may take. Milliseconds, default 60,000. */
  timeout_ms?: number;
  /** How long a call that may refresh the index, or wait for another package manager, may take. Default 900,000. */
  long_timeout_ms?: number;
  /** Pause before the first new attempt of the watching connection; doubled up to 10 s. Default 250. */
  retry_ms?: number;
}

type Call = ExecutorRequest extends infer T ? T extends { id: number } ? Omit<T, "id"> : never : never;

interface Connection {
  call(call: Call, timeout_ms: number): Promise<unknown>;
  readonly closed: Promise<void>;
  close(): void;
}

/**
 * The executor as seen from the network side. Connects when the first call comes and again when the connection
 * was lost; calls that were under way then fail with PKG_MANAGER_ERROR, retryable. Watching survives a restart of
 * the executor: `on_gap` is called then, and what was missed is in `job()`.
 */
export function connectExecutor(socket_path: string, options: ExecutorClientOptions = {}): HostOperations {
  const { timeout_ms = 60_000, long_timeout_ms = 900_000, retry_ms = 250 } = options;
  const listeners = new Map<(event: HostJobEvent) => void, () => void>();
  let connecting: Promise<Connection> | null = null;
  let closed = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let pause = retry_ms;
  /** Somebody listened while nothing could be heard. */
  let missed = false;

  function connection(): Promise<Connection> {
    if (closed) return Promise.reject(new OperationError("PKG_MANAGER_ERROR", "The executor client is closed."));
    connecting ??= open().catch((error) => {
      connecting = null;
      const message = `The executor does not answer on ${socket_path}: ${reason(error)}`;
      throw new OperationError("PKG_MANAGER_ERROR", message, true);
    });
    return connecting;
  }

  async function open(): Promise<Connection> {
    const opened = openConnection(await Deno.connect({ transport: "unix", path: socket_path }), (event) => {
      for (const listener of listeners.keys()) listener(event);
    });
    opened.closed.then(() => {
      connecting = null;
      if (listeners.size > 0) keepWatching();
    });
    if (listeners.size > 0) {
      await opened.call({ call: "watch" }, timeout_ms);
      if (missed) { for (const tellGap of listeners.values()) tellGap(); }
      missed = false;
    }
    return opened;
  }

  /** Nobody calls while nothing changes, so the watching connection has to come back by itself. */
  function keepWatching(): void {
    if (closed || listeners.size === 0) return;
    missed = true;
    clearTimeout(retry);
    retry = setTimeout(() => {
      connection().then(() => pause = retry_ms, () => {
        pause = Math.min(10_000, pause * 2);
        keepWatching();
      });
    }, pause);
  }

  async function call<T>(schema: z.ZodType<T>, request: Call, limit = timeout_ms): Promise<T> {
    const answer = schema.safeParse(await (await connection()).call(request, limit));
    if (answer.success) return answer.data;
    const message = `The executor's answer to ${request.call} is not as agreed: ${z.prettifyError(answer.error)}`;
    throw new OperationError("PKG_MANAGER_ERROR", message.slice(0, 2000));
  }

  return {
    health: () => call(Health, { call: "health" }),
    systemInfo: () => call(SystemInfo, { call: "system_info" }),
    packages: () => call(z.array(InstalledPackage).max(50_000), { call: "packages" }),
    patches: ({ max_index_age_seconds }) =>
      call(PatchList, { call: "patches", max_index_age_seconds }, long_timeout_ms),
    start: (order) => call<HostJob>(HostJobSchema, { call: "start", order }),
    jobs: () => call<HostJob[]>(z.array(HostJobSchema).max(1_000), { call: "jobs" }),
    job: (job_id) => isJobId(job_id) ? call<HostJob | null>(HostJobSchema.nullable(), { call: "job", job_id }) : none(),
    cancel: (job_id) => isJobId(job_id) ? call<HostJob>(HostJobSchema, { call: "cancel", job_id }) : unknownJob(),
    remove: (job_id) => isJobId(job_id) ? call(z.null(), { call: "remove", job_id }).then(() => {}) : unknownJob(),
    service: (name) =>
      ServiceName.safeParse(name).success ? call(Service.nullable(), { call: "service", name }) : none(),
    watch(listener, on_gap = () => {}) {
      listeners.set(listener, on_gap);
      // A connection that is open already has to be told; a new one tells by itself.
      const first = listeners.size === 1;
      if (first && connecting !== null) {
        connecting.then((opened) => opened.call({ call: "watch" }, timeout_ms)).catch(keepWatching);
      } else if (first) connection().catch(keepWatching);
      return () => listeners.delete(listener);
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      listeners.clear();
      const opened = await connecting?.catch(() => null);
      opened?.close();
      await opened?.closed;
    },
  };
}

/** The executor names jobs by UUID; anything else is no job and not worth a call. */
function isJobId(job_id: string): boolean {
  return z.uuid().safeParse(job_id).success;
}

function none(): Promise<null> {
  return Promise.resolve(null);
}

function unknownJob(): Promise<never> {
  return Promise.reject(new OperationError("JOB_NOT_FOUND", "There is no such job on this host."));
}

interface Pending {
  pieces: string[];
  length: number;
  resolve(result: unknown): void;
  reject(error: OperationError): void;
}

function openConnection(socket: Deno.Conn, onEvent: (event: HostJobEvent) => void): Connection {
  const pending = new Map<number, Pending>();
  const writer: LineWriter = createLineWriter(socket, () => closeQuietly(socket));
  let next = 1;
  let open = true;
  const lost = (words: string) => new OperationError("PKG_MANAGER_ERROR", words, true);

  const closed = (async () => {
    let words = "The connection to the executor was lost. It may have restarted; ask again.";
    try {
      for await (const line of readLines(socket)) take(ExecutorReply.parse(JSON.parse(line)), pending, onEvent);
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) words = `The connection to the executor broke: ${reason(error)}`;
    }
    open = false;
    closeQuietly(socket);
    for (const waiting of pending.values()) waiting.reject(lost(words));
    pending.clear();
  })();

  return {
    closed,
    close: () => closeQuietly(socket),
    call(call, timeout_ms) {
      if (!open) return Promise.reject(lost("The connection to the executor was lost."));
      const id = next++;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          pending.delete(id);
          reject(lost(`The executor did not answer ${call.call} within ${timeout_ms / 1000} s.`));
        }, timeout_ms);
        const settle = <T>(then: (value: T) => void) => (value: T) => {
          clearTimeout(timer);
          then(value);
        };
        pending.set(id, { pieces: [], length: 0, resolve: settle(resolve), reject: settle(reject) });
        writer.write({ id, ...call });
      });
    },
  };
}

function take(reply: ExecutorReply, pending: Map<number, Pending>, onEvent: (event: HostJobEvent) => void): void {
  if ("event" in reply) return onEvent(reply.event);
  const waiting = pending.get(reply.id);
  if (!waiting) return; // its caller has given up
  if ("piece" in reply) {
    waiting.length += reply.piece.length;
    if (waiting.length > RESULT_LIMIT) throw new Error(`an answer is longer than ${RESULT_LIMIT} characters`);
    waiting.pieces.push(reply.piece);
    return;
  }
  pending.delete(reply.id);
  if ("error" in reply) {
    waiting.reject(new OperationError(reply.error.code, reply.error.message, reply.error.retryable));
  } else waiting.resolve(JSON.parse(waiting.pieces.join("")));
}

function closeQuietly(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
