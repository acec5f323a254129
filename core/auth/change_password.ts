import { z } from "zod";
import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { tooManyAttempts } from "./attempts.ts";
import type { Blocklist } from "./blocklist.ts";
import { endAccessOf } from "./end_access.ts";
import { orRefused } from "./full_queue.ts";
import { INSIDE } from "./hash_queue.ts";
import { hashPassword } from "./password.ts";
import { passwordProblems } from "./password_rules.ts";
import { provePassword } from "./prove_password.ts";
import { renewSession } from "./renew_session.ts";
import { holdUser, savePassword } from "./store.ts";
import { forgiveProofs, isFirstProofRefusal } from "./throttle.ts";
import type { Client, OpenedSession, Viewer } from "./types.ts";

export const PasswordChange = z.strictObject({
  current_password: z.string().min(1, "is empty").max(1024, "is longer than 1,024 characters"),
  new_password: z.string().min(1, "is empty").max(1024, "is longer than 1,024 characters"),
});
export type PasswordChange = z.infer<typeof PasswordChange>;

/**
 * Replaces the viewer's own password and ends all their sessions and API tokens: whoever knew the old one is out. The
 * viewer goes on in a new session.
 *
 * @throws AppError validation_failed (the present one does not fit), password_weak, too_many_requests
 */
export async function changePassword(
  sql: Sql,
  blocklist: Blocklist,
  viewer: Viewer,
  change: PasswordChange,
  client: Client,
  context: Context,
): Promise<{ ended_sessions: number; ended_tokens: number; opened: OpenedSession }> {
  const { clock } = context;
  const object = { kind: "user", id: viewer.id, name: viewer.username };
  const refuse = async (wait_seconds: number) => {
    await transaction(sql, async (tx) => {
      if (!await isFirstProofRefusal(tx, viewer.id)) return;
      await appendFor(tx, context, {
        action: "auth.change_password",
        object,
        outcome: "denied",
        details: { wait_seconds },
      });
    });
    throw tooManyAttempts(wait_seconds);
  };
  const hashing = <T>(work: () => Promise<T>) =>
    orRefused(sql, INSIDE, { action: "auth.change_password", object }, context, work);
  const fits = await hashing(() => provePassword(sql, viewer, change.current_password, clock, refuse));
  if (!fits) {
    await appendFor(sql, context, { action: "auth.change_password", object, outcome: "failure" });
    throw new AppError("validation_failed", {
      details: [{ field: "current_password", problem: "It is not your present password.", hint: "Type it again." }],
    });
  }
  await forgiveProofs(sql, viewer.id);
  const problems = await passwordProblems(change.new_password, viewer, blocklist);
  if (change.new_password.normalize("NFKC") === change.current_password.normalize("NFKC")) {
    problems.push({ field: "new_password", problem: "It is the present password.", hint: "Choose a different one." });
  }
  if (problems.length > 0) throw new AppError("password_weak", { details: problems });
  const hash = await hashing(() => hashPassword(change.new_password));
  return await transaction(sql, async (tx) => {
    await holdUser(tx, viewer.id);
    await savePassword(tx, viewer.id, hash, false, clock.now());
    const why = "the password was changed";
    const ended = await endAccessOf(tx, viewer.id, { except: viewer.session_id, why }, clock.now());
    const opened = await renewSession(tx, viewer, {}, client, clock);
    await appendFor(tx, context, { action: "auth.change_password", object, outcome: "success", details: { ...ended } });
    return { ...ended, opened };
  });
}
