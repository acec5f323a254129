import type { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { isUuid } from "../../core/ids.ts";
import type { HostOperations } from "../host_operations.ts";
import type { CertificateKeeper } from "../renewal.ts";
import { type Answer, type FieldProblem, invalid, Refusal } from "./answer.ts";
import type { HealthReport } from "./health.ts";

/** One request after its body was read within its limits. */
export interface Call {
  operations: HostOperations;
  health: HealthReport;
  /** Null where the certificate cannot be changed from outside. */
  certificates: CertificateKeeper | null;
  clock: Clock;
  query: URLSearchParams;
  /** What stood in the place of `{}` in the pattern, decoded; empty when the pattern has none. */
  name: string;
  /** The parsed JSON body; undefined when there was none. */
  body: unknown;
  if_none_match: string | undefined;
}

export type Handler = (call: Call) => Promise<Answer>;

export function ok(data: unknown): Answer {
  return { status: 200, data };
}

/** The body by its schema; a missing one counts as an empty object. @throws Refusal that names every problem */
export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body === undefined ? {} : body);
  if (!parsed.success) throw invalid(problemsOf(parsed.error));
  return parsed.data;
}

/** @throws Refusal INVALID_JOB_ID */
export function jobId(name: string): string {
  if (!isUuid(name)) throw new Refusal("INVALID_JOB_ID", "The job id is not a UUID.");
  return name.toLowerCase();
}

export function noSuchJob(): Refusal {
  return new Refusal("JOB_NOT_FOUND", "This host has no such job; an old one may have been forgotten.");
}

/** Every problem that a schema found, by field. */
function problemsOf(error: z.ZodError): FieldProblem[] {
  return error.issues.slice(0, 100).map((issue) => ({
    field: issue.path.map(String).join(".").slice(0, 300),
    problem: issue.message,
  }));
}
