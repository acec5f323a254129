import { z } from "zod";
import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { WALL_DAYS } from "./rules.ts";
import { insertNewSession } from "./sessions.ts";
import { findSessionById, revokeSessions } from "./session_store.ts";
import { holdUser } from "./store.ts";
import type { Client, OpenedSession, Viewer } from "./types.ts";

export const WallScreen = z.strictObject({
  name: z.string().trim().min(1, "is empty").max(100, "is longer than 100 characters")
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, "has characters that cannot be seen"),
});
export type WallScreen = z.infer<typeof WallScreen>;

/**
 * Turns the present browser into a wall screen: its session ends, and one takes its place that shows the dashboard of
 * this user for 30 days, used or not, without any right to act. No token travels anywhere else, so there is no link to
 * lose.
 *
 * @throws AppError session_expired when the present session has ended meanwhile, forbidden for what is no browser's
 */
export async function openWallScreen(
  sql: Sql,
  viewer: Viewer,
  { name }: WallScreen,
  client: Client,
  context: Context,
): Promise<OpenedSession> {
  if (viewer.session_kind !== "browser" || viewer.token) throw new AppError("forbidden");
  const { clock } = context;
  return await transaction(sql, async (tx) => {
    await holdUser(tx, viewer.id);
    const old = await findSessionById(tx, viewer.session_id);
    if (!old || old.revoked || old.disabled || old.stage !== "full") throw new AppError("session_expired");
    const user = { ...old, id: old.user_id };
    const opened = await insertNewSession(tx, user, "wall", client, clock, {
      stage: "full",
      methods: old.methods,
      name,
      authenticated_at: old.reauthenticated_at,
      expires_at: clock.now().add({ hours: WALL_DAYS * 24 }),
    });
    const why = "its browser became a wall screen";
    const ended = await revokeSessions(tx, { id: old.id }, why, clock.now(), opened.session_id);
    if (ended.length === 0) throw new AppError("session_expired");
    await appendFor(tx, context, {
      action: "session.open_wall",
      object: { kind: "user", id: viewer.id, name: viewer.username },
      outcome: "success",
      details: { session: opened.session_id, name, expires_at: opened.expires_at.toString(), ended },
    });
    return opened;
  });
}
