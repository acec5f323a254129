import type { Sql } from "../database/connection.ts";
import { type Account } from "./types.ts";
import { tracesOf } from "./store.ts";

/** What would keep a user from being removed, in words with numbers ("3 jobs"); empty when nothing names them. */
export function whatKeepsUser(sql: Sql, user: Pick<Account, "id" | "username">): Promise<string[]> {
  return tracesOf(sql, user);
}
