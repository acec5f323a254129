import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import type { JobEvent } from "../protocol/api.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import type { HostOperations } from "./host_operations.ts";
import { wireEvent, wireState } from "./jobs.ts";

/** When the far side counts as gone, and what it may cost meanwhile. */
export interface SocketLimits {
  /** Milliseconds between pings. */
  ping_ms: number;
  /** Milliseconds of silence after which a socket is dropped. */
  gone_ms: number;
  /** Bytes that may wait for a reader that does not read. */
  buffered: number;
  /** Messages that a client may send in one ping interval. */
  messages: number;
}

export const standardSockets: SocketLimits = { ping_ms: 5_000, gone_ms: 10_000, buffered: 2 ** 20, messages: 50 };

const ClientMessage = z.object({ action: z.enum(["subscribe", "unsubscribe"]), job_id: z.string().max(64).nullish() });

/** Shared by every listener of the process: it only speaks the handshake and keeps no list. */
const handshake = new WebSocketServer({
  noServer: true,
  maxPayload: 4096,
  perMessageDeflate: false,
  clientTracking: false,
});

interface Watcher {
  socket: WebSocket;
  /** Milliseconds of the monotonic clock. */
  heard: number;
  messages: number;
  /** True once it asked to hear nothing but `only`. */
  muted: boolean;
  /** Jobs that it asked not to hear of (not muted) or asked to hear of (muted). */
  listed: Set<string>;
  still_welcome: () => boolean;
}

/**
 * The event sockets of one listener. Everything is pushed to everybody without a subscription; `unsubscribe` leaves
 * out a job, or all of them, and `subscribe` brings them back and answers with the present state. The host is
 * watched and the timer runs only while somebody listens.
 */
export class EventSockets {
  readonly #watchers = new Set<Watcher>();
  #stop_watching: (() => void) | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    readonly operations: HostOperations,
    readonly clock: Clock,
    readonly limits: SocketLimits = standardSockets,
  ) {}

  /** Open sockets. */
  get size(): number {
    return this.#watchers.size;
  }

  /** Takes over an upgrade request. `still_welcome` is asked at every ping; a false ends the socket. */
  accept(request: IncomingMessage, socket: Duplex, head: Uint8Array, still_welcome: () => boolean): void {
    handshake.handleUpgrade(request, socket, head as never, (accepted) => this.#open(accepted, still_welcome));
  }

  /** Ends every socket, politely first. */
  close(): void {
    for (const watcher of this.#watchers) {
      watcher.socket.close(1001, "the agent stops");
      watcher.socket.terminate();
      this.#leave(watcher);
    }
  }

  /**
   * Steps were lost behind us. Whoever listens comes back and asks, as after any broken connection; without it the
   * manager would look only every 30 s.
   */
  #interrupt(): void {
    for (const { socket } of this.#watchers) socket.close(1012, "steps may be missing");
  }

  #open(socket: WebSocket, still_welcome: () => boolean): void {
    const watcher: Watcher = {
      socket,
      heard: performance.now(),
      messages: 0,
      muted: false,
      listed: new Set(),
      still_welcome,
    };
    this.#watchers.add(watcher);
    this.#stop_watching ??= this.operations.watch((event) => {
      const line = JSON.stringify(wireEvent(event));
      for (const one of this.#watchers) if (hears(one, event.job_id)) this.#push(one, line);
    }, () => this.#interrupt());
    this.#timer ??= setInterval(() => this.#beat(), this.limits.ping_ms);
    socket.on("error", () => socket.terminate());
    socket.on("close", () => this.#leave(watcher));
    socket.on("pong", () => watcher.heard = performance.now());
    socket.on("message", (data, binary) => {
      watcher.heard = performance.now();
      watcher.messages += 1;
      if (watcher.messages > this.limits.messages) return socket.terminate();
      const text = binary ? "" : String(data);
      void this.#answer(watcher, text);
    });
    this.#say(watcher, { event: "connected", message: "Every step of every job follows without a subscription." });
  }

  async #answer(watcher: Watcher, text: string): Promise<void> {
    const message = readMessage(text);
    if (!message) {
      return this.#say(watcher, {
        event: "error",
        error: 'Expected JSON like {"action": "subscribe", "job_id": "…"}.',
        error_code: "VALIDATION_ERROR",
      });
    }
    const job_id = message.job_id ?? null;
    if (message.action === "unsubscribe") {
      if (job_id === null) this.#mute(watcher, true);
      else if (watcher.muted) watcher.listed.delete(job_id);
      else this.#list(watcher, job_id);
      return this.#say(watcher, { event: "unsubscribed", job_id });
    }
    if (job_id === null) {
      this.#mute(watcher, false);
      return this.#say(watcher, { event: "subscribed", job_id });
    }
    const job = await this.operations.job(job_id).catch(() => null);
    if (!job) {
      return this.#say(watcher, {
        event: "error",
        job_id,
        error: "This host has no such job.",
        error_code: "JOB_NOT_FOUND",
      });
    }
    if (watcher.muted) this.#list(watcher, job_id);
    else watcher.listed.delete(job_id);
    this.#say(watcher, { event: "subscribed", job_id });
    this.#say(watcher, wireState(job, rfc3339(this.clock.now())));
  }

  #mute(watcher: Watcher, muted: boolean): void {
    watcher.muted = muted;
    watcher.listed.clear();
  }

  /** A list that grows for ever would be the far side's memory in our process: beyond 200 jobs the oldest goes. */
  #list(watcher: Watcher, job_id: string): void {
    watcher.listed.add(job_id);
    if (watcher.listed.size > 200) watcher.listed.delete(watcher.listed.values().next().value!);
  }

  #say(watcher: Watcher, event: JobEvent): void {
    this.#push(watcher, JSON.stringify({ timestamp: rfc3339(this.clock.now()), ...event }));
  }

  #push(watcher: Watcher, line: string): void {
    if (watcher.socket.readyState !== watcher.socket.OPEN) return;
    if (watcher.socket.bufferedAmount > this.limits.buffered) return watcher.socket.terminate();
    watcher.socket.send(line);
  }

  #beat(): void {
    const now = performance.now();
    for (const watcher of this.#watchers) {
      watcher.messages = 0;
      if (now - watcher.heard > this.limits.gone_ms || !watcher.still_welcome()) watcher.socket.terminate();
      else if (watcher.socket.bufferedAmount > this.limits.buffered) watcher.socket.terminate();
      else if (watcher.socket.readyState === watcher.socket.OPEN) watcher.socket.ping();
    }
  }

  #leave(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stop_watching?.();
    this.#stop_watching = null;
  }
}

function hears(watcher: Watcher, job_id: string): boolean {
  return watcher.listed.has(job_id) === watcher.muted;
}

function readMessage(text: string): z.infer<typeof ClientMessage> | null {
  try {
    return ClientMessage.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
