import type { Clock } from "../clock.ts";
import type { Tx } from "../database/types.ts";
import { appendEvent } from "../live/append_event.ts";
import { lockObserved, type ObservedHost, updateObserved } from "./observed_store.ts";
import { judgeHealth } from "./rules.ts";
import type { HealthRecord, HostFacts, Observation } from "./types.ts";

/**
 * Judges a host's health after a poll and keeps what the host says of itself. Writes only columns that changed;
 * open pages hear of a change.
 *
 * @returns the host's health now; null when the host was removed meanwhile
 */
export async function recordObservation(
  tx: Tx,
  hostId: string,
  observation: Observation,
  facts: HostFacts,
  clock: Clock,
): Promise<HealthRecord | null> {
  const before = (await lockObserved(tx, [hostId], { free_only: false })).get(hostId);
  return before ? await judgeObserved(tx, before, observation, facts, clock) : null;
}

/** The same for a host that the caller has locked. */
export async function judgeObserved(
  tx: Tx,
  before: ObservedHost,
  observation: Observation,
  facts: HostFacts,
  clock: Clock,
): Promise<HealthRecord> {
  const health = judgeHealth(before, observation, clock);
  const changed = await updateObserved(tx, before.id, before, { ...facts, ...health });
  if (changed.length === 0) return health;
  const data = {
    host_id: before.id,
    health: health.health,
    reason: health.health_reason,
    not_answering_since: health.not_answering_since?.toString() ?? null,
  };
  await appendEvent(tx, { topic: `host:${before.id}`, host_id: before.id, kind: "health", data });
  const seen = ["health", "health_reason", "not_answering_since", "reboot_required", "simulated"] as const;
  if (seen.some((key) => changed.includes(key))) {
    await appendEvent(tx, { topic: "hosts", host_id: before.id, kind: "health", data });
  }
  return health;
}
