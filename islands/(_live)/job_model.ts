import type { HostState, JobState, StateCounts } from "../../core/jobs/types.ts";
import type { JobHostDetail, JobHostLog, JobHostRow } from "../../core/views/job_hosts.ts";
import type { JobSummary } from "../../core/views/list_jobs.ts";
import type { Wire } from "../../core/wire.ts";
import type { LiveFrame } from "./live.ts";

/** What the page of a job shows, as events change it. */
export interface JobModel {
  job: Wire<JobSummary>;
  hosts: Wire<JobHostRow>[];
  /** The host whose packages and log are open. */
  shown: Wire<JobHostDetail> | null;
  log: { text: string; next: number; ended: boolean } | null;
  /** A piece of the log was left out of its event, or was missed: read it from `log.next`. */
  log_behind: boolean;
  /** Something ended whose results are not in the events: read the page anew. */
  outdated: boolean;
}

export function startModel(
  job: Wire<JobSummary>,
  hosts: Wire<JobHostRow>[],
  shown: Wire<JobHostDetail> | null,
  log: JobHostLog | null,
): JobModel {
  return { job, hosts, shown, log, log_behind: log?.more ?? false, outdated: false };
}

const FINAL = ["succeeded", "failed", "cancelled", "missed", "rolled_back", "unknown"];

/** The model after one event. Pure: the same events give the same page. */
export function applyEvent(model: JobModel, { kind, host_id, data }: LiveFrame): JobModel {
  switch (kind) {
    case "job_state":
      return applyJobState(model, data);
    case "host_state":
      return host_id === null ? model : applyHostState(model, host_id, data);
    case "progress":
      return host_id === null ? model : applyProgress(model, host_id, data);
    default:
      return model;
  }
}

/** Counts in the event are of all hosts; a viewer who sees only some of them keeps counting the rows. */
function applyJobState(model: JobModel, data: { state: JobState; counts: StateCounts }): JobModel {
  const total = Object.values(data.counts).reduce((sum: number, n) => sum + (n ?? 0), 0);
  if (total !== model.job.hosts) return model;
  return { ...model, job: { ...model.job, state: data.state, counts: data.counts } };
}

function applyHostState(model: JobModel, host_id: string, row: Partial<Wire<JobHostRow>>): JobModel {
  const changed = recount(changeHost(model, host_id, row));
  const ended = FINAL.includes(row.state as HostState);
  // Packages get their outcome with the final state; a batch reads them once, when its page is outdated.
  return ended ? { ...changed, outdated: true } : changed;
}

/** Steps of one host are told without counts; who has all rows counts them. */
function recount(model: JobModel): JobModel {
  const { job, hosts } = model;
  if (hosts.length !== job.hosts) return model;
  const counts: StateCounts = {};
  for (const { state } of hosts) counts[state] = (counts[state] ?? 0) + 1;
  return { ...model, job: { ...job, counts } };
}

function applyProgress(
  model: JobModel,
  host_id: string,
  { progress, phase, message, log }: {
    progress: number;
    phase: Wire<JobHostRow>["phase"];
    message: string;
    log: { position: number; text: string | null } | null;
  },
): JobModel {
  const changed = changeHost(model, host_id, { progress, phase, message });
  if (!log || model.shown?.host_id !== host_id || !changed.log || log.position < changed.log.next) return changed;
  if (log.text === null || log.position > changed.log.next) return { ...changed, log_behind: true };
  return { ...changed, log: { ...changed.log, text: changed.log.text + log.text, next: log.position + 1 } };
}

function changeHost(model: JobModel, host_id: string, changes: Partial<Wire<JobHostRow>>): JobModel {
  const known = Object.fromEntries(
    Object.entries(changes).filter(([name, value]) => value !== undefined && KEPT.has(name)),
  );
  const hosts = model.hosts.map((host) => host.host_id === host_id ? { ...host, ...known } : host);
  const shown = model.shown?.host_id === host_id ? { ...model.shown, ...known } : model.shown;
  return { ...model, hosts, shown };
}

/** Members of a row that events may change. */
const KEPT = new Set([
  "state",
  "attempt",
  "progress",
  "phase",
  "message",
  "error",
  "error_code",
  "next_at",
  "cancel_requested_at",
  "communication_failures",
]);

/** Percent over all hosts; one that has ended counts as 100. */
export function overallProgress(hosts: Pick<Wire<JobHostRow>, "state" | "progress">[]): number {
  if (hosts.length === 0) return 0;
  const sum = hosts.reduce((total, { state, progress }) => total + (FINAL.includes(state) ? 100 : progress), 0);
  return Math.floor(sum / hosts.length);
}

export function isFinalState(state: string): boolean {
  return FINAL.includes(state);
}
