import type { Sql } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { secretToken, sha256 } from "../ids.ts";
import { burnTicket, insertTicket } from "./store.ts";

/** Seconds that a ticket is good for (specification, section 14). */
export const TICKET_SECONDS = 60;

/**
 * A ticket for one WebSocket of this session: the one secret that may stand in a URL, so it works once, for a minute.
 * @returns 43 characters of base64url; only its hash is stored.
 */
export async function issueTicket(sql: Sql, session: { session_id: string; user_id: string }): Promise<string> {
  const ticket = secretToken();
  await insertTicket(sql, { ...session, hash: await sha256(ticket), seconds: TICKET_SECONDS });
  return ticket;
}

/**
 * Takes a ticket in exchange for what it stands for; it is worthless from then on.
 * @throws AppError ticket_refused: unknown, used, expired, or its session or user is no longer good. One code for
 *   all, so that nobody learns which.
 */
export async function redeemTicket(sql: Sql, ticket: string): Promise<{ session_id: string; user_id: string }> {
  const found = /^[A-Za-z0-9_-]{43}$/.test(ticket) ? await burnTicket(sql, await sha256(ticket)) : null;
  if (!found) throw new AppError("ticket_refused");
  return found;
}
