import { requestRefresh } from "../../../../core/hosts/request_refresh.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { define, viewerOf } from "../../../(_role)/state.ts";

export const access = { role: "operator", scope: "hosts", audit: null } as const satisfies RouteAccess;

/** A person who asks wants to know what is on offer now, so the host refreshes its package index first. */
export const handler = define.handlers({
  async POST(ctx) {
    await readForm(ctx.req, []);
    const { id } = ctx.params;
    await requestRefresh(ctx.state.services.sql, viewerOf(ctx.state).sees, [id], { max_index_age: 0 });
    return ctx.redirect(`/hosts/${id}`);
  },
});
