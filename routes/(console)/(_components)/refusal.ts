import { AppError } from "../../../core/errors.ts";

/** Why a form was not taken, for the page that shows it again with what was typed. */
export interface Refusal {
  status: number;
  title: string;
  hint: string;
  /** What is wrong with which field, and what to do. */
  fields: Record<string, string>;
}

/**
 * The words of a refusal. What is our own fault, or hides that something exists, is thrown on; so is that somebody has
 * to confirm who they are, which has a page of its own.
 */
export function refusalOf(thrown: unknown): Refusal {
  if (!(thrown instanceof AppError) || thrown.status >= 500 || thrown.status === 404) throw thrown;
  if (thrown.code === "confirmation_required") throw thrown;
  const fields: Record<string, string> = {};
  for (const { field, problem, hint } of thrown.details) fields[field] ??= hint ? `${problem} ${hint}` : problem;
  return { status: thrown.status, title: thrown.message, hint: thrown.hint, fields };
}
