import { z } from "zod";
import { type Db, maybe, type Sql, transaction } from "../database/connection.ts";
import { appendEvent } from "../live/append_event.ts";
import { plainWords } from "../hosts/rules.ts";
import { LostRun } from "./move_run.ts";
import type { Progress, RunKey } from "./types.ts";

/** Bytes of output kept for one host of a job. */
export const MAX_LOG_BYTES = 2 ** 20;
/** Output longer than this, in UTF-16 units, is not repeated in the event; the page reads the log. */
const MAX_EVENT_OUTPUT = 2 ** 16;
const CUT = "\n[The log ends here: 1 MiB is kept for one host. The rest is on the host itself.]\n";

const encoder = new TextEncoder();

/** Bytes of text as the log counts them. */
export function logBytes(text: string): number {
  return encoder.encode(text).length;
}

/**
 * Writes what a host said while it works: message, phase, progress (never backwards) and new output, with one event.
 * @returns the row's consumed bytes of output and last sequence number.
 * @throws LostRun when the row went on without the caller.
 */
export async function recordProgress(
  sql: Sql,
  run: RunKey,
  progress: Progress,
): Promise<{ log_bytes: number; agent_seq: number }> {
  const output = (progress.output ?? "").toWellFormed().replaceAll("\u0000", "\ufffd");
  return await transaction(sql, async (tx) => {
    const row = await updateProgress(tx, run, progress, logBytes(output));
    if (!row) throw new LostRun(run);
    const log = output === "" ? null : await appendLog(tx, run, output, row.log_bytes - logBytes(output));
    await appendEvent(tx, {
      topic: `job:${run.job_id}`,
      job_id: run.job_id,
      host_id: run.host_id,
      kind: "progress",
      data: { host_id: run.host_id, progress: row.progress, phase: row.phase, message: row.message, log },
    });
    return { log_bytes: row.log_bytes, agent_seq: row.agent_seq };
  });
}

/**
 * Appends to the log of one host, up to 1 MiB over all attempts; the piece that reaches it says that more is not
 * kept. The caller holds the row.
 * @param before bytes consumed earlier.
 * @returns the new piece, its text null when the page should read the log instead; null when nothing was kept.
 */
export async function appendLog(
  db: Db,
  run: RunKey,
  text: string,
  before: number,
): Promise<{ position: number; text: string | null } | null> {
  const room = MAX_LOG_BYTES - before;
  if (room <= 0) return null;
  const bytes = encoder.encode(text);
  const kept = bytes.length <= room ? text : withoutHalf(bytes.subarray(0, room)) + CUT;
  const [row] = await db`
    insert into job_logs (job_id, host_id, position, text)
    select ${run.job_id}, ${run.host_id}, coalesce(max(position), 0) + 1, ${kept}
    from job_logs where job_id = ${run.job_id} and host_id = ${run.host_id}
    returning position`;
  return { position: row.position, text: kept.length > MAX_EVENT_OUTPUT ? null : kept };
}

/** A character that the cut divided is left out. */
function withoutHalf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes, { stream: true });
}

function updateProgress(db: Db, run: RunKey, progress: Progress, added: number) {
  const { phase = null, message = null, seq = 0 } = progress;
  const percent = Math.round(Math.min(100, Math.max(0, progress.progress ?? 0)));
  return maybe(
    z.object({
      progress: z.number(),
      phase: z.string().nullable(),
      message: z.string(),
      log_bytes: z.number(),
      agent_seq: z.number(),
    }),
    db`
      update patch_job_hosts
      set progress = greatest(progress, ${percent}), phase = coalesce(${phase}, phase),
        message = coalesce(${
      message === null ? null : plainWords(message).slice(0, 4_096).toWellFormed() || null
    }, message),
        agent_seq = greatest(agent_seq, ${seq}), log_bytes = least(log_bytes::bigint + ${added}, 2000000000)::int
      where job_id = ${run.job_id} and host_id = ${run.host_id} and state = ${run.state} and fence = ${run.fence}
      returning progress, phase, message, log_bytes, agent_seq`,
  );
}
