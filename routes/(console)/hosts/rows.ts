import { AppError } from "../../../core/errors.ts";
import { isUuid } from "../../../core/ids.ts";
import { hostRows } from "../../../core/views/host_rows.ts";
import type { RouteAccess } from "../../../web/mod.ts";
import { define, viewerOf } from "../../(_role)/state.ts";
import { askedHosts } from "../(_components)/host_list.ts";

export const access = { role: "auditor", scope: "hosts", audit: null } as const satisfies RouteAccess;

/** Hosts that one request can name. */
const MOST = 100;

/**
 * Rows of the open list that changed, packed as in the page: `?id=` for each, all without any. It is the page's own,
 * no part of the API: its form changes with the page.
 */
export const handler = define.handlers({
  async GET(ctx) {
    const { sql, clock } = ctx.state.services;
    const asked = ctx.url.searchParams.getAll("id");
    if (asked.length > MOST || !asked.every(isUuid)) throw new AppError("bad_request");
    const { only } = askedHosts(ctx.url.searchParams).filter;
    const ids = asked.length > 0 ? asked : undefined;
    return Response.json(await hostRows(sql, viewerOf(ctx.state).sees, { only, ids }, clock.now()));
  },
});
