import type { Health, SystemInfo } from "../../protocol/api.ts";
import type { Clock } from "../clock.ts";
import type { Tx } from "../database/types.ts";
import { lockObserved, type ObservedHost } from "../hosts/observed_store.ts";
import { judgeObserved } from "../hosts/record_observation.ts";
import { healthProblems } from "../hosts/rules.ts";
import type { HealthRecord, HostFacts } from "../hosts/types.ts";
import { ANOTHER_MACHINE, isAnotherMachine } from "./another_machine.ts";
import { claimsFuture, plain, readInstant, words } from "./rules.ts";
import { type HealthRow, saveHealth } from "./store.ts";

/** What a health poll brought. */
export interface HealthAnswer {
  health: Health;
  /** Null when it was not asked for this time. */
  info: SystemInfo | null;
  /** What the machine calls itself, as last heard; absent when it was never asked or does not say. */
  machine?: string;
  received_at: Temporal.Instant;
  /** End of the certificate that the host showed; absent leaves what is known. */
  certificate_expires_at?: Temporal.Instant;
}

/**
 * Lands a host's health and what it says of its system: what is shown, and the judgement.
 * @returns the host's health now; null when it was removed meanwhile
 */
export async function recordHealth(
  tx: Tx,
  hostId: string,
  answer: HealthAnswer,
  clock: Clock,
): Promise<HealthRecord | null> {
  // First the host's row: the one order in which polls take their locks.
  const host = (await lockObserved(tx, [hostId], { free_only: false })).get(hostId);
  if (!host) return null;
  const { judged, row } = await judgeAnswer(tx, host, answer, clock);
  await saveHealth(tx, [row]);
  return judged;
}

/** Judges the answer of a host that the caller has locked. The row that shows it is the caller's to save. */
export async function judgeAnswer(
  tx: Tx,
  host: ObservedHost,
  answer: HealthAnswer,
  clock: Clock,
): Promise<{ judged: HealthRecord; row: HealthRow }> {
  const { health, info, received_at, certificate_expires_at } = answer;
  const index_refreshed_at = readInstant(health.last_cache_update, clock);
  const said = (health.problems ?? []).map(words).filter((text) => text !== "");
  // Our own agent finds this out itself and says so in its own words.
  const unbelievable = said.length === 0 && claimsFuture(health.last_cache_update, clock);
  const other = !!answer.machine && isAnotherMachine(host, answer.machine);
  const seen = healthProblems({
    status: health.status,
    checks: health.checks,
    words: unbelievable
      ? ["It says that its package index is from the future, so its age is unknown. Check the host's clock."]
      : said,
    index_refreshed_at,
    certificate_expires_at,
  }, clock);
  const problems = other ? [ANOTHER_MACHINE, ...seen] : seen;
  const facts = { ...agentFacts(health), ...systemFacts(info, clock), certificate_expires_at };
  const judged = await judgeObserved(tx, host, { kind: "answered", problems }, facts, clock);
  const row = {
    host_id: host.id,
    received_at,
    status: health.status,
    checks: health.checks ?? {},
    problems,
    uptime_seconds: health.uptime_seconds === undefined ? null : Math.round(health.uptime_seconds),
    index_refreshed_at,
    state_id: plain(health.agent?.state_id),
  };
  return { judged, row };
}

function agentFacts(health: Health): HostFacts {
  return {
    ...(health.version === undefined ? {} : { agent_version: plain(health.version) }),
    ...(health.agent?.name === undefined ? {} : { agent_name: plain(health.agent.name) }),
    ...(health.agent?.simulated ? { simulated: true as const } : {}),
  };
}

function systemFacts(info: SystemInfo | null, clock: Clock): HostFacts {
  if (!info) return {};
  const reasons = (info.reboot_reasons ?? []).map(words).filter((text) => text !== "");
  return {
    os_id: plain(info.os_id)?.toLowerCase() ?? null,
    os_name: plain(info.os),
    os_version: plain(info.os_version),
    kernel: plain(info.kernel),
    architecture: plain(info.architecture),
    package_manager: plain(info.package_manager?.name),
    virtualization: plain(info.virtualization),
    boot_id: plain(info.boot_id),
    boot_time: readInstant(info.boot_time, clock),
    reboot_required: info.pending_reboot ?? false,
    reboot_reasons: info.pending_reboot ? reasons : [],
  };
}
