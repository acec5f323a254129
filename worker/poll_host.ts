import { Health, PackageList, PatchList, SystemInfo } from "../protocol/api.ts";
import type { Clock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { finishPoll, returnPoll } from "../core/hosts/finish_poll.ts";
import { recordPollFailure } from "../core/hosts/record_poll_failure.ts";
import type { ClaimedPoll, PollResult } from "../core/hosts/types.ts";
import type { HealthAnswer } from "../core/patches/record_health.ts";
import type { EndedHealthPoll } from "../core/patches/record_health_polls.ts";
import { recordRefusal } from "../core/patches/record_refusal.ts";
import { prepareReport } from "../core/patches/record_report.ts";
import type { EndedReportPoll } from "../core/patches/record_report_polls.ts";
import { RefusedReport } from "../core/patches/rules.ts";
import type { Report } from "../core/patches/types.ts";
import { type AgentAddress, type AgentClient, AgentError } from "./agent_client.ts";
import { KeptConnection } from "./agent_connection.ts";
import type { LargeTurn } from "./large_answers.ts";

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

/** When a host was asked for its system facts, how long it had been up then, and what it called its machine. */
interface KnownInfo {
  at: number;
  uptime: number;
  machine?: string;
}

/** By host. Lost at a restart: asked anew. */
export type InfoMemory = Map<string, KnownInfo>;

/**
 * Asks a host how it is, and lands the answer, the refusal or the failure.
 * @param land writes down what the poll brought
 */
export async function pollHealth(
  context: Omit<PollContext, "sql">,
  poll: ClaimedPoll,
  limits: PollLimits,
  memory: InfoMemory,
  land: (ended: EndedHealthPoll) => Promise<void>,
): Promise<void> {
  const { interval_ms } = limits;
  const began = performance.now();
  try {
    const { answer, asked_at } = await askHealth(context, poll, limits, memory.get(poll.host_id));
    await land({ poll, interval_ms, result: result(began), outcome: { kind: "health", answer } });
    const uptime = answer.health.uptime_seconds ?? 0;
    memory.set(poll.host_id, { at: asked_at, uptime, machine: answer.machine });
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // Whatever was known may be of another boot by the time it answers again.
    memory.delete(poll.host_id);
    const reason = error.message;
    const refused = REFUSED.has(error.kind) || error.kind === "http";
    await land({
      ...{ poll, interval_ms },
      result: result(began, refused ? undefined : reason),
      outcome: { kind: refused ? "refused" : "failed", reason },
    });
  }
}

/** Asks for health, and for the system's facts where what is known of them may be out of date. */
async function askHealth(
  { agents, clock, signal }: Omit<PollContext, "sql">,
  poll: ClaimedPoll,
  { timeout_ms }: PollLimits,
  known: KnownInfo | undefined,
): Promise<{ answer: HealthAnswer; asked_at: number }> {
  const host = addressOfPoll(poll);
  using kept = new KeptConnection();
  const ask = { method: "GET" as const, timeout_ms, max_bytes: MAX_HEALTH_BYTES, kept, signal };
  const health = await agents.request(host, { ...ask, path: "/api/v1/health", schema: Health });
  if (health.not_modified) throw new AgentError("schema", "The host answered “not modified” to what has no tag.");
  const uptime = health.data.uptime_seconds ?? Infinity;
  const stale = !known || poll.requested || uptime < known.uptime || performance.now() - known.at >= INFO_MS;
  const info = stale ? await agents.request(host, { ...ask, path: "/api/v1/system/info", schema: SystemInfo }) : null;
  const told = info && !info.not_modified ? info.data : null;
  const answer = {
    health: health.data,
    info: told,
    machine: told ? told.machine_id_hash : known?.machine,
    received_at: clock.now(),
    certificate_expires_at: health.certificate_expires_at ?? undefined,
  };
  return { answer, asked_at: stale ? performance.now() : known.at };
}

/**
 * Asks a host for its pending updates and packages, and lands the report, the refusal or the failure.
 * @param land writes down the report
 */
export async function pollPatches(
  context: PollContext,
  poll: ClaimedPoll,
  limits: PollLimits,
  land: (ended: EndedReportPoll) => Promise<void>,
): Promise<void> {
  const { sql, agents, clock } = context;
  const { interval_ms } = limits;
  const began = performance.now();
  // Held until the report is written: what was read of it lives so long.
  const turn = agents.largeTurn();
  try {
    const answered = await askPatches(context, poll, limits, turn);
    const report = prepareReport(answered, { received_at: clock.now(), requested: poll.requested });
    await land({ poll, interval_ms, result: result(began), report });
  } catch (error) {
    if (!(error instanceof AgentError || error instanceof RefusedReport)) throw error;
    if (error instanceof AgentError && error.kind === "busy") return void await returnPoll(sql, poll, BUSY_MS);
    const refused = error instanceof RefusedReport || REFUSED.has(error.kind);
    if (refused || error.kind === "http") await recordRefusal(sql, poll.host_id, error.message, clock);
    else await recordPollFailure(sql, poll.host_id, "patches", error.message, clock);
    // What was refused would be refused again in a minute; an error answer may pass.
    await finishPoll(sql, poll, result(began, refused ? undefined : error.message), interval_ms, clock);
  } finally {
    turn.release();
  }
}

async function askPatches(
  { agents, signal }: PollContext,
  poll: ClaimedPoll,
  { timeout_ms }: PollLimits,
  turn: LargeTurn,
): Promise<Report> {
  const host = addressOfPoll(poll);
  using kept = new KeptConnection();
  const ask = { method: "GET" as const, timeout_ms, turn, kept, signal };
  const age = poll.max_index_age === null ? "" : `?max_index_age=${poll.max_index_age}`;
  // Who asks for fresh data wants to see the present age of the index too, which "not modified" does not carry.
  const known = poll.requested
    ? { patches: null, packages: null }
    : { patches: poll.patches_etag, packages: poll.packages_etag };
  const list = { ...ask, path: `/api/v1/patches${age}`, schema: PatchList, etag: known.patches };
  const patches = await agents.request(host, list);
  const installed = { ...ask, path: "/api/v1/packages", schema: PackageList, etag: known.packages };
  const packages = await agents.request(host, installed);
  // Otherwise a host that never sent a list would count as one without updates.
  if (patches.not_modified && known.patches === null || packages.not_modified && known.packages === null) {
    throw new AgentError("schema", "The host answered “not modified” although no tag was sent.");
  }
  return {
    patches: patches.not_modified ? null : patches.data,
    packages: packages.not_modified ? null : packages.data.packages,
    etags: { patches: patches.etag, packages: packages.etag },
  };
}

function addressOfPoll(poll: ClaimedPoll): AgentAddress {
  const tls_name = poll.tls_name === poll.address ? null : poll.tls_name;
  return { id: poll.host_id, address: poll.address, port: poll.port, tls_name };
}

function result(began: number, error?: string): PollResult {
  const duration_ms = performance.now() - began;
  return error === undefined ? { ok: true, duration_ms } : { ok: false, duration_ms, error };
}
