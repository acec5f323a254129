import { viewerOfSession } from "../../core/auth/sessions.ts";
import { AppError } from "../../core/errors.ts";
import { redeemTicket } from "../../core/live/tickets.ts";
import { define } from "../(_role)/state.ts";

/**
 * The ticket in the address is the credential of a live socket; it is burned before the handshake is answered. A
 * browser sends its cookie along: that must be the session that asked for the ticket.
 */
export default define.middleware(async (ctx) => {
  if (ctx.kind !== "upgrade" || !ctx.access) return await ctx.next();
  const { services, viewer } = ctx.state;
  const { session_id } = await redeemTicket(services.sql, ctx.url.searchParams.get("ticket") ?? "");
  if (viewer && viewer.session_id !== session_id) throw new AppError("ticket_refused");
  ctx.state.viewer = await viewerOfSession(services.sql, session_id, services.clock);
  if (!ctx.state.viewer) throw new AppError("ticket_refused");
  return await ctx.next();
});
