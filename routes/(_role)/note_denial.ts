import { appendFor } from "../../core/audit/append_audit.ts";
import { AppError, type ErrorCode, reason } from "../../core/errors.ts";
import type { Context } from "../../web/mod.ts";
import { callContext, type State } from "./state.ts";

/** What is refused because of who asks, or because it is not sure any more that it is they who ask. */
const DENIALS: readonly string[] = [
  "forbidden",
  "wall_screen",
  "confirmation_required",
  "token_scope_missing",
  "token_not_allowed",
] satisfies ErrorCode[];

/**
 * What somebody who is signed in tried to change and may not, is a row of the audit log. Of strangers nothing is
 * written but their logins: they could fill the log.
 */
export async function noteDenial(thrown: unknown, ctx: Context<State>): Promise<void> {
  const { viewer, services } = ctx.state;
  const action = ctx.access?.audit ?? null;
  if (!(thrown instanceof AppError) || !DENIALS.includes(thrown.code) || viewer === null || action === null) return;
  try {
    await appendFor(services.sql, callContext(ctx.state), {
      action,
      outcome: "denied",
      details: { method: ctx.req.method, route: ctx.route, role: viewer.role, reason: thrown.code },
    });
  } catch (failed) {
    // It was refused either way, and the caller is told so.
    services.log.error("audit.denial_failed", { request_id: ctx.state.request_id, message: reason(failed) });
  }
}
