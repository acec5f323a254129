import type { z } from "zod";
import type { Context } from "../audit/types.ts";
import { AppError } from "../errors.ts";
import type { Account } from "./types.ts";

const NAMES: Record<string, string> = {
  username: "The user name",
  display_name: "The name",
  email: "The address",
  role: "The role",
};

/** @throws AppError validation_failed with every problem */
export function readOrder<S extends z.ZodType>(schema: S, order: unknown): z.output<S> {
  const read = schema.safeParse(order);
  if (read.success) return read.data;
  throw new AppError("validation_failed", {
    details: read.error.issues.map(({ path, message }) => {
      const field = path.join(".");
      return { field, problem: NAMES[field] ? `${NAMES[field]} ${message}.` : message };
    }),
  });
}

/** @throws AppError own_account when somebody is about to do this to themselves */
export function refuseOwn(context: Context, user: Account, hint: string): void {
  if (context.actor.kind === "user" && context.actor.id === user.id) throw new AppError("own_account", { hint });
}

/**
 * Of an enabled admin: somebody else must be left who can manage users.
 * @param others how many other enabled admins there are
 * @throws AppError last_admin
 */
export function refuseLastAdmin(user: Account, others: number): void {
  if (user.role === "admin" && user.disabled_at === null && others === 0) throw new AppError("last_admin");
}

/**
 * Whoever could make an admin with an API token could do everything with it, whatever its scopes say.
 * @throws AppError token_not_allowed
 */
export function refuseAdminByToken({ token }: Context): void {
  if (token) {
    throw new AppError("token_not_allowed", {
      message: "An API token makes nobody an admin.",
      hint: "Sign in and do it there.",
    });
  }
}

/** What a change makes different, for the audit log; empty objects when nothing is. */
export function changedFields<T extends object>(before: T, after: T): { before: Partial<T>; after: Partial<T> } {
  const keys = (Object.keys(after) as (keyof T)[]).filter((key) => before[key] !== after[key]);
  const only = (from: T) => Object.fromEntries(keys.map((key) => [key, from[key]])) as Partial<T>;
  return { before: only(before), after: only(after) };
}
