import { z } from "zod";
import { CASELESS_COLLATION } from "../database/connection.ts";
import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import type { Fragment } from "./scope.ts";

/** One page of a list. `next` is opaque: it comes back as `cursor` for the page after this one; null ends the list. */
export interface Page<T> {
  items: T[];
  next: string | null;
  /** Of the whole list with its filters, not of the page. */
  total: number;
}

/** The place in an ordered list after which a page begins: the key of the order, then the id. */
const Position = z.tuple([z.string().max(64), z.string().max(2000), z.string().max(2000)]);

/**
 * Reads a cursor.
 * @param order name of the list's order: a cursor of another order would jump anywhere
 * @throws AppError bad_request when it is not one of ours
 */
export function readCursor(cursor: string | null | undefined, order: string): { key: string; id: string } | null {
  if (cursor === null || cursor === undefined || cursor === "") return null;
  try {
    if (cursor.length > 8000) throw new RangeError("too long");
    const bytes = Uint8Array.fromBase64(cursor, { alphabet: "base64url" });
    const [of, key, id] = Position.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
    if (of !== order || key.includes("\u0000") || id.includes("\u0000")) throw new RangeError("of another list");
    return { key, id };
  } catch (cause) {
    throw new AppError("bad_request", {
      message: "The cursor does not belong to this list.",
      hint: "Begin again without cursor, and use `next` of each answer as it is.",
      cause,
    });
  }
}

/** A page from rows that were read with one more than `limit`, each with its key and id. */
export function makePage<R extends { key: string; id: string }, T>(
  rows: R[],
  limit: number,
  order: string,
  total: number,
  item: (row: R) => T,
): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const next = rows.length > limit && last ? writeCursor(order, last.key, last.id) : null;
  return { items: kept.map(item), next, total };
}

function writeCursor(order: string, key: string, id: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify([order, key, id]));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A page's size: 1 to `most`, else an error. */
export function readLimit(limit: number | undefined, usual: number, most: number): number {
  if (limit === undefined) return usual;
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  const problem = `The page size is a whole number from 1 to ${most}.`;
  throw new AppError("validation_failed", { message: problem, details: [{ field: "limit", problem }] });
}

/** A pattern for `ilike` that finds the text anywhere, every character as itself. */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, "\\$&")}%`;
}

/**
 * A text whose capitals are those of Unicode, as JavaScript knows them. `lower` and `ilike` alone follow the locale of
 * the database, which in C, that of the embedded one, knows A to Z only: "ŻÓŁW" would not find "żółw". PostgreSQL 16 has
 * this collation unless it was built without ICU, which `connect` refuses; it depends on no locale of the machine.
 */
export function caseless(db: Db, text: Fragment): Fragment {
  return db`(${text}) collate ${db(CASELESS_COLLATION)}`;
}

/**
 * What a caller sent, checked.
 * @throws AppError validation_failed with every problem
 */
export function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw new AppError("validation_failed", {
    details: read.error.issues.map((issue) => ({ field: issue.path.join("."), problem: issue.message })),
  });
}
