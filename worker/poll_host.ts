import { Health, PackageList, PatchList, SystemInfo } from "../protocol/api.ts";
import type { Clock } from "../core/clock.ts";
import { type Sql, transaction } from "../core/database/connection.ts";
import { finishPoll, returnPoll } from "../core/hosts/finish_poll.ts";
import { recordObservation } from "../core/hosts/record_observation.ts";
import { recordPollFailure } from "../core/hosts/record_poll_failure.ts";
import type { ClaimedPoll, PollResult } from "../core/hosts/types.ts";
import { recordHealth } from "../core/patches/record_health.ts";
import { recordRefusal } from "../core/patches/record_refusal.ts";
import { recordReport } from "../core/patches/record_report.ts";
import { RefusedReport } from "../core/patches/rules.ts";
import { type AgentAddress, type AgentClient, AgentError } from "./agent_client.ts";
import { KeptConnection } from "./agent_connection.ts";

/** Kinds of failure in which the host did answer, but nothing that can be taken. */
const REFUSED: ReadonlySet<string> = new Set(["too_large", "malformed", "schema"]);
/** The longest health and system facts, in bytes: some kilobytes where all is well, and every poll has room for them. */
const MAX_HEALTH_BYTES = 256 * 1024;
/** When a host is asked again for whose large answer there was no room, in milliseconds. */
const BUSY_MS = 10_000;
/** Facts about the system change rarely: asked anew after this long, in milliseconds. */
const INFO_MS = 3_600_000;

export interface PollContext {
  sql: Sql;
  agents: Pick<AgentClient, "request" | "largeTurn">;
  clock: Clock;
  /** Gives up what is on its way. */
  signal: AbortSignal;
}

/** Settings that one poll needs. */
export interface PollLimits {
  interval_ms: number;
  timeout_ms: number;
}

/**
 * When each host was asked for its system facts, how long it had been up then, and what it called its machine. Lost at
 * a restart: asked anew.
 */
export type InfoMemory = Map<string, { at: number; uptime: number; machine?: string }>;

/** Asks a host how it is, and lands the answer, the refusal or the failure. */
export async function pollHealth(
  context: PollContext,
  poll: ClaimedPoll,
  limits: PollLimits,
  memory: InfoMemory,
): Promise<void> {
  const { sql, agents, clock, signal } = context;
  const host = addressOfPoll(poll);
  const began = performance.now();
  using kept = new KeptConnection();
  const ask = { method: "GET" as const, timeout_ms: limits.timeout_ms, max_bytes: MAX_HEALTH_BYTES, kept, signal };
  try {
    const health = await agents.request(host, { ...ask, path: "/api/v1/health", schema: Health });
    if (health.not_modified) throw new AgentError("schema", "The host answered “not modified” to what has no tag.");
    const uptime = health.data.uptime_seconds ?? Infinity;
    const known = memory.get(poll.host_id);
    const stale = !known || poll.requested || uptime < known.uptime || performance.now() - known.at >= INFO_MS;
    const info = stale ? await agents.request(host, { ...ask, path: "/api/v1/system/info", schema: SystemInfo }) : null;
    kept.close();
    const told = info && !info.not_modified ? info.data : null;
    const machine = told ? told.machine_id_hash : known?.machine;
    const answer = {
      health: health.data,
      info: told,
      machine,
      received_at: clock.now(),
      certificate_expires_at: health.certificate_expires_at ?? undefined,
    };
    await transaction(sql, async (tx) => {
      await recordHealth(tx, poll.host_id, answer, clock);
      await finishPoll(tx, poll, result(began), limits.interval_ms, clock);
    });
    const at = stale ? performance.now() : known.at;
    memory.set(poll.host_id, { at, uptime: health.data.uptime_seconds ?? 0, machine });
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // Whatever was known may be of another boot by the time it answers again.
    memory.delete(poll.host_id);
    if (REFUSED.has(error.kind) || error.kind === "http") {
      await transaction(sql, async (tx) => {
        await recordObservation(tx, poll.host_id, { kind: "refused", reason: error.message }, {}, clock);
        await finishPoll(tx, poll, result(began), limits.interval_ms, clock);
      });
      return;
    }
    await recordPollFailure(sql, poll.host_id, "health", error.message, clock);
    await finishPoll(sql, poll, result(began, error.message), limits.interval_ms, clock);
  }
}

/** Asks a host for its pending updates and packages, and lands the report, the refusal or the failure. */
export async function pollPatches(context: PollContext, poll: ClaimedPoll, limits: PollLimits): Promise<void> {
  const { sql, agents, clock, signal } = context;
  const host = addressOfPoll(poll);
  const began = performance.now();
  // Held until the report is written: what was read of it lives so long.
  const turn = agents.largeTurn();
  using kept = new KeptConnection();
  const ask = { method: "GET" as const, timeout_ms: limits.timeout_ms, turn, kept, signal };
  const age = poll.max_index_age === null ? "" : `?max_index_age=${poll.max_index_age}`;
  // Who asks for fresh data wants to see the present age of the index too, which "not modified" does not carry.
  const known = poll.requested
    ? { patches: null, packages: null }
    : { patches: poll.patches_etag, packages: poll.packages_etag };
  try {
    const patches = await agents.request(host, {
      ...ask,
      path: `/api/v1/patches${age}`,
      schema: PatchList,
      etag: known.patches,
    });
    const packages = await agents.request(host, {
      ...ask,
      path: "/api/v1/packages",
      schema: PackageList,
      etag: known.packages,
    });
    kept.close();
    // Otherwise a host that never sent a list would count as one without updates.
    if (patches.not_modified && known.patches === null || packages.not_modified && known.packages === null) {
      throw new AgentError("schema", "The host answered “not modified” although no tag was sent.");
    }
    const report = {
      patches: patches.not_modified ? null : patches.data,
      packages: packages.not_modified ? null : packages.data.packages,
      etags: { patches: patches.etag, packages: packages.etag },
    };
    await recordReport(sql, poll.host_id, report, { received_at: clock.now(), requested: poll.requested });
    await finishPoll(sql, poll, result(began), limits.interval_ms, clock);
  } catch (error) {
    if (!(error instanceof AgentError || error instanceof RefusedReport)) throw error;
    if (error instanceof AgentError && error.kind === "busy") return void await returnPoll(sql, poll, BUSY_MS);
    const refused = error instanceof RefusedReport || REFUSED.has(error.kind);
    if (refused || error.kind === "http") await recordRefusal(sql, poll.host_id, error.message, clock);
    else await recordPollFailure(sql, poll.host_id, "patches", error.message, clock);
    // What was refused would be refused again in a minute; an error answer may pass.
    await finishPoll(sql, poll, result(began, refused ? undefined : error.message), limits.interval_ms, clock);
  } finally {
    turn.release();
  }
}

function addressOfPoll(poll: ClaimedPoll): AgentAddress {
  const tls_name = poll.tls_name === poll.address ? null : poll.tls_name;
  return { id: poll.host_id, address: poll.address, port: poll.port, tls_name };
}

function result(began: number, error?: string): PollResult {
  const duration_ms = performance.now() - began;
  return error === undefined ? { ok: true, duration_ms } : { ok: false, duration_ms, error };
}
