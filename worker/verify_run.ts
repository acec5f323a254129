import { Health, PackageList, PatchList, SystemInfo } from "../protocol/api.ts";
import { transaction } from "../core/database/connection.ts";
import { uuidv7 } from "../core/ids.ts";
import { moveRun } from "../core/jobs/move_run.ts";
import { wantedPackages } from "../core/jobs/ordered_packages.ts";
import { type HostStanding, judgeReboot, judgeRepair, judgeRestart } from "../core/jobs/judge_host.ts";
import {
  type HostReport,
  InstalledVersions,
  judgeApply,
  noReport,
  readHostReport,
  type RunResult,
} from "../core/jobs/results.ts";
import { mayRestart, SECOND_ATTEMPT_SECONDS, triesAgain } from "../core/jobs/rules.ts";
import type { JobPatch, Run } from "../core/jobs/types.ts";
import { recordHealth } from "../core/patches/record_health.ts";
import { recordRefusal } from "../core/patches/record_refusal.ts";
import { recordReport } from "../core/patches/record_report.ts";
import { RefusedReport } from "../core/patches/rules.ts";
import { AgentError } from "./agent_client.ts";
import { readJob } from "./ask_job.ts";
import { addressOf, type RunContext } from "./run_context.ts";
import { failCommunication } from "./run_failures.ts";

/** Kinds of failure in which the host did answer, but nothing that can be taken. */
export const REFUSED_KINDS: ReadonlySet<string> = new Set(["too_large", "malformed", "schema"]);

/**
 * verifying → an end, or the second attempt: reads what is installed now and compares it with what was ordered.
 * @param report what the host said of the run; null when that must be asked again (after a crash).
 */
export async function verifyRun(context: RunContext, run: Run, report: HostReport | null): Promise<null> {
  const { agents, sql, clock, signal } = context;
  const host = addressOf(run);
  let installed: InstalledVersions;
  let standing: HostStanding;
  try {
    report ??= await askReport(context, run);
    const patches = await agents.request(host, { method: "GET", path: "/api/v1/patches", schema: PatchList, signal });
    const packages = await agents.request(host, {
      method: "GET",
      path: "/api/v1/packages",
      schema: PackageList,
      signal,
    });
    if (patches.not_modified || packages.not_modified) {
      throw new AgentError("schema", "The host answered “not modified” although no tag was sent.");
    }
    installed = new InstalledVersions(packages.data.packages);
    const content = { patches: patches.data, packages: packages.data.packages };
    const etags = { patches: patches.etag, packages: packages.etag };
    await recordReport(sql, run.host_id, { ...content, etags }, { received_at: clock.now(), requested: true });
    const now = await refreshHealth(context, run);
    standing = {
      package_state: patches.data.state ?? null,
      boot_id_before: run.boot_id_before,
      boot_id_now: now?.info.boot_id ?? null,
      up_since_begin: upSince(context, run, now?.health.uptime_seconds),
      reboot_due: now?.info.pending_reboot ?? false,
    };
  } catch (error) {
    const refused = refusal(error);
    if (!refused) throw error;
    if (REFUSED_KINDS.has(refused.kind)) await recordRefusal(sql, run.host_id, refused.message, clock);
    return await failCommunication(context, run, refused, true);
  }
  const wanted = await wantedPackages(sql, run);
  const result = judge(run, wanted, report, standing, installed);
  const needs_repair = standing.package_state === "interrupted" || standing.package_state === "broken";
  const { message, error, error_code, patches } = result;
  const missing = patches.some((patch) => patch.origin === "ordered" && patch.outcome !== "applied");
  const again = triesAgain(
    {
      kind: run.kind,
      attempt: run.attempt,
      deadline_ms: run.deadline_at.epochMilliseconds,
      cancel_requested: run.cancel_requested_at !== null,
    },
    error_code,
    clock.now().epochMilliseconds,
  );
  // A host left half-way refuses everything until a person repairs it; its refusal would hide what really failed.
  if (result.state === "failed" && missing && again && !needs_repair) {
    await moveRun(sql, run, "waiting", {
      ...newAttempt(run, uuidv7(clock)),
      message: `${message} It is tried once more.`.slice(0, 4_096),
      error,
      error_code,
      patches,
    }, clock);
    return null;
  }
  await moveRun(sql, run, result.state, {
    ...{ message, error, error_code, patches, progress: 100, phase: "done", report: report.said },
    boot_id_after: standing.boot_id_now,
  }, clock);
  return null;
}

/** Each kind by what it was for. */
function judge(
  run: Run,
  wanted: JobPatch[],
  report: HostReport,
  standing: HostStanding,
  installed: InstalledVersions,
): RunResult {
  switch (run.kind) {
    case "repair":
      return judgeRepair(report, standing, installed);
    case "reboot":
      return judgeReboot(report, standing);
    default:
      return judgeRestart(judgeApply(wanted, report, installed), run.reboot, standing);
  }
}

/** Whether a host's clock of this boot began after the run did. A minute is too little to tell. */
function upSince({ clock }: RunContext, run: Run, uptime_seconds: number | undefined): boolean | null {
  if (uptime_seconds === undefined || run.started_at === null) return null;
  const run_seconds = (clock.now().epochMilliseconds - run.started_at.epochMilliseconds) / 1_000;
  return run_seconds < 60 ? null : uptime_seconds < run_seconds;
}

/** A new run: the host must not take it for the one that failed. */
function newAttempt(run: Run, run_id: string) {
  return {
    run_id,
    attempt: run.attempt + 1,
    agent_job_id: null,
    agent_state_id: null,
    agent_seq: 0,
    boot_id_before: null,
    back_by: null,
    dispatched: null,
    communication_failures: 0,
    log_start: run.log_bytes,
    progress: 0,
    phase: null,
    release_for_seconds: SECOND_ATTEMPT_SECONDS,
  };
}

/** What the host says of the run, after a crash of ours; a host that forgot it can still be read. */
async function askReport(context: RunContext, run: Run): Promise<HostReport> {
  try {
    const { job, status } = await readJob(context, run);
    return status === "pending" || status === "running" ? noReport : readHostReport(job, status);
  } catch (error) {
    if (error instanceof AgentError && error.http?.status === 404) return noReport;
    throw error;
  }
}

/**
 * How the host is now, and in which boot. Where the result does not depend on it a failure waits for the next poll.
 * @throws AgentError where the host was to restart
 */
async function refreshHealth(
  context: RunContext,
  run: Run,
): Promise<{ health: Health; info: SystemInfo } | null> {
  const { agents, sql, clock, signal } = context;
  const host = addressOf(run);
  try {
    const health = await agents.request(host, { method: "GET", path: "/api/v1/health", schema: Health, signal });
    const info = await agents.request(host, { method: "GET", path: "/api/v1/system/info", schema: SystemInfo, signal });
    if (health.not_modified || info.not_modified) return null;
    const answer = { health: health.data, info: info.data, received_at: clock.now() };
    await transaction(sql, (tx) => recordHealth(tx, run.host_id, answer, clock));
    return { health: health.data, info: info.data };
  } catch (error) {
    if (!(error instanceof AgentError) || mayRestart(run)) throw error;
    return null;
  }
}

/** Content that was refused by us, or an exchange that failed; null for our own defects. */
function refusal(error: unknown): AgentError | null {
  if (error instanceof AgentError) return error;
  return error instanceof RefusedReport ? new AgentError("schema", error.message) : null;
}
