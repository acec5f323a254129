import { revokeToken } from "../../../../../core/tokens/revoke_token.ts";
import type { RouteAccess } from "../../../../../web/mod.ts";
import { localPath, readForm } from "../../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../../(_role)/state.ts";

export const access = {
  POST: { role: "auditor", scope: "none", audit: "api_token.revoke", recent: true },
} as const satisfies Record<string, RouteAccess>;

/** Ends a token: one's own, or as an admin anybody's, from the page that `back` names. */
export const handler = define.handlers({
  async POST(ctx) {
    const form = await readForm(ctx.req, ["back"]);
    await revokeToken(ctx.state.services.sql, viewerOf(ctx.state), ctx.params.id, callContext(ctx.state));
    return ctx.redirect(form.get("back") === "" ? "/profile/tokens" : localPath(form.get("back")));
  },
});
