import postgres from "postgres";
import { reason } from "../errors.ts";
import { type Log, silentLog } from "../log.ts";
import type { Sql } from "./types.ts";

export interface Listener {
  /** False from the moment on that the connection is lost until the channel is open again. */
  connected(): boolean;
  /** After it no callback is called any more. */
  stop(): Promise<void>;
}

/** One who listens on a channel. */
interface Hearer {
  hear(payload: string): void;
  /** The channel was opened, anew perhaps. */
  opened(): void;
  lost(): void;
}

/** The one connection of a pool that hears. The driver's own `listen` does not say when it is lost. */
interface Ear {
  client: postgres.Sql;
  channels: Map<string, Set<Hearer>>;
  /** How often it was closed: what was opened before counts no more. */
  closes: number;
  reopening: boolean;
  timer?: ReturnType<typeof setTimeout>;
}
/** Between two tries to open what was lost, in milliseconds; the driver adds its own, which grows. */
const PAUSE_MS = 50;
const ears = new WeakMap<Sql, Ear>();

/**
 * Hears NOTIFY on a channel. A notification is only a hint: those sent while the connection was away are lost
 * (7 of 12 after kill -9, measured), so `resync` is called once the channel is open and again after every
 * reconnect, and the caller reads slowly besides.
 * Uses one connection of its own per pool. Errors of the callbacks are logged, the listener lives on.
 * @param on_message takes the payload: ids only, at most 8,000 bytes (PostgreSQL 17, NOTIFY).
 * @throws when the first LISTEN fails.
 */
export async function listen(
  sql: Sql,
  channel: string,
  on_message: (payload: string) => void | Promise<void>,
  resync: () => void | Promise<void>,
  log: Log = silentLog,
): Promise<Listener> {
  let stopped = false;
  let connected = false;
  const guarded = async (call: () => void | Promise<void>) => {
    if (stopped) return;
    try {
      await call();
    } catch (error) {
      log.error("database.listener_failed", { message: `${channel}: ${reason(error)}` });
    }
  };
  const hearer: Hearer = {
    hear: (payload) => void guarded(() => on_message(payload)),
    opened() {
      connected = true;
      void guarded(resync);
    },
    lost() {
      connected = false;
    },
  };
  const ear = earOf(sql);
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    connected = false;
    await leave(sql, ear, channel, hearer);
  };
  const others = ear.channels.get(channel) ?? new Set();
  ear.channels.set(channel, others.add(hearer));
  const round = ear.closes;
  try {
    await open(ear, channel);
  } catch (error) {
    await stop();
    throw error;
  }
  // Closed again already: then it is opened with all others.
  if (round === ear.closes) hearer.opened();
  return { connected: () => connected, stop };
}

function earOf(sql: Sql): Ear {
  const known = ears.get(sql);
  if (known) return known;
  const ear: Ear = { client: undefined as never, channels: new Map(), closes: 0, reopening: false };
  ear.client = postgres({
    // The pool's own options as the driver holds them, which it takes as they are.
    ...sql.options,
    max: 1,
    idle_timeout: null,
    max_lifetime: null,
    fetch_types: false,
    onclose() {
      ear.closes++;
      for (const hearers of ear.channels.values()) hearers.forEach((hearer) => hearer.lost());
      void reopen(ear);
    },
    onnotify(channel: string, payload: string) {
      ear.channels.get(channel)?.forEach((hearer) => hearer.hear(payload));
    },
  } as never);
  ears.set(sql, ear);
  const end = sql.end;
  // Whoever ends the pool ends this with it, as with the driver's own.
  sql.end = async (options) => {
    await close(sql, ear);
    await end(options);
  };
  return ear;
}

async function open({ client }: Ear, channel: string): Promise<void> {
  await client.unsafe(`listen "${channel.replaceAll('"', '""')}"`);
}

/** Opens all channels on one and the same connection, and goes on trying until that holds. */
async function reopen(ear: Ear): Promise<void> {
  if (ear.reopening || ear.channels.size === 0) return;
  ear.reopening = true;
  const round = ear.closes;
  let opened = false;
  try {
    for (const channel of ear.channels.keys()) await open(ear, channel);
    opened = round === ear.closes;
  } catch { /* It is still away. */ }
  ear.reopening = false;
  if (opened) ear.channels.forEach((hearers) => hearers.forEach((hearer) => hearer.opened()));
  else if (ear.channels.size > 0) ear.timer = setTimeout(() => void reopen(ear), PAUSE_MS);
}

async function leave(sql: Sql, ear: Ear, channel: string, hearer: Hearer): Promise<void> {
  const hearers = ear.channels.get(channel);
  hearers?.delete(hearer);
  if (hearers?.size === 0) ear.channels.delete(channel);
  if (ear.channels.size === 0) await close(sql, ear);
  // The connection may be away; then there is nothing to take back.
  else if (hearers?.size === 0) await ear.client.unsafe(`unlisten "${channel.replaceAll('"', '""')}"`).catch(() => {});
}

async function close(sql: Sql, ear: Ear): Promise<void> {
  if (ears.get(sql) === ear) ears.delete(sql);
  clearTimeout(ear.timer);
  ear.channels.clear();
  await ear.client.end({ timeout: 0 });
}
