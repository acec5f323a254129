import { rfc3339 } from "../../../core/clock.ts";
import { exportHosts } from "../../../core/views/host_export.ts";
import type { RouteAccess } from "../../../web/mod.ts";
import { endOf, streamText } from "../../(_api)/stream_text.ts";
import { define, viewerOf } from "../../(_role)/state.ts";
import { askedHosts } from "../(_components)/host_list.ts";

export const access = { role: "auditor", scope: "hosts", audit: null } as const satisfies RouteAccess;

/** The list of hosts as a file, with the filters and the order of the address. */
export const handler = define.handlers({
  async GET(ctx) {
    const { sql, clock } = ctx.state.services;
    const { filter } = askedHosts(ctx.url.searchParams);
    const pieces = exportHosts(sql, viewerOf(ctx.state).sees, filter);
    return await streamText(pieces, {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": `attachment; filename="hosts-${rfc3339(clock.now()).slice(0, 10)}.csv"`,
    }, endOf(ctx.state));
  },
});
