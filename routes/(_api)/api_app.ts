import { OpenAPIHono, z } from "@hono/zod-openapi";
import { AppError, type Problem } from "../../core/errors.ts";
import { isUuid } from "../../core/ids.ts";
import type { ApiEnv } from "../../web/mod.ts";
import type { State } from "../(_role)/state.ts";

/** Hono's environment of every API file. */
export type Env = ApiEnv<State>;

/** An API file's application: input that its schemas refuse becomes our envelope, every problem at once. */
export function apiApp(): OpenAPIHono<Env> {
  return new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw new AppError("validation_failed", { details: problemsOf(result.error) });
    },
  });
}

/** The problems of a schema, with the sender's own names. */
export function problemsOf(error: { issues: readonly z.core.$ZodIssue[] }): Problem[] {
  return error.issues.slice(0, 50).flatMap((issue): Problem[] => {
    const field = issue.path.join(".") || "body";
    if (issue.code === "unrecognized_keys") {
      return issue.keys.slice(0, 20).map((key) => ({
        field: [...issue.path, key].join("."),
        problem: "There is no such field.",
        hint: "Remove it, or check its spelling.",
      }));
    }
    return [{ field, problem: sentence(issue.message) }];
  });
}

function sentence(words: string): string {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** The body of every refusal, for the API description. */
export const ErrorEnvelope = z.object({
  error: z.object({
    code: z.string().openapi({ example: "host_not_found", description: "Never renamed." }),
    message: z.string().openapi({ description: "What is, in words." }),
    hint: z.string().openapi({ description: "What to do about it." }),
    request_id: z.string().openapi({ description: "ULID, also in X-Request-Id and in the log." }),
    details: z.array(z.object({ field: z.string(), problem: z.string(), hint: z.string().optional() })),
  }),
}).openapi("Error");

const refusals: Record<number, string> = {
  400: "The request is not as described; details name every field.",
  401: "Nobody is signed in, or the session has ended.",
  403: "The caller's role does not allow this.",
  404: "There is no such thing, or it is out of the caller's scope.",
  409: "It does not fit the present state.",
  413: "The request is too large.",
  422: "It is understood, but cannot be done.",
  429: "Too many attempts; Retry-After says how long to wait.",
};

/** Response entries for an operation: its answer, and the refusals it can give, all in one envelope. */
export function answers<S extends z.ZodType, Status extends number, Refusal extends number>(
  status: Status,
  schema: S,
  description: string,
  refused: Refusal[],
) {
  const json = <T extends z.ZodType>(schema: T, description: string) => ({
    description,
    content: { "application/json": { schema } },
  });
  const entries = refused.map((code) => [code, json(ErrorEnvelope, refusals[code])]);
  return { [status]: json(schema, description), ...Object.fromEntries(entries) } as
    & { [K in Status]: { description: string; content: { "application/json": { schema: S } } } }
    & { [K in Refusal]: { description: string; content: { "application/json": { schema: typeof ErrorEnvelope } } } };
}

/** A JSON body that must be there. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return { body: { required: true, content: { "application/json": { schema } } } } as const;
}

/** `{id}` of a path. What is no UUID cannot name anything of ours, so it is refused before SQL. */
export const IdParam = z.object({
  id: z.string().refine(isUuid, "is not an id (a UUID)").openapi({ param: { name: "id", in: "path" }, format: "uuid" }),
});

/** An instant on the wire: RFC 3339 with Z. */
export const Instant = z.string().openapi({ format: "date-time", example: "2026-11-20T10:00:00.000Z" });
