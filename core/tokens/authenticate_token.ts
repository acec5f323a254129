import { appendAudit } from "../audit/append_audit.ts";
import type { Viewer } from "../auth/types.ts";
import type { Clock } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { sha256 } from "../ids.ts";
import type { RefusalLimit } from "./refusal_limit.ts";
import { findToken, type StoredToken, touchToken } from "./store.ts";
import { TOKEN_FORM, TOKEN_PREFIX, type TokenRefusal } from "./types.ts";

/** The use of a token is written down at most this often, in seconds. */
const TOUCH_SECONDS = 60;

/** True for what claims to be an API token; everything else is a session's. */
export function looksLikeToken(text: string): boolean {
  return text.startsWith(TOKEN_PREFIX);
}

/**
 * Who a token stands for: its maker, as they are at this moment, with the token's scopes and groups. Nothing is kept in
 * memory, so what was taken from token or maker counts for the next request.
 *
 * A token that is no good leaves one row in the audit log, until the same address has brought so many that it has to
 * wait. A good one is never kept waiting: a stranger must not be able to stop somebody else's work.
 *
 * @throws AppError token_refused, in the same words whatever is wrong; too_many_requests
 */
export async function authenticateToken(
  sql: Sql,
  token: string,
  from: { address: string | null; request_id: string | null },
  limit: RefusalLimit,
  clock: Clock,
): Promise<Viewer> {
  const found = TOKEN_FORM.test(token) ? await findToken(sql, await sha256(token), from.address) : null;
  const now = clock.now();
  const why = problemOf(found, now);
  if (found === null || why !== null) return await refuse(sql, found, why ?? "unknown", from, limit, clock);
  const before = now.subtract({ seconds: TOUCH_SECONDS });
  if (found.last_used_at === null || Temporal.Instant.compare(found.last_used_at, before) < 0) {
    await touchToken(sql, found.id, now, from.address, before);
  }
  return viewerOf(found, now);
}

function problemOf(found: StoredToken | null, now: Temporal.Instant): TokenRefusal | null {
  if (!found) return "unknown";
  if (found.revoked) return "revoked";
  if (Temporal.Instant.compare(found.expires_at, now) <= 0) return "expired";
  if (found.disabled) return "maker_disabled";
  return found.from_here ? null : "foreign_address";
}

async function refuse(
  sql: Sql,
  found: StoredToken | null,
  why: TokenRefusal,
  { address, request_id }: { address: string | null; request_id: string | null },
  limit: RefusalLimit,
  clock: Clock,
): Promise<never> {
  const wait = limit.secondsBlocked(address);
  if (wait > 0) {
    throw new AppError("too_many_requests", {
      message: "Too many API tokens that are not accepted came from your address.",
      hint: `Correct the token, or wait ${wait} seconds.`,
      details: [{ field: "retry_after_seconds", problem: String(wait) }],
    });
  }
  const pause_seconds = limit.note(address);
  await appendAudit(sql, {
    actor: { kind: "anonymous" },
    address,
    request_id,
    action: "api_token.use",
    object: found && { kind: "api_token", id: found.id, name: found.name },
    outcome: "failure",
    details: { why, pause_seconds, ...(found ? { user_id: found.user_id, username: found.username } : {}) },
  }, clock);
  throw new AppError("token_refused");
}

function viewerOf(token: StoredToken, now: Temporal.Instant): Viewer {
  return {
    id: token.user_id,
    username: token.username,
    display_name: token.display_name,
    role: token.role,
    // No session stands behind it: this id finds none.
    session_id: token.id,
    session_kind: "api",
    // Where its maker could go nowhere before a new password or factor, neither can the token.
    must_change_password: token.must_change,
    stage: token.has_factor ? "full" : "enrol",
    authenticated_at: now,
    sees: token.id,
    token: { id: token.id, name: token.name, scopes: token.scopes, limited: token.limited },
  };
}
