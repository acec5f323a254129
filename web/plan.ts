import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Handlers, Layout, Middleware, Page, Upgrade } from "./define.ts";
import { colonPattern, compareSpecificity, fileRole, foldersOf } from "./patterns.ts";
import { accessProblem, apiProblems } from "./access.ts";
import { type Method, METHODS, type RouteAccess, type RouteConfig, type RouteEntry, type RouteFile } from "./types.ts";

/** A page file with everything that its folders give to it. */
export interface PagePlan<State> {
  file: string;
  pattern: string;
  /** Every method that the file answers, with its access. */
  methods: Map<Method, RouteAccess>;
  handlers: Handlers<State>;
  page: Page<State> | null;
  upgrade: Upgrade<State> | null;
  config: RouteConfig;
  folder: string;
}

/** One operation of an API file: every handler that Hono registered for it, in order. */
export interface ApiPlan {
  file: string;
  method: Method;
  pattern: string;
  access: RouteAccess;
  folder: string;
  handlers: { (c: never, next: never): unknown }[];
}

export interface ErrorPlan<State> {
  page: Page<State>;
  config: RouteConfig;
  folder: string;
}

/** The site's conventions, read from its files: what {@link createSite} serves and the table lists. */
export interface SitePlan<State> {
  app: Layout<State> | null;
  pages: PagePlan<State>[];
  api: ApiPlan[];
  /** API files with where they are mounted, for the OpenAPI document. */
  mounts: { prefix: string; app: OpenAPIHono }[];
  layouts: Map<string, { layout: Layout<State>; config: RouteConfig }>;
  middlewares: Map<string, Middleware<State>[]>;
  errors: Map<string, ErrorPlan<State>>;
}

/**
 * Reads route files into a plan.
 * @throws Error that lists every file breaking a convention, with what to add
 */
export function planSite<State>(files: readonly RouteFile[]): SitePlan<State> {
  const plan: SitePlan<State> = {
    app: null,
    pages: [],
    api: [],
    mounts: [],
    layouts: new Map(),
    middlewares: new Map(),
    errors: new Map(),
  };
  const problems: string[] = [];
  for (const route of files) {
    try {
      problems.push(...addFile(plan, route));
    } catch (thrown) {
      problems.push(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
  plan.pages.sort((a, b) => compareSpecificity(a.pattern, b.pattern));
  plan.api.sort((a, b) => compareSpecificity(a.pattern, b.pattern));
  const seen = new Map<string, string>();
  for (const { method, pattern, file } of tableOf(plan)) {
    // Two names for the same place would make the order of files decide, so names do not count.
    const key = `${method} ${pattern.replaceAll(/:[a-z0-9_]+/gi, ":")}`;
    const other = seen.get(key);
    if (other) problems.push(`${file}: ${method} ${pattern} is answered by ${other} already.`);
    seen.set(key, file);
  }
  if (problems.length > 0) throw new Error(`Routes are not as expected:\n  ${problems.join("\n  ")}`);
  return plan;
}

/** The table of a plan, most exact pattern first. */
export function tableOf(plan: Pick<SitePlan<never>, "pages" | "api">): RouteEntry[] {
  const pages = plan.pages.flatMap(({ methods, pattern, file, upgrade }) =>
    [...methods].map(([method, access]): RouteEntry => ({
      method,
      pattern,
      access,
      file,
      kind: upgrade ? "upgrade" : "page",
    }))
  );
  const api = plan.api.map(({ method, pattern, access, file }): RouteEntry => ({
    method,
    pattern,
    access,
    file,
    kind: "api",
  }));
  return [...pages, ...api];
}

function addFile<State>(plan: SitePlan<State>, { file, module }: RouteFile): string[] {
  const role = fileRole(file);
  if (!role) return [`${file} is no route file.`];
  const config = (module.config ?? {}) as RouteConfig;
  switch (role.is) {
    case "page":
      return addPage(plan, file, module, role, config);
    case "api":
      return addApi(plan, file, module, role);
    case "middleware": {
      const list = Array.isArray(module.default) ? module.default : [module.default];
      if (!list.every((item) => typeof item === "function")) {
        return [`${file}: export default one define.middleware(…) or an array of them.`];
      }
      plan.middlewares.set(role.folder, list);
      return [];
    }
  }
  if (typeof module.default !== "function") return [`${file}: export default a function made with define.`];
  if (role.is === "app") plan.app = module.default as Layout<State>;
  if (role.is === "layout") plan.layouts.set(role.folder, { layout: module.default as Layout<State>, config });
  if (role.is === "error") {
    plan.errors.set(role.folder, { page: module.default as Page<State>, config, folder: role.folder });
  }
  return [];
}

function addPage<State>(
  plan: SitePlan<State>,
  file: string,
  module: Record<string, unknown>,
  { pattern, folder }: { pattern: string; folder: string },
  config: RouteConfig,
): string[] {
  const page = (module.default ?? null) as Page<State> | null;
  const upgrade = (module.upgrade ?? null) as Upgrade<State> | null;
  const handlers = { ...(module.handler ?? module.handlers ?? {}) as Handlers<State> };
  const wrong = Object.keys(handlers).filter((method) => !METHODS.includes(method as Method));
  if (wrong.length > 0) return [`${file}: ${wrong.join(", ")} is no method; HEAD is answered from GET.`];
  if (page && typeof page !== "function") return [`${file}: the default export must be made with define.page(…).`];
  const methods = METHODS.filter((method) => handlers[method] || (method === "GET" && (page || upgrade)));
  if (methods.length === 0) return [`${file}: export a page as default, or handlers as "handler".`];
  const access = new Map<Method, RouteAccess>();
  for (const method of methods) {
    const problem = accessProblem(module.access, method);
    if (problem) return [`${file}: ${problem}`];
    const declared = module.access as RouteAccess & Partial<Record<Method, RouteAccess>>;
    access.set(method, declared[method] ?? declared);
  }
  plan.pages.push({ file, pattern, methods: access, handlers, page, upgrade, config, folder });
  return [];
}

function addApi<State>(
  plan: SitePlan<State>,
  file: string,
  module: Record<string, unknown>,
  { prefix, folder }: { prefix: string; folder: string },
): string[] {
  const app = module.default as OpenAPIHono | undefined;
  if (!app || !Array.isArray(app.routes)) return [`${file}: export default an OpenAPIHono with the file's routes.`];
  const problems = apiProblems(app.routes, module.access);
  if (problems.length > 0) return problems.map((problem) => `${file}: ${problem}`);
  const declared = new Map(
    Object.entries(module.access as Record<string, RouteAccess>).map(([key, access]) => [colonPattern(key), access]),
  );
  const operations = new Map<string, ApiPlan>();
  for (const route of app.routes) {
    const key = `${route.method} ${route.path}`;
    const operation: ApiPlan = operations.get(key) ?? {
      file,
      method: route.method as Method,
      pattern: route.path === "/" ? prefix : prefix + route.path,
      access: declared.get(key)!,
      folder,
      handlers: [],
    };
    operation.handlers.push(route.handler as never);
    operations.set(key, operation);
  }
  plan.api.push(...operations.values());
  plan.mounts.push({ prefix, app });
  return [];
}

/** Middleware for a folder, outermost first. */
export function middlewaresFor<State>(plan: SitePlan<State>, folder: string): Middleware<State>[] {
  return foldersOf(folder).flatMap((outer) => plan.middlewares.get(outer) ?? []);
}

/** Layouts for a folder, innermost first, as far out as `skipInheritedLayouts` allows. */
export function layoutsFor<State>(plan: SitePlan<State>, folder: string, config: RouteConfig): Layout<State>[] {
  const found: Layout<State>[] = [];
  if (config.skipInheritedLayouts) return found;
  for (const outer of foldersOf(folder).reverse()) {
    const entry = plan.layouts.get(outer);
    if (entry) found.push(entry.layout);
    if (entry?.config.skipInheritedLayouts) break;
  }
  return found;
}

/** The nearest `_error` for a folder, looking outwards. */
export function errorPageFor<State>(plan: SitePlan<State>, folder: string): ErrorPlan<State> | null {
  for (const outer of foldersOf(folder).reverse()) {
    const entry = plan.errors.get(outer);
    if (entry) return entry;
  }
  return null;
}
