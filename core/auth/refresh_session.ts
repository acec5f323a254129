import { appendAudit } from "../audit/append_audit.ts";
import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { secretToken, sha256 } from "../ids.ts";
import { idleEnd, idleMinutes, isOver } from "./idle_time.ts";
import { PREVIOUS_TOKEN_SECONDS } from "./rules.ts";
import type { Sealer } from "./sealer.ts";
import { viewerOf } from "./sessions.ts";
import * as store from "./session_store.ts";
import type { OpenedSession, SessionKind, Viewer } from "./types.ts";

/** Where a token came from, for the audit log. */
export interface TokenOrigin {
  address: string | null;
  request_id: string | null;
  /** False for what a page asks for by itself: that keeps no session alive. */
  attended?: boolean;
}

/** What came of a refresh token. */
export type Refreshed =
  | { viewer: Viewer; /** What to hand out; null when the client has it already. */ opened: OpenedSession | null }
  | { viewer: null; opened: null; why: "unknown" | "expired" | "revoked" | "reused" };

/** Why sessions ended, in the words of the audit log; whoever comes with a token of one of them is told. */
const REUSED = "an old token was used again";

type Refusal = Extract<Refreshed, { viewer: null }>;

/**
 * Takes a refresh token and hands out the next one. The token before is still good
 *
 * - for 30 s: tabs of one browser ask at the same moment, and share what comes of it;
 * - for as long as nobody was seen with its successor: an answer that was lost on the way, or that the browser gave up
 *   on, would otherwise sign an honest person out. They are handed the same successor again, so that there are never
 *   two that are good.
 *
 * Brought after that, or older still, it was copied: the whole family of sessions ends, with a row in the audit log
 * that says where the old token came from. Whoever comes later with a token of one of those sessions is told the same.
 *
 * @param kinds what the session may be: a browser's token is no API client's
 */
export async function refreshSession(
  { sql, sealer, clock }: { sql: Sql; sealer: Sealer; clock: Clock },
  token: string,
  kinds: readonly SessionKind[],
  origin: TokenOrigin,
): Promise<Refreshed> {
  if (!/^[A-Za-z0-9_-]{43}$/.test(token)) return refused("unknown");
  const hash = await sha256(token);
  const idle_minutes = await idleMinutes(sql);
  for (;;) {
    const known = await store.findSession(sql, hash);
    const session = known ?? await store.findSpent(sql, hash);
    if (!session || !kinds.includes(session.kind) || session.disabled) return refused("unknown");
    if (session.revoked) return refused(session.revoked_reason === REUSED ? "reused" : "revoked");
    const now = clock.now();
    if (isOver(session, idle_minutes, now)) return refused("expired");
    const { attended = true } = origin;
    const last_used_at = attended ? now : session.last_used_at;
    const idle_until = idleEnd({ ...session, last_used_at }, idle_minutes);
    const open = (token: string, rotation: number): Refreshed => {
      const viewer = viewerOf(session);
      const { id, expires_at } = session;
      return { viewer, opened: { token, rotation, session_id: id, expires_at, idle_until, viewer } };
    };
    if (session.is_current) {
      const next = secretToken();
      const sealed = await sealer.seal(new TextEncoder().encode(next), purpose(session.id));
      const tokens = { from: hash, to: await sha256(next), sealed };
      const rotation = await store.rotateToken(sql, session.id, tokens, now, { last_used_at, idle_until });
      if (rotation !== null) return open(next, rotation);
      // Another request of the same client was faster, so ours is now the token before.
      continue;
    }
    const unseen = known && session.sealed_token && await sealer.open(session.sealed_token, purpose(session.id));
    if (unseen) {
      if (attended) await store.touchSession(sql, session.id, now, idle_minutes);
      return open(new TextDecoder().decode(unseen), session.rotation);
    }
    if (known && now.since(session.rotated_at).total("seconds") <= PREVIOUS_TOKEN_SECONDS) {
      return { viewer: viewerOf(session), opened: null };
    }
    await endFamily(sql, session, origin, clock);
    return refused("reused");
  }
}

const purpose = (session_id: string) => `refresh-token:${session_id}`;

function refused(why: Refusal["why"]): Refusal {
  return { viewer: null, opened: null, why };
}

/** Whoever brings the old token may be its owner or a thief, so the row names neither as the one who acted. */
function endFamily(sql: Sql, session: store.StoredSession, origin: TokenOrigin, clock: Clock): Promise<void> {
  return transaction(sql, async (tx) => {
    const ended = await store.revokeSessions(tx, { family: session.family }, REUSED, clock.now());
    // Of two requests that bring it at once one ends the family.
    if (ended.length === 0) return;
    await appendAudit(tx, {
      actor: { kind: "anonymous" },
      address: origin.address,
      request_id: origin.request_id,
      action: "session.revoke",
      object: { kind: "user", id: session.user_id, name: session.username },
      outcome: "denied",
      details: { sessions: ended, reason: REUSED },
    }, clock);
  });
}
