import type { Sql } from "../database/connection.ts";
import { listen } from "../database/connection.ts";
import { reason } from "../errors.ts";
import { type Log, silentLog } from "../log.ts";
import { clientAddress } from "./client_address.ts";
import { Networks, readAddress } from "./network.ts";
import { CHANNEL, selectNetworks } from "./store.ts";

/** How often the list is read although nobody said that it changed, in milliseconds. */
const RELOAD_MS = 60_000;

export interface AccessOptions {
  /** Proxies whose X-Forwarded-For is believed: `server.trusted_proxies`. */
  trusted_proxies?: readonly string[];
  /** Where managed hosts are: they reach what hosts need, whatever the list says. */
  agent_networks?: readonly string[];
  log?: Log;
}

/**
 * Who may come in, held in memory: asked for each connection and each request. A change in the database is heard of at
 * once and read again every minute.
 */
export class AllowList {
  /** As they were configured, for the page that shows them. */
  readonly trusted_proxies: readonly string[];
  readonly agent_networks: readonly string[];
  #allowed = new Networks([]);
  #trusted: Networks;
  #agents: Networks;
  #log: Log;
  #reading: Promise<void> = Promise.resolve();
  #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #unlisten: (() => Promise<void>) | undefined;

  constructor(private readonly sql: Sql, { trusted_proxies = [], agent_networks = [], log }: AccessOptions = {}) {
    this.trusted_proxies = trusted_proxies;
    this.agent_networks = agent_networks;
    this.#trusted = new Networks(trusted_proxies);
    this.#agents = new Networks(agent_networks);
    this.#log = log ?? silentLog;
  }

  /** Reads the list and follows it. @throws when it cannot be read: then nobody may be let in */
  async start(): Promise<void> {
    await this.reload();
    const heard = () => void this.reload().catch((thrown) => this.#failed(thrown));
    const listener = await listen(this.sql, CHANNEL, heard, heard, this.#log);
    this.#unlisten = () => listener.stop();
    this.#timer = setInterval(heard, RELOAD_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#listeners.clear();
    await this.#unlisten?.();
  }

  /** Called after the list was read anew, so that what is open and no longer allowed is closed. */
  on_change(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Reads the list; what listens hears of it. One reading after the other, so that the last one read is the last kept. */
  reload(): Promise<void> {
    const next = this.#reading.catch(() => {}).then(async () => {
      this.#allowed = new Networks((await selectNetworks(this.sql)).map(({ network }) => network));
      for (const listener of this.#listeners) listener();
    });
    return this.#reading = next;
  }

  /** Where a request comes from; null when a trusted proxy passed on what is no address. */
  clientOf(peer: string | null | undefined, forwarded: string | null): string | null {
    return clientAddress(readAddress(peer ?? ""), forwarded, this.#trusted);
  }

  /** May this address use pages and API? */
  admits(address: string | null): boolean {
    return this.#allowed.size === 0 || this.#allowed.has(address);
  }

  /** May this address reach what managed hosts need: enrolment, and the public part of the CA? */
  admitsHost(address: string | null): boolean {
    return this.admits(address) || this.#agents.has(address);
  }

  /** May this peer connect at all? Proxies may: whom they speak for is asked with each request. */
  admitsPeer(peer: string | null | undefined): boolean {
    const address = readAddress(peer ?? "");
    return this.admitsHost(address) || this.#trusted.has(address);
  }

  /** True for a trusted proxy, which speaks for many. */
  isProxy(peer: string | null | undefined): boolean {
    return this.#trusted.has(readAddress(peer ?? ""));
  }

  #failed(thrown: unknown): void {
    this.#log.warn("access.reload_failed", { message: reason(thrown) });
  }
}
