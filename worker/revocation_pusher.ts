import { z } from "zod";
import { publishedList, type ReachableHost, reachableHosts } from "../core/certificates/revocation_list.ts";
import type { Sql } from "../core/database/connection.ts";
import type { Log } from "../core/log.ts";
import { type AgentClient, AgentError } from "./agent_client.ts";

/** How often a new list is looked for when nobody calls, in milliseconds. */
export const REVOCATION_INTERVAL_MS = 60_000;
/** Hosts that are told at once. */
const CONCURRENCY = 16;
/** After a start only a revocation that is younger than this is told: hosts fetch the list themselves every 6 h. */
const FRESH_SECONDS = 3_600;

export interface PusherOptions {
  sql: Sql;
  agents: Pick<AgentClient, "request">;
  log: Log;
  signal: AbortSignal;
}

/** Brings the list of revoked certificates to hosts as soon as it has changed; whoever is missed fetches it himself. */
export class RevocationPusher {
  /** What was told last. */
  #state: string | null = null;

  constructor(readonly options: PusherOptions) {}

  /** Tells all hosts when something was revoked since the last turn. */
  async turn(): Promise<boolean> {
    const { sql, log, signal } = this.options;
    const list = await publishedList(sql);
    if (!list || list.state === this.#state) return false;
    const first = this.#state === null;
    this.#state = list.state;
    if (first && list.age_seconds > FRESH_SECONDS) return false;
    const hosts = await reachableHosts(sql);
    const waiting = hosts.values();
    let told = 0;
    const tellNext = async () => {
      for (const host of waiting) {
        if (signal.aborted) return;
        if (await this.#tell(host, list.crl_pem)) told++;
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, tellNext));
    log.info("crl.pushed", { count: told, message: `${told} of ${hosts.length} hosts took the list.` });
    return false;
  }

  async #tell({ host_id, address, port, tls_name }: ReachableHost, crl_pem: string): Promise<boolean> {
    const { agents, log, signal } = this.options;
    try {
      await agents.request({ id: host_id, address, port, tls_name: tls_name === address ? null : tls_name }, {
        method: "PUT",
        path: "/api/v1/crl",
        schema: z.unknown(),
        body: { crl_pem },
        signal,
      });
      return true;
    } catch (error) {
      if (!(error instanceof AgentError) && !signal.aborted) throw error;
      // A public agent has no such address; who is silent fetches the list when it is back.
      log.debug("crl.not_taken", { host_id });
      return false;
    }
  }
}
