import { unavailable } from "../core/database/connection.ts";
import { codeOf } from "../core/database/failure.ts";
import { AgentError } from "./agent_error.ts";

/**
 * True for what passes by itself: other hosts' large answers come first, or the database is away, busy, or rolled back
 * because of others (SQLSTATE classes 08, 40, 53, 55, 57 and 58; PostgreSQL 17, appendix A). Then no row is to blame.
 */
export function isPassing(error: unknown): boolean {
  if (error instanceof AgentError) return error.kind === "busy";
  return unavailable(error) !== null || /^(08|40|53|55|57|58)/.test(codeOf(error));
}
