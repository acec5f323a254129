import { z } from "zod";
import { AppError } from "../errors.ts";

/**
 * All rows of a query, each checked by the schema: a column that changed its type is found where it enters.
 * @throws AppError internal when a row is not as expected.
 */
export async function many<S extends z.ZodType>(
  schema: S,
  query: PromiseLike<readonly unknown[]>,
): Promise<z.output<S>[]> {
  const parsed = z.array(schema).safeParse([...await query]);
  if (parsed.success) return parsed.data;
  throw new AppError("internal", { cause: new Error(`rows are not as expected: ${words(parsed.error)}`) });
}

/**
 * The one row that must be there (`insert … returning`, `count(*)`).
 * @throws AppError internal when there is none, or more than one.
 */
export async function one<S extends z.ZodType>(
  schema: S,
  query: PromiseLike<readonly unknown[]>,
): Promise<z.output<S>> {
  const rows = await many(schema, query);
  if (rows.length === 1) return rows[0];
  throw new AppError("internal", { cause: new Error(`expected one row, got ${rows.length}`) });
}

/**
 * The row, or null when there is none.
 * @throws AppError internal when there is more than one.
 */
export async function maybe<S extends z.ZodType>(
  schema: S,
  query: PromiseLike<readonly unknown[]>,
): Promise<z.output<S> | null> {
  const rows = await many(schema, query);
  if (rows.length <= 1) return rows[0] ?? null;
  throw new AppError("internal", { cause: new Error(`expected at most one row, got ${rows.length}`) });
}

/** Path and problem only; a value could be a secret. */
function words(error: z.ZodError): string {
  return error.issues.slice(0, 5).map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
}
