import { type Clock, rfc3339 } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import { reason } from "../errors.ts";
import type { Log } from "../log.ts";
import { appendOutside } from "./checkpoint_file.ts";
import type { AuditProof } from "./proof.ts";
import { judgeStatement, type SignedStatement, signStatement } from "./statements.ts";
import { insertCheckpoint, lastCheckpoint, lastMarker, readHead, readRows } from "./store.ts";
import { type ChainProblem, ChainWalk, ZERO_HASH } from "./walk_chain.ts";

/** A checkpoint at least every so many rows, … */
export const CHECKPOINT_ROWS = 1_000;
/** … and every so many milliseconds while there are new rows. */
export const CHECKPOINT_MS = 600_000;

/** What came of a turn: what was signed, and why no more was. */
export interface Signed {
  signed: SignedStatement[];
  problem: ChainProblem | null;
}

/**
 * Signs what was added since the last checkpoint, when it is due: each thousandth row, and the last row once the last
 * checkpoint is ten minutes old. The rows in between are recomputed first, so that nothing is signed that somebody put
 * in the place of rows behind a checkpoint. A checkpoint is in its file and in the log before it is in the database.
 */
export async function signCheckpoints(sql: Sql, proof: AuditProof, clock: Clock, log: Log): Promise<Signed> {
  const [last, marker] = await Promise.all([lastCheckpoint(sql), lastMarker(sql)]);
  const head = await readHead(sql);
  const base = latest(last, marker);
  const result: Signed = { signed: [], problem: null };
  if (head === null) {
    return { ...result, problem: { seq: base.seq + 1, problem: "the chain's head is missing", found_by: "chain" } };
  }
  const due = base.at === null || clock.now().epochMilliseconds - base.at.epochMilliseconds >= CHECKPOINT_MS;
  if (head.seq < base.seq + (due ? 1 : CHECKPOINT_ROWS)) {
    return { ...result, problem: head.seq < base.seq ? cutOff(head.seq) : null };
  }
  if (last !== null && judgeStatement(proof.keys, last) === "forged") {
    const problem = "the checkpoint in the database for this row was not signed by this manager";
    return { ...result, problem: { seq: last.seq, problem, found_by: "database" } };
  }
  const walk = new ChainWalk(base);
  while (walk.seq < head.seq) {
    const to = Math.min(walk.seq + CHECKPOINT_ROWS, head.seq);
    if (to - walk.seq < CHECKPOINT_ROWS && !due) break;
    result.problem = await walkTo(sql, walk, to);
    if (result.problem) break;
    result.signed.push(await keep(sql, proof, clock, log, walk));
  }
  return result;
}

function latest(last: SignedStatement | null, marker: SignedStatement | null) {
  const newest = last && marker ? (last.seq >= marker.seq ? last : marker) : last ?? marker;
  return newest === null
    ? { seq: 0, hash: ZERO_HASH, at: null }
    : { seq: newest.seq, hash: newest.hash, at: last && Temporal.Instant.from(last.at) };
}

function cutOff(end: number): ChainProblem {
  return { seq: end + 1, problem: "the row is missing: a checkpoint in the database knows it", found_by: "database" };
}

async function walkTo(sql: Sql, walk: ChainWalk, to: number): Promise<ChainProblem | null> {
  for (const row of await readRows(sql, walk.seq, to)) {
    const problem = walk.take(row);
    if (problem) return problem;
  }
  return walk.seq === to ? null : { seq: walk.seq + 1, problem: "the row is missing", found_by: "chain" };
}

async function keep(sql: Sql, { signer, folder }: AuditProof, clock: Clock, log: Log, { seq, hash }: ChainWalk) {
  const statement = signStatement(signer, { kind: "checkpoint", seq, hash, at: rfc3339(clock.now()) });
  try {
    await appendOutside(folder, statement);
  } catch (thrown) {
    // The journal and the database still get it.
    log.error("audit.checkpoint_file_failed", { path: folder, message: reason(thrown) });
  }
  // The whole statement, so that a journal that is sent elsewhere proves as much as the file.
  log.info("audit.checkpoint", { message: JSON.stringify(statement) });
  await insertCheckpoint(sql, statement);
  return statement;
}
