import { appendAudit, appendFor } from "../audit/append_audit.ts";
import type { AuditEntry, Context } from "../audit/types.ts";
import type { Clock } from "../clock.ts";
import { type Sql, transaction, type Tx } from "../database/connection.ts";
import { type Asker, INSIDE, QueueFull } from "./hash_queue.ts";

/** What is refused from one network, or to one person, for so long is one row of the audit log and one with the rest. */
const PERIOD_SECONDS = 60;
/** So many networks have a row of their own within that time; what is refused to more is told as one number. */
const MOST_NETWORKS = 10;

const ANYBODY = { kind: "anonymous" } as const;
const REASON = "too many passwords wait to be checked";

type Refused = Pick<AuditEntry, "action" | "object" | "details">;

/** The refusals of one network or person within one period. */
interface Period {
  ends: Temporal.Instant;
  /** What its rows have in common. */
  entry: Omit<AuditEntry, "request_id">;
  /** Refusals that are in no row so far. */
  untold: number;
}

/** Where those stand that have no period of their own. */
const ELSEWHERE = "elsewhere";

/**
 * Periods by network or person, for each database: a process has one. In memory, because a refusal has to cost less than
 * what it refuses; a process that is killed loses what it had counted within the last minute.
 */
const memory = new WeakMap<Sql, Map<string, Period>>();

function periodsOf(sql: Sql): Map<string, Period> {
  const found = memory.get(sql) ?? new Map<string, Period>();
  memory.set(sql, found);
  return found;
}

/**
 * Does work that hashes a password. Where the queue is full, it leaves a row: the first refusal at once, those that
 * follow within a minute from the same network together, see {@link tellOfFullQueue}. So whoever floods the sign-in
 * leaves a trace and fills no log: at most 21 rows a minute, however many addresses they have.
 *
 * @throws QueueFull, and what the work throws
 */
export async function orRefused<T>(
  sql: Sql,
  asker: Asker,
  refused: Refused,
  context: Context,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof QueueFull) await note(sql, asker, refused, context);
    throw thrown;
  }
}

async function note(sql: Sql, asker: Asker, { action, object, details }: Refused, context: Context): Promise<void> {
  const periods = periodsOf(sql);
  const now = context.clock.now();
  const inside = asker.own === INSIDE.own;
  const own = inside ? `user:${context.actor.id}` : `network:${asker.own}`;
  const open = (key: string) => {
    const found = periods.get(key);
    return found && Temporal.Instant.compare(now, found.ends) < 0 ? found : null;
  };
  const networks = [...periods.keys()].filter((key) => key.startsWith("network:") && open(key));
  const key = inside || open(own) || networks.length < MOST_NETWORKS ? own : ELSEWHERE;
  const found = open(key);
  if (found) return void found.untold++;
  const { actor, address } = key === ELSEWHERE ? { actor: ANYBODY, address: null } : context;
  const entry = { actor, address, action, outcome: "denied" as const, details: { reason: REASON } };
  // Before the row is written, so that of many at once one writes it. What was not told before is told with the rest.
  const untold = periods.get(key)?.untold ?? 0;
  periods.set(key, { ends: now.add({ seconds: PERIOD_SECONDS }), entry, untold });
  if (key === ELSEWHERE) periods.get(key)!.untold++;
  else await appendFor(sql, context, { action, object, outcome: "denied", details: { ...details, reason: REASON } });
}

/**
 * Writes down what was refused and is in no row so far: for each network or person whose minute is over how many more
 * they were, and one number for all the others. To be called every few seconds.
 *
 * @param all whether their minute is over or not: the process ends
 * @returns how many rows it wrote
 */
export async function tellOfFullQueue(sql: Sql, clock: Clock, all = false): Promise<number> {
  const periods = periodsOf(sql);
  const now = clock.now();
  const over = [...periods].filter(([, { ends }]) => all || Temporal.Instant.compare(ends, now) <= 0);
  for (const [key] of over) periods.delete(key);
  const untold = over.filter(([, period]) => period.untold > 0);
  if (untold.length === 0) return 0;
  try {
    await transaction(sql, (tx) => write(tx, untold, clock));
  } catch (thrown) {
    for (const [key, period] of untold) {
      const since = periods.get(key);
      if (since) since.untold += period.untold;
      else periods.set(key, period);
    }
    throw thrown;
  }
  return untold.length;
}

async function write(tx: Tx, untold: [key: string, period: Period][], clock: Clock): Promise<void> {
  for (const [key, { entry, untold: more }] of untold) {
    const from = key === ELSEWHERE ? { from: "networks without a row of their own" } : {};
    await appendAudit(tx, { ...entry, details: { ...entry.details, ...from, more } }, clock);
  }
}
