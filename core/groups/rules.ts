import type { z } from "zod";
import type { Tx } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { appendEvent } from "../live/append_event.ts";
import { MAX_MEMBERS, type MemberKind } from "./types.ts";

/** @throws AppError validation_failed with every problem */
export function readOrder<S extends z.ZodType>(schema: S, order: unknown): z.output<S> {
  const read = schema.safeParse(order);
  if (read.success) return read.data;
  throw new AppError("validation_failed", {
    details: read.error.issues.map(({ path, message }) => {
      const field = path.join(".");
      return { field, problem: field === "name" ? `The name ${message}.` : message };
    }),
  });
}

/**
 * Ids of members, or of groups to be a member of, each once.
 * @throws AppError validation_failed for too many or for what is no id
 */
export function readIds(kind: MemberKind | "groups", ids: string[]): string[] {
  const field = ({ hosts: "host_ids", users: "user_ids", groups: "group_ids" } as const)[kind];
  if (ids.length > MAX_MEMBERS) {
    const problem = `At most ${MAX_MEMBERS.toLocaleString("en")} ${kind} can be changed at once.`;
    throw new AppError("validation_failed", { message: problem, details: [{ field, problem }] });
  }
  const wrong = ids.findIndex((id) => !isUuid(id));
  if (wrong !== -1) {
    throw new AppError("validation_failed", { details: [{ field: `${field}.${wrong}`, problem: "is not an id" }] });
  }
  return [...new Set(ids.map((id) => id.toLowerCase()))];
}

/**
 * Tells open lists that who sees which host has changed. It names nothing: whoever hears it reads what is theirs now.
 */
export function tellOfGroups(tx: Tx): Promise<void> {
  return appendEvent(tx, { topic: "hosts", kind: "groups", data: {} });
}
