import { deleteGroup } from "../../../../core/groups/delete_group.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define } from "../../../(_role)/state.ts";

export const access = {
  role: "admin",
  scope: "hosts",
  audit: "group.delete",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    // What the dialog said: if more hosts would become visible by now, the person looks again.
    const told = (await readForm(ctx.req, ["opened"])).get("opened");
    const expected = /^\d{1,9}$/.test(told) ? Number(told) : 0;
    await deleteGroup(ctx.state.services.sql, ctx.params.id, expected, callContext(ctx.state));
    return ctx.redirect("/groups");
  },
});
