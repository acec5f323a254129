import type { Sql } from "../database/connection.ts";
import type { OutsideStatements } from "./checkpoint_file.ts";
import type { PublicKeys } from "./signing_key.ts";
import { judgeStatement, type SignedStatement } from "./statements.ts";
import { lastMarker, readCheckpoints, readHead, readRows } from "./store.ts";
import type { AuditVerdict } from "./types.ts";
import { beyondTheEnd, type ChainProblem, ChainWalk, type CheckpointPlace, ZERO_HASH } from "./walk_chain.ts";

/** Rows that are read at once: more are no faster, and take more memory (measured with 60,000 rows). Two batches lie in
 * memory at a time, of at most 16 KiB a row. */
const BATCH = 250;

export interface VerifyOptions {
  /** Keys that statements are held against. Without them no checkpoint counts, and a marker is taken as it is. */
  keys?: PublicKeys;
  /** What lies outside of the database. Read it before: what is newer than the read of the chain proves nothing. */
  outside?: OutsideStatements;
  /** Told after every batch: rows that were looked at, and rows to look at. */
  progress?(checked: number, total: number): Promise<void> | void;
  signal?: AbortSignal;
}

/**
 * Recomputes the whole chain: "intact, N rows", or exactly the first row that does not hold. A row is broken when its
 * hash, its link to the row before, its number or one of the copied columns is not what the payload says, or when a
 * signed checkpoint says that it was another row. A truncated tail breaks the first missing row, because the head
 * knows how far the chain went; where the head was set back too, a checkpoint outside of the database knows it.
 *
 * @throws the signal's reason when it is aborted
 */
export async function verifyAudit(sql: Sql, options: VerifyOptions = {}): Promise<AuditVerdict> {
  for (let attempt = 1;; attempt++) {
    const marker = await lastMarker(sql);
    const verdict = await verifyFrom(sql, marker, options);
    // Rows that were removed by age while we read them are not missing.
    if (verdict.intact || attempt === 3 || ((await lastMarker(sql))?.seq ?? 0) <= (marker?.seq ?? 0)) return verdict;
  }
}

async function verifyFrom(sql: Sql, marker: SignedStatement | null, options: VerifyOptions): Promise<AuditVerdict> {
  // Checkpoints are read before the head, so none of them is of a row that comes after it.
  const about = judged(await readCheckpoints(sql), options);
  const { checkpoints, forged } = about;
  const base = { seq: marker?.seq ?? 0, hash: marker?.hash ?? ZERO_HASH };
  // The head is read before the rows: those that are appended while we read come after it and are not judged.
  const head = await readHead(sql);
  if (!head) return verdictOf(base, base.seq, chain(base.seq + 1, "the chain's head is missing"));
  if (marker && options.keys && judgeStatement(options.keys, marker) !== "ours") {
    return verdictOf(base, base.seq, chain(base.seq + 1, "the rows before it were removed without our signature"));
  }
  const walk = new ChainWalk(base, checkpoints);
  const found = await walkRows(sql, walk, head.seq, base.seq, options) ??
    (walk.hash === head.hash && walk.seq === head.seq
      ? null
      : chain(Math.max(walk.seq, 1), "the chain's head is for another row")) ??
    beyondTheEnd(walk.seq, checkpoints) ?? forged;
  if (found) return verdictOf(base, walk.seq, found);
  return intactVerdict(base, walk, about, options.outside);
}

/** What is said of rows that all hold. */
export function intactVerdict(
  base: { seq: number },
  walk: ChainWalk,
  { checkpoints, unknown }: ReturnType<typeof judged>,
  outside: OutsideStatements | undefined,
): AuditVerdict {
  let proven_to: number | null = null;
  for (const [seq, entries] of checkpoints) {
    if (seq > Math.max(base.seq, proven_to ?? 0) && entries.some(({ place }) => place === "outside")) proven_to = seq;
  }
  return {
    intact: true,
    rows: walk.seq - base.seq,
    head: walk.hash,
    first: base.seq + 1,
    checkpoints: walk.held.all,
    outside: walk.held.outside,
    proven_to,
    unknown: unknown + (outside?.unreadable ?? 0),
  };
}

function chain(seq: number, problem: string): ChainProblem {
  return { seq, problem, found_by: "chain" };
}

/** What is said of the first row that does not hold. */
export function verdictOf(base: { seq: number }, held: number, { seq, problem, found_by }: ChainProblem): AuditVerdict {
  return { intact: false, rows: Math.max(0, Math.min(held, seq - 1) - base.seq), first_broken: seq, problem, found_by };
}

/** Checkpoints by row; those with a signature that is not ours; and how many nothing can be said of. */
export function judged(inside: readonly SignedStatement[], { keys, outside }: VerifyOptions) {
  const checkpoints = new Map<number, { place: CheckpointPlace; statement: SignedStatement }[]>();
  let unknown = 0;
  let forged: ChainProblem | null = null;
  // The same statement lies in two places; its signature is looked at once.
  const opinions = new Map<string, ReturnType<typeof judgeStatement>>();
  const add = (place: CheckpointPlace, statement: SignedStatement) => {
    if (!keys || statement.kind !== "checkpoint") return;
    const text = `${statement.signature} ${statement.seq} ${statement.hash} ${statement.at} ${statement.key_id}`;
    const opinion = opinions.get(text) ?? judgeStatement(keys, statement);
    opinions.set(text, opinion);
    if (opinion === "unknown_key") unknown++;
    else if (opinion === "ours") {
      const entries = checkpoints.get(statement.seq);
      if (entries) entries.push({ place, statement });
      else checkpoints.set(statement.seq, [{ place, statement }]);
    } else if (forged === null || statement.seq < forged.seq) {
      const words = place === "outside" ? "outside of the database" : "in the database";
      forged = {
        seq: statement.seq,
        found_by: place,
        problem: `the checkpoint ${words} for this row was not signed by this manager`,
      };
    }
  };
  for (const statement of inside) add("database", statement);
  for (const statement of outside?.statements ?? []) add("outside", statement);
  return { checkpoints, unknown, forged: forged as ChainProblem | null };
}

/** Reads one batch while it looks at the one before: the database and this process work side by side. */
async function walkRows(
  sql: Sql,
  walk: ChainWalk,
  end: number,
  base: number,
  { progress, signal }: VerifyOptions,
): Promise<ChainProblem | null> {
  const read = (after: number) => {
    const rows = after >= end ? Promise.resolve([]) : readRows(sql, after, Math.min(after + BATCH, end));
    rows.catch(() => {});
    return rows;
  };
  let next = read(walk.seq);
  while (walk.seq < end) {
    signal?.throwIfAborted();
    const after = walk.seq;
    const to = Math.min(after + BATCH, end);
    const rows = await next;
    next = read(to);
    for (const row of rows) {
      const problem = walk.take(row);
      if (problem) return await settled(next, problem);
    }
    if (walk.seq < to) return await settled(next, chain(walk.seq + 1, "the row is missing"));
    await progress?.(walk.seq - base, end - base);
  }
  return null;
}

/** Nobody waits for the batch that was read ahead, but its connection is not left in the middle of an answer. */
async function settled(next: Promise<unknown>, problem: ChainProblem): Promise<ChainProblem> {
  await next.catch(() => {});
  return problem;
}
