import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { type EndedPoll, finishPolls } from "../hosts/finish_poll.ts";
import { lockObserved } from "../hosts/observed_store.ts";
import { judgeObserved } from "../hosts/record_observation.ts";
import type { Observation } from "../hosts/types.ts";
import { type HealthAnswer, judgeAnswer } from "./record_health.ts";
import { type HealthRow, saveHealth } from "./store.ts";

/** A health poll that ended, and what it brought. */
export interface EndedHealthPoll extends EndedPoll {
  outcome: { kind: "health"; answer: HealthAnswer } | Exclude<Observation, { kind: "answered" }>;
}

/**
 * Lands health polls of several hosts, each host once, in one transaction: what is shown, the judgement, and when the
 * next poll is due. One poll has some ten statements and a write to disk to wait for, many together have the same.
 *
 * @param options.free_only leaves out hosts at which somebody else is writing, instead of waiting for them
 * @returns those that were left out, or have been removed: to be landed alone
 */
export function recordHealthPolls(
  sql: Sql,
  ended: EndedHealthPoll[],
  options: { free_only: boolean },
  clock: Clock,
): Promise<EndedHealthPoll[]> {
  return transaction(sql, async (tx) => {
    const hosts = await lockObserved(tx, ended.map(({ poll }) => poll.host_id), options);
    const rows: HealthRow[] = [];
    // Sent together: where every host has news, each would wait for the one before it.
    await Promise.all(ended.map(async ({ poll, outcome }) => {
      const host = hosts.get(poll.host_id);
      if (!host) return;
      if (outcome.kind === "health") rows.push((await judgeAnswer(tx, host, outcome.answer, clock)).row);
      else await judgeObserved(tx, host, outcome, {}, clock);
    }));
    if (rows.length > 0) await saveHealth(tx, rows);
    const left = options.free_only ? ended.filter(({ poll }) => !hosts.has(poll.host_id)) : [];
    await finishPolls(tx, ended.filter((one) => !left.includes(one)), clock);
    return left;
  });
}
