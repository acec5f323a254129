import type { Health } from "../../protocol/api.ts";
import { reason } from "../../core/errors.ts";
import type { HostOperations } from "../host_operations.ts";

/** What the network side itself knows about its health: certificates, revocation list, clock. */
export interface NetworkHealth {
  crl_status: "valid" | "expired" | "missing" | "invalid" | "degraded";
  crl_age_seconds: number | null;
  crl_next_update: string | null;
  clock: "ok" | "skewed";
  /** Words for people, empty when all is well. */
  problems: string[];
}

/** Answers `GET /health`: what the host side says, completed by what only the network side knows. */
export class HealthReport {
  readonly #started: number;

  /** `uptime_now` answers milliseconds that never go back. */
  constructor(
    readonly options: {
      version: string;
      network: () => NetworkHealth;
      uptime_now?: () => number;
    },
  ) {
    this.#started = this.#now();
  }

  /** Never throws: a host side that does not answer is a degraded agent, not a silent one. */
  async read(operations: HostOperations): Promise<Health> {
    const network = this.options.network();
    const host = await operations.health().catch((thrown): Health => ({
      status: "degraded",
      cache_status: "unknown",
      problems: [
        `The part of the agent that runs the package manager (patch-executor) does not answer: ${reason(thrown)}`
          .slice(0, 512),
      ],
    }));
    const problems = [...(host.problems ?? []), ...network.problems].slice(0, 16);
    const clock = host.checks?.clock === "skewed" ? "skewed" : network.clock;
    return {
      ...host,
      status: host.status === "degraded" || network.problems.length > 0 ? "degraded" : "healthy",
      uptime_seconds: host.uptime_seconds ?? Math.floor((this.#now() - this.#started) / 1000),
      version: this.options.version,
      crl_status: network.crl_status,
      crl_age_seconds: network.crl_age_seconds,
      crl_next_update: network.crl_next_update,
      checks: { ...host.checks, clock },
      problems,
      agent: { name: "patch-agent", protocol: 1, ...host.agent },
    };
  }

  #now(): number {
    return this.options.uptime_now?.() ?? performance.now();
  }
}
