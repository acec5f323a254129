import { renamePasskey } from "../../../../../../core/auth/factors/rename_passkey.ts";
import { AppError } from "../../../../../../core/errors.ts";
import { isUuid } from "../../../../../../core/ids.ts";
import type { RouteAccess } from "../../../../../../web/mod.ts";
import { readForm } from "../../../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../../../(_role)/state.ts";

export const access = { role: "auditor", scope: "none", audit: "auth.rename_passkey" } as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const form = await readForm(ctx.req, ["name"]);
    const { id } = ctx.params;
    if (!isUuid(id)) throw new AppError("factor_not_found");
    const { sql } = ctx.state.services;
    await renamePasskey(sql, viewerOf(ctx.state), id, form.get("name"), callContext(ctx.state));
    return ctx.redirect("/profile/factors?done=renamed");
  },
});
