import { z } from "zod";
import { ApplyRequest, PackageName } from "../../protocol/api.ts";
import { type Clock } from "../../core/clock.ts";
import { isUuid } from "../../core/ids.ts";
import type { HostOperations } from "../host_operations.ts";
import { readOrder, wireJob } from "../jobs.ts";
import { type Answer, type FieldProblem, invalid, Refusal } from "./answer.ts";
import { answerTagged } from "./entity_tag.ts";
import type { HealthReport } from "./health.ts";

/** One request after its body was read within its limits. */
export interface Call {
  operations: HostOperations;
  health: HealthReport;
  clock: Clock;
  query: URLSearchParams;
  /** What stood in the place of `{}` in the pattern, decoded; empty when the pattern has none. */
  name: string;
  /** The parsed JSON body; undefined when there was none. */
  body: unknown;
  if_none_match: string | undefined;
}

export type Handler = (call: Call) => Promise<Answer>;

/** One address of the wire contract. `{}` stands for one segment. */
export interface Route {
  /** As it stands in logs: a pattern, never the path itself. */
  pattern: string;
  methods: Partial<Record<"GET" | "POST" | "DELETE", Handler>>;
}

/** Longest accepted age of an index in the query, in seconds: a year. */
const MAX_AGE = 31_536_000;

const health: Handler = async ({ health, operations }) => ok(await health.read(operations));

const systemInfo: Handler = async ({ operations }) => ok(await operations.systemInfo());

const packages: Handler = async ({ operations, query, if_none_match }) => {
  const wanted = query.get("status");
  if (wanted !== null && wanted !== "upgradable" && wanted !== "installed") {
    throw invalid([{ field: "status", problem: "is neither upgradable nor installed" }]);
  }
  const all = await operations.packages();
  const rows = wanted === "upgradable" ? all.filter((row) => row.upgradable === true) : all;
  const data = { packages: rows, total: rows.length };
  return answerTagged(data, data, if_none_match);
};

const onePackage: Handler = async ({ operations, name }) => {
  if (!PackageName.safeParse(name).success) throw invalid([{ field: "name", problem: "is not a package name" }]);
  const found = (await operations.packages()).find((row) => row.name === name);
  if (!found) throw new Refusal("PKG_NOT_FOUND", `The package ${name} is not installed on this host.`);
  return ok(found);
};

const patches: Handler = async ({ operations, query, if_none_match }) => {
  const text = query.get("max_index_age");
  const age = text === null ? undefined : /^\d{1,8}$/.test(text) ? Number(text) : NaN;
  if (age !== undefined && !(age <= MAX_AGE)) {
    throw invalid([{ field: "max_index_age", problem: `is not a whole number of seconds from 0 to ${MAX_AGE}` }]);
  }
  const data = await operations.patches(age === undefined ? {} : { max_index_age_seconds: age });
  const { index_age_seconds, ...content } = data;
  // The age grows by itself, so it is in no tag; who gets a 304 still learns it from this header.
  const headers: Record<string, string> = typeof index_age_seconds === "number"
    ? { "x-index-age-seconds": String(Math.floor(index_age_seconds)) }
    : {};
  return answerTagged(data, content, if_none_match, headers);
};

const apply: Handler = async ({ operations, body, clock }) => {
  const parsed = ApplyRequest.safeParse(body === undefined ? {} : body);
  if (!parsed.success) throw invalid(problemsOf(parsed.error));
  const job = await operations.start(readOrder(parsed.data, clock));
  // The contract knows one status of an accepted order; only a repeated one, whose job has ended, differs.
  const status = job.status === "running" ? "pending" : job.status;
  return { status: 202, data: { job_id: job.job_id, status, operation: job.operation } };
};

const jobs: Handler = async ({ operations, query }) => {
  const text = query.get("limit");
  const limit = text === null ? 200 : /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > 200) throw invalid([{ field: "limit", problem: "is not a whole number from 1 to 200" }]);
  const all = await operations.jobs();
  return ok({ jobs: all.slice(0, limit).map((job) => wireJob(job, "listed")), total: all.length });
};

const oneJob: Handler = async ({ operations, name }) => {
  const job = await operations.job(jobId(name));
  if (!job) throw noSuchJob();
  return ok(wireJob(job, "full"));
};

const removeJob: Handler = async ({ operations, name }) => {
  await operations.remove(jobId(name));
  return ok({ job_id: name, deleted: true });
};

const cancelJob: Handler = async ({ operations, name }) => {
  const job = await operations.cancel(jobId(name));
  return { status: 202, data: { job_id: job.job_id, status: job.status, operation: job.operation } };
};

const rollBackJob: Handler = async ({ operations, name }) => {
  if (!await operations.job(jobId(name))) throw noSuchJob();
  throw new Refusal(
    "ROLLBACK_NOT_ALLOWED",
    "This agent does not roll back jobs yet. Install the former versions by hand where they are still available.",
  );
};

/**
 * REBOOT_BLOCKED would say "wait until the jobs have ended and ask again", which is not true of an agent that cannot
 * restart on request at all; so the address is not there, as on any agent without it.
 */
const reboot: Handler = () => {
  throw new Refusal("NOT_FOUND", "This agent does not restart its host on request. Nothing was done.");
};

const service: Handler = () => {
  throw new Refusal("NOT_FOUND", "This agent does not report single services.");
};

const events: Handler = () => {
  throw invalid([{
    field: "",
    problem: "This address speaks WebSocket (RFC 6455); poll GET /api/v1/jobs/{id} instead",
  }]);
};

/** Everything the agent answers, in one place. */
export const routes: readonly Route[] = [
  { pattern: "/health", methods: { GET: health } },
  { pattern: "/api/v1/health", methods: { GET: health } },
  { pattern: "/api/v1/system/info", methods: { GET: systemInfo } },
  { pattern: "/api/v1/system/reboot", methods: { POST: reboot } },
  { pattern: "/api/v1/system/services/{}", methods: { GET: service } },
  { pattern: "/api/v1/packages", methods: { GET: packages } },
  { pattern: "/api/v1/packages/{}", methods: { GET: onePackage } },
  { pattern: "/api/v1/patches", methods: { GET: patches } },
  { pattern: "/api/v1/patches/apply", methods: { POST: apply } },
  { pattern: "/api/v1/jobs", methods: { GET: jobs } },
  { pattern: "/api/v1/jobs/{}", methods: { GET: oneJob, DELETE: removeJob } },
  { pattern: "/api/v1/jobs/{}/cancel", methods: { POST: cancelJob } },
  { pattern: "/api/v1/jobs/{}/rollback", methods: { POST: rollBackJob } },
  { pattern: "/api/v1/ws/jobs", methods: { GET: events } },
];

const table = routes.map((route) => ({ route, segments: route.pattern.split("/") }));

/** The route of a path, with the decoded segment in place of `{}`; null when there is none. */
export function matchRoute(path: string): { route: Route; name: string } | null {
  const parts = path.split("/");
  for (const { route, segments } of table) {
    if (segments.length !== parts.length) continue;
    if (!segments.every((segment, i) => segment === "{}" ? parts[i] !== "" : segment === parts[i])) continue;
    const place = segments.indexOf("{}");
    const name = place < 0 ? "" : decode(parts[place]);
    return name === null ? null : { route, name };
  }
  return null;
}

/** Every problem that a schema found, by field. */
function problemsOf(error: z.ZodError): FieldProblem[] {
  return error.issues.slice(0, 100).map((issue) => ({
    field: issue.path.map(String).join(".").slice(0, 300),
    problem: issue.message,
  }));
}

function ok(data: unknown): Answer {
  return { status: 200, data };
}

function jobId(name: string): string {
  if (!isUuid(name)) throw new Refusal("INVALID_JOB_ID", "The job id is not a UUID.");
  return name.toLowerCase();
}

function noSuchJob(): Refusal {
  return new Refusal("JOB_NOT_FOUND", "This host has no such job; an old one may have been forgotten.");
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
