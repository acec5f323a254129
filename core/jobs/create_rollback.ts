import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError, type Problem } from "../errors.ts";
import { sha256 } from "../ids.ts";
import {
  checkKey,
  type CreatedJob,
  earlierJob,
  fieldsRefused,
  type JobViewer,
  placeJob,
  plainOrder,
  refuseAuditor,
} from "./place_job.ts";
import { appliedBy, type RollbackCandidate, rollbackCandidates } from "./rollback_store.ts";
import { visibleAmong } from "./store.ts";
import { RollbackOrder, type RollbackOrderInput } from "./types.ts";

/**
 * Orders hosts to take back what a deployment changed there, best effort: the former versions may be gone. Without
 * chosen hosts it is for all of which the agent said that it can. A chosen host whose agent says nothing about
 * rollback is asked too; one that says that it cannot is refused with its reason.
 * @param key value of the Idempotency-Key header: the same key with the same order is the same job.
 * @throws AppError validation_failed, forbidden (auditor), job_not_found (also out of scope), host_not_found for a
 *   chosen host that is not one of the job's, conflict with reasons by host, nothing_to_do, idempotency_conflict
 */
export async function createRollback(
  sql: Sql,
  viewer: JobViewer,
  job_id: string,
  input: RollbackOrderInput,
  key: string | null,
  context: Context,
): Promise<CreatedJob> {
  refuseAuditor(viewer);
  const parsed = RollbackOrder.safeParse(input);
  if (!parsed.success) throw fieldsRefused(parsed.error.issues);
  checkKey(key);
  const { reason, deadline_minutes } = parsed.data;
  const chosen = parsed.data.host_ids && [...new Set(parsed.data.host_ids.map((id) => id.toLowerCase()))].sort();
  const hash = await sha256(JSON.stringify(["rollback", job_id, chosen ?? null, reason, deadline_minutes ?? null]));
  const idempotency = key === null ? null : { key, hash };
  return await transaction(sql, async (tx) => {
    const earlier = idempotency && await earlierJob(tx, viewer.id, idempotency);
    if (earlier) return earlier;
    const candidates = await rollbackCandidates(tx, viewer.sees, job_id);
    if (candidates.length === 0) throw new AppError("job_not_found");
    // Locked against removal; who left the viewer's scope between the two reads is left out.
    const visible = await visibleAmong(tx, viewer.sees, candidates.map((one) => one.host_id));
    const wanted = choose(candidates.filter((one) => visible.has(one.host_id)), chosen);
    const ids = wanted.map((one) => one.host_id);
    return await placeJob(tx, viewer, {
      ...plainOrder,
      ...{ kind: "rollback", reason, deadline_minutes, idempotency, original_job_id: job_id },
      hosts: wanted.map(({ host_id, agent_job_id }) => ({
        host_id,
        new_packages: null,
        original_agent_job_id: agent_job_id,
      })),
      patches: await appliedBy(tx, job_id, ids),
      left_out: candidates.map((one) => one.host_id).filter((id) => !ids.includes(id)),
    }, context);
  });
}

/** Why a host's work cannot be taken back, in words; null when it can, or when only the host itself can tell. */
export function rollbackProblem(host: RollbackCandidate): string | null {
  if (host.kind !== "apply") return "Only a deployment can be rolled back.";
  if (!host.ended) return "Its work has not ended.";
  if (host.agent_job_id === null) return "Nothing was begun on it.";
  if (host.taken_back === "open") return "A rollback of this job is on its way there.";
  if (host.taken_back === "done") return "It was rolled back already.";
  if (host.applied === 0) return "No package was changed by this job.";
  if (host.possible === false) return host.reason ?? "Its agent says that it cannot.";
  return null;
}

function choose(candidates: RollbackCandidate[], chosen: string[] | null | undefined): RollbackCandidate[] {
  if (!chosen) {
    const able = candidates.filter((one) => one.possible === true && rollbackProblem(one) === null);
    if (able.length > 0) return able;
    const [first] = candidates;
    throw new AppError("nothing_to_do", {
      message: "No host of this job can be rolled back.",
      hint: first ? rollbackProblem(first) ?? "Its agent does not say that it can." : "Look at the hosts of the job.",
    });
  }
  const byId = new Map(candidates.map((one) => [one.host_id, one]));
  const missing = chosen.flatMap((id, index): Problem[] =>
    byId.has(id) ? [] : [{ field: `host_ids.${index}`, problem: "is no host of this job" }]
  );
  if (missing.length > 0) throw new AppError("host_not_found", { details: missing.slice(0, 20) });
  const problems = chosen.flatMap((id, index): Problem[] => {
    const problem = rollbackProblem(byId.get(id)!);
    return problem === null ? [] : [{ field: `host_ids.${index}`, problem }];
  });
  if (problems.length > 0) {
    throw new AppError("conflict", {
      message: chosen.length === 1
        ? `This host cannot be rolled back. ${problems[0].problem}`
        : "Some of the hosts cannot be rolled back.",
      hint: "Choose only hosts that can, or install the former versions by hand.",
      details: problems.slice(0, 20),
    });
  }
  return chosen.map((id) => byId.get(id)!);
}
