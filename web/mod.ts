/** What route files and the server import of the page frame. Islands import `island.ts` only. */
export { type ApiEnv, createDefine, type DataOf, type Define, page, PageResponse } from "./define.ts";
export type { Handler, Handlers, Layout, Middleware, Page, PageContext, Upgrade } from "./define.ts";
export type { Context, MiddlewareContext } from "./context.ts";
export { HttpError, statusOf } from "./http_error.ts";
export { createSite, type Site, type SiteOptions, type UpgradeAnswer } from "./site.ts";
export { assetsIn, NO_ASSETS } from "./assets.ts";
export { Partial } from "./partial.tsx";
export { planSite, tableOf } from "./plan.ts";
export type * from "./types.ts";
