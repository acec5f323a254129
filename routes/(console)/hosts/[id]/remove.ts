import { removeHost } from "../../../../core/hosts/remove_host.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = {
  role: "operator",
  scope: "hosts",
  audit: "host.remove",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    await readForm(ctx.req, []);
    const { id } = ctx.params;
    await removeHost(ctx.state.services.sql, viewerOf(ctx.state).sees, id, callContext(ctx.state));
    return ctx.redirect("/hosts");
  },
});
