import { OpenAPIHono, z } from "@hono/zod-openapi";
import { AppError, type Problem } from "../../core/errors.ts";
import { isUuid } from "../../core/ids.ts";
import type { ApiEnv } from "../../web/mod.ts";
import type { State } from "../(_role)/state.ts";
import { wire } from "../../core/wire.ts";
import { readBody } from "./read_body.ts";

/** Hono's environment of every API file. */
export type Env = ApiEnv<State>;

/**
 * An API file's application: input that its schemas refuse becomes our envelope, every problem at once. Bodies are
 * read within limits, after the caller was let in and before anything parses them.
 */
export function apiApp(): OpenAPIHono<Env> {
  const app = new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw new AppError("validation_failed", { details: problemsOf(result.error) });
    },
  });
  const { openapi } = app;
  app.openapi = ((route: { request?: { body?: { required?: boolean } } }, handler: never, hook: never) => {
    const body = route.request?.body;
    return openapi(
      { ...route, ...(body ? { middleware: [readBody(body.required === true)] } : {}) } as never,
      handler,
      hook,
    );
  }) as typeof openapi;
  return app;
}

/**
 * An answer's body: a read model with instants as text, held against what the API description promises. Members that
 * the description does not know are left out, so a column that is added inside does not leak.
 * @throws AppError internal when a promised member is missing or of another type
 */
export function answer<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const checked = schema.safeParse(wire(value));
  if (checked.success) return checked.data;
  const words = checked.error.issues.slice(0, 5).map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  throw new AppError("internal", { cause: new Error(`the answer is not as described: ${words}`) });
}

/** A list's body: `next` is the cursor of the page after this one, null at the end; `total` counts the whole list. */
export function listOf<S extends z.ZodType>(item: S) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().openapi({ description: "Send it as `cursor` for the next page; null at the end." }),
    total: z.int().openapi({ description: "Of the whole list with its filters." }),
  });
}

/** A list that is never long enough for a second page. */
export function wholeList<T>(items: T[]): { items: T[]; next: null; total: number } {
  return { items, next: null, total: items.length };
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

/** What a refusal of a status means, for the API description. */
export const refusalWords: Record<number, string> = {
  400: "The request is not as described; details name every field.",
  401: "Nobody is signed in, or the session has ended.",
  403: "The caller may not do this, or not yet.",
  404: "There is no such thing, or it is out of the caller's scope.",
  409: "It does not fit the present state.",
  413: "The request is too large.",
  415: "The body is not JSON.",
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
  const entries = refused.map((code) => [code, json(ErrorEnvelope, refusalWords[code])]);
  const others = json(ErrorEnvelope, "Any other refusal, in the same envelope.");
  return { [status]: json(schema, description), ...Object.fromEntries(entries), default: others } as unknown as
    & { [K in Status]: { description: string; content: { "application/json": { schema: S } } } }
    & { [K in Refusal]: { description: string; content: { "application/json": { schema: typeof ErrorEnvelope } } } };
}

/** A text to download, or a refusal. */
export function download(type: string, description: string, refused: number[]) {
  const error = { "application/json": { schema: ErrorEnvelope } };
  return {
    200: { description, content: { [type]: { schema: z.string() } } },
    ...Object.fromEntries(refused.map((code) => [code, { description: refusalWords[code], content: error }])),
    default: { description: "Any other refusal, in the same envelope.", content: error },
  };
}

/** A JSON body that may be left out: `c.req.valid("json")` is `{}` then, without the schema's defaults. */
export function optionalJsonBody<S extends z.ZodType>(schema: S) {
  return { body: { required: false, content: { "application/json": { schema } } } } as const;
}

/** A JSON body that must be there. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return { body: { required: true, content: { "application/json": { schema } } } } as const;
}

/** An id in a path. What is no UUID cannot name anything of ours, so it is refused before SQL. */
export const Id = (name: string) =>
  z.string().refine(isUuid, "is not an id (a UUID)").openapi({ param: { name, in: "path" }, format: "uuid" });

/** `{id}` of a path. */
export const IdParam = z.object({ id: Id("id") });

/** An instant on the wire: RFC 3339 with Z. */
export const Instant = z.string().openapi({ format: "date-time", example: "2026-11-20T10:00:00.000Z" });
