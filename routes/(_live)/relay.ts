import { z } from "zod";
import { viewerOfSession } from "../../core/auth/sessions.ts";
import type { Viewer } from "../../core/auth/types.ts";
import type { Clock } from "../../core/clock.ts";
import type { Sql } from "../../core/database/connection.ts";
import { reason } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { lastEvent, readEvents, readEventsAfter, visibleTo } from "../../core/live/read_events.ts";
import { type LiveEvent, Subscription } from "../../core/live/types.ts";
import type { LiveSource } from "../(_role)/state.ts";

/** The part of a WebSocket that the relay uses (npm ws). */
export interface Socket {
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code: number, reason: string): void;
  terminate(): void;
  ping(): void;
  on(event: "message", listener: (data: { toString(): string; length: number }, binary: boolean) => void): void;
  on(event: "close" | "pong", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
}

/** What a page says: the topics that it wants from now on, instead of those before. */
const Message = z.strictObject({ action: z.literal("subscribe"), topics: z.array(Subscription).max(20) });

/** A reader so slow is cut off: it comes back and goes on after the last number that it saw. Bytes. */
const MAX_BUFFERED = 1 << 20;
/** Open sockets of one session, and of all. */
const MAX_PER_SESSION = 20;
const MAX_SOCKETS = 1_000;
/** How often the relay looks although nobody told it to, in milliseconds. */
const SLOW_READ_MS = 5_000;
/** How often sockets are pinged and their sessions looked at, in milliseconds. */
const CARE_MS = 25_000;
const PAGE = 500;

/** Close codes above 4000 are the application's (RFC 6455, 7.4.2); the browser's part of this knows them. */
const CLOSED = { session: 4401, address: 4403, full: 4429, message: 4400, restart: 1012 } as const;

/** What the dashboard follows: all that a wall screen may. */
const WALL_TOPICS = new Set(["hosts", "jobs", "enrolments"]);

interface Connection {
  socket: Socket;
  viewer: Viewer;
  /** Where it comes from, as the list of allowed networks judges it. */
  address: string | null;
  /** Topic to the last number sent. */
  topics: Map<string, number>;
  /** True while the past is being sent: new events wait. */
  catching_up: boolean;
  /** The last subscription that nobody has begun with; an older one that is still reading gives up for it. */
  wanted: Subscription[] | null;
  answered: boolean;
}

/**
 * Feeds open pages from live_events. One reader for all of them: it reads each event once and sends it to whoever
 * follows its topic and may see it.
 */
export class Relay {
  #connections = new Set<Connection>();
  /** Everything up to here was handed out. */
  #position = 0;
  #reading = false;
  #again = false;
  #stopped = false;
  #timers: ReturnType<typeof setInterval>[] = [];
  #unsubscribe: (() => void)[] = [];
  #source: LiveSource | null = null;
  /** Sessions whose end was heard since the turn of care before the last: one may end while its handshake goes on. */
  #ended = { now: new Set<string>(), before: new Set<string>() };

  constructor(
    private readonly sql: Sql,
    private readonly clock: Clock,
    private readonly log: Log,
    /** Called at each turn of the reader: the role's liveness. */
    private readonly turned: () => void = () => {},
  ) {}

  get open(): number {
    return this.#connections.size;
  }

  async start(source: LiveSource): Promise<void> {
    this.#source = source;
    this.#position = await lastEvent(this.sql);
    this.#unsubscribe = [
      source.on_event(() => void this.#read()),
      source.on_revoked((id, renewed) => id === null ? void this.#endGone() : this.#endSession(id, renewed)),
    ];
    this.#timers = [setInterval(() => void this.#read(), SLOW_READ_MS), setInterval(() => void this.#care(), CARE_MS)];
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const { socket } of this.#connections) socket.close(CLOSED.restart, "the manager restarts");
    this.#connections.clear();
  }

  /** Takes over a socket whose ticket was good. */
  accept(socket: Socket, viewer: Viewer, address: string | null = null): void {
    const of_session = [...this.#connections].filter((one) => one.viewer.session_id === viewer.session_id).length;
    if (this.#stopped) return socket.close(CLOSED.restart, "the manager restarts");
    if (this.#ended.now.has(viewer.session_id) || this.#ended.before.has(viewer.session_id)) {
      return socket.close(CLOSED.session, "the session has ended");
    }
    if (this.#connections.size >= MAX_SOCKETS || of_session >= MAX_PER_SESSION) {
      return socket.close(CLOSED.full, "too many open pages");
    }
    const connection: Connection = {
      socket,
      viewer,
      address,
      topics: new Map(),
      catching_up: false,
      wanted: null,
      answered: true,
    };
    this.#connections.add(connection);
    socket.on("message", (data, binary) => this.#hear(connection, binary ? null : data.toString()));
    socket.on("pong", () => connection.answered = true);
    socket.on("close", () => this.#connections.delete(connection));
    socket.on("error", () => socket.terminate());
  }

  #hear(connection: Connection, text: string | null): void {
    const message = parse(text);
    if (!message) return connection.socket.close(CLOSED.message, "not a subscription");
    const is_wall = connection.viewer.session_kind === "wall";
    if (is_wall && message.topics.some(({ topic }) => !WALL_TOPICS.has(topic))) {
      return connection.socket.close(CLOSED.message, "not for a wall screen");
    }
    connection.wanted = message.topics;
    if (!connection.catching_up) void this.#subscribe(connection);
  }

  /** One reading at a time for each socket: whoever asks a thousand times a second has the last one answered. */
  async #subscribe(connection: Connection): Promise<void> {
    connection.catching_up = true;
    while (connection.wanted && this.#connections.has(connection)) {
      const topics = connection.wanted;
      connection.wanted = null;
      connection.topics = new Map();
      await this.#catchUp(connection, topics);
    }
  }

  /** Sends what the page missed, then lets it follow. */
  async #catchUp(connection: Connection, topics: Subscription[]): Promise<void> {
    let asked = topics;
    try {
      for (;;) {
        const page = await readEvents(this.sql, connection.viewer.sees, asked, PAGE);
        if (connection.wanted) return;
        if (page.reload) this.#send(connection, JSON.stringify({ kind: "reload", seq: page.next_after_seq }));
        for (const event of page.events) this.#send(connection, frame(event));
        asked = topics.map(({ topic }) => ({ topic, after_seq: page.next_after_seq }));
        if (page.more || this.#position > page.next_after_seq) continue;
        connection.topics = new Map(topics.map(({ topic }) => [topic, page.next_after_seq]));
        connection.catching_up = false;
        return this.#send(connection, JSON.stringify({ kind: "following", seq: page.next_after_seq }));
      }
    } catch (thrown) {
      this.log.warn("live.subscribe_failed", { message: reason(thrown), user_id: connection.viewer.id });
      connection.socket.terminate();
    }
  }

  /** Reads on from the last position until there is nothing more. Hints that come meanwhile make it look again. */
  async #read(): Promise<void> {
    if (this.#reading) return void (this.#again = true);
    this.#reading = true;
    try {
      do {
        this.#again = false;
        const events = await readEventsAfter(this.sql, this.#position, PAGE);
        if (events.length > 0) {
          // Nobody told us of ends meanwhile, so nobody is told anything before they are looked for.
          if (!this.#source?.connected()) await this.#endGone();
          await this.#deliver(events);
          this.#position = events.at(-1)!.seq;
        }
        if (events.length === PAGE) this.#again = true;
      } while (this.#again && !this.#stopped);
      this.turned();
    } catch (thrown) {
      if (!this.#stopped) this.log.warn("live.read_failed", { message: reason(thrown) });
    } finally {
      this.#reading = false;
    }
  }

  async #deliver(events: LiveEvent[]): Promise<void> {
    const following = [...this.#connections].filter((one) => !one.catching_up && one.topics.size > 0);
    for (const connections of Map.groupBy(following, (one) => one.viewer.sees).values()) {
      const wanted = events.filter(({ topic }) => connections.some((one) => one.topics.has(topic)));
      if (wanted.length === 0) continue;
      const visible = await visibleTo(this.sql, connections[0].viewer.sees, wanted);
      const texts = visible.map((event) => ({ event, text: frame(event) }));
      for (const connection of connections) {
        for (const { event, text } of texts) {
          const last = connection.topics.get(event.topic);
          if (last === undefined || event.seq <= last) continue;
          connection.topics.set(event.topic, event.seq);
          this.#send(connection, text);
        }
      }
    }
  }

  #send(connection: Connection, text: string): void {
    if (connection.socket.bufferedAmount > MAX_BUFFERED) return connection.socket.terminate();
    connection.socket.send(text);
  }

  /** Closes what comes from addresses that may not come in any more. */
  closeForeign(admits: (address: string | null) => boolean): void {
    for (const { socket, address } of this.#connections) {
      if (address !== null && !admits(address)) socket.close(CLOSED.address, "this address may not come in");
    }
  }

  /** @param renewed another one took its place: its pages come back with that */
  #endSession(id: string, renewed = false): void {
    this.#ended.now.add(id);
    for (const { socket, viewer } of this.#connections) {
      if (viewer.session_id !== id && viewer.token?.id !== id) continue;
      if (renewed) socket.close(CLOSED.restart, "the session was renewed");
      else socket.close(CLOSED.session, "the session has ended");
    }
  }

  /** Finds dead peers, and sessions that ended while a notification was lost. */
  async #care(): Promise<void> {
    this.#ended = { now: new Set(), before: this.#ended.now };
    for (const connection of this.#connections) {
      if (!connection.answered) connection.socket.terminate();
      connection.answered = false;
      connection.socket.ping();
    }
    await this.#endGone();
  }

  async #endGone(): Promise<void> {
    try {
      for (const id of new Set([...this.#connections].map(({ viewer }) => viewer.session_id))) {
        if (!await viewerOfSession(this.sql, id, this.clock)) this.#endSession(id);
      }
    } catch (thrown) {
      this.log.warn("live.care_failed", { message: reason(thrown) });
    }
  }
}

function frame({ seq, topic, kind, job_id, host_id, data }: LiveEvent): string {
  return JSON.stringify({ seq, topic, kind, job_id, host_id, data });
}

function parse(text: string | null): z.output<typeof Message> | null {
  if (text === null || text.length > 8_192) return null;
  try {
    return Message.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
