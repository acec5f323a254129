import type { RouteAccess } from "../../../../../web/mod.ts";
import type { Socket } from "../../../../(_live)/relay.ts";
import { define, viewerOf } from "../../../../(_role)/state.ts";

export const access = { role: "auditor", scope: "hosts", audit: null } as const satisfies RouteAccess;

/** Live events for an open page: see the relay. */
export const upgrade = define.upgrade<Socket>((ctx, socket) =>
  ctx.state.services.relay.accept(socket, viewerOf(ctx.state), ctx.state.address)
);
