import assert from "node:assert/strict";
import { OpenAPIHono } from "@hono/zod-openapi";
import { planSite, tableOf } from "./plan.ts";
import type { RouteAccess } from "./types.ts";

const access: RouteAccess = { role: "operator", scope: "hosts", audit: null };
const view = () => null;
const api = () => {
  const app = new OpenAPIHono();
  app.get("/hosts/:id", (c) => c.text("host"));
  return app;
};

Deno.test("routes that break a convention are refused with what to add", () => {
  for (
    const [file, module, words] of [
      ["routes/a.tsx", { default: view }, /no access is declared. Add: export const access/],
      ["routes/a.tsx", { default: view, access: "admin" }, /no access is declared/],
      ["routes/a.tsx", { default: view, access: { ...access, role: "root" } }, /access.role must be one of anonymous/],
      ["routes/a.tsx", { default: view, access: { ...access, scope: "all" } }, /access.scope must be/],
      ["routes/a.tsx", { default: view, access: { ...access, recent: false } }, /access.recent must be true/],
      ["routes/a.tsx", { default: view, access: { ...access, tells_all: 1 } }, /access.tells_all must be true/],
      ["routes/a.tsx", { default: view, access: { ...access, tells_all: true } }, /exclude each other/],
      ["routes/a.tsx", { default: view, access: { ...access, audit: undefined } }, /access.audit must be null or/],
      ["routes/a.tsx", { default: view, access: { ...access, audit: "created" } }, /access.audit must be null or/],
      ["routes/a.tsx", { default: view, handler: { POST: view }, access: { GET: access } }, /not for POST/],
      ["routes/a.tsx", { handler: { HEAD: view }, access }, /HEAD is no method/],
      ["routes/a.tsx", { handler: {}, access }, /export a page as default/],
      ["routes/a.tsx", { default: 7, access }, /must be made with define.page/],
      ["routes/_layout.tsx", {}, /export default a function/],
      ["routes/_middleware.ts", { default: [view, 1] }, /define.middleware/],
      ["routes/api/v1/a.ts", { default: {}, access: {} }, /export default an OpenAPIHono/],
      ["routes/api/v1/a.ts", { default: api() }, /no access is declared/],
      ["routes/api/v1/a.ts", { default: api(), access: {} }, /GET \/hosts\/:id has no access. Add/],
      [
        "routes/api/v1/a.ts",
        { default: api(), access: { "GET /hosts/{id}": access, "POST /hosts": access } },
        /access names POST \/hosts, which the file does not register/,
      ],
      ["routes/api/v1/a.ts", { default: api(), access: { "GET /hosts/{id}": { role: "admin" } } }, /access.scope/],
      [
        "routes/api/v1/a.ts",
        { default: new OpenAPIHono().use("*", () => Promise.resolve()), access: {} },
        /middleware belongs into _middleware.ts/,
      ],
      ["routes/readme_test.ts", {}, /no route file/],
    ] as const
  ) {
    assert.throws(
      () => planSite([{ file, module }]),
      (error: Error) => error.message.includes(file) && words.test(error.message),
      `${file} ${words}`,
    );
  }
});

Deno.test("all problems are told at once", () => {
  const files = ["routes/a.tsx", "routes/b.tsx"].map((file) => ({ file, module: { default: view } }));
  assert.throws(() => planSite(files), /routes\/a\.tsx[^]*routes\/b\.tsx/);
});

Deno.test("two files for the same place are refused, whatever the parameter is called", () => {
  const files = ["routes/hosts/[id].tsx", "routes/(other)/hosts/[host].tsx"].map((file) => ({
    file,
    module: { default: view, access },
  }));
  assert.throws(() => planSite(files), /is answered by .* already/);
});

Deno.test("the table has one line per method with its own access", () => {
  const admin: RouteAccess = { role: "admin", scope: "none", audit: "host.create" };
  const plan = planSite<never>([
    { file: "routes/api/v1/hosts.ts", module: { default: api(), access: { "GET /hosts/{id}": access } } },
    {
      file: "routes/hosts.tsx",
      module: { default: view, handler: { POST: view }, access: { GET: access, POST: admin } },
    },
    { file: "routes/live.ts", module: { upgrade: view, access } },
  ]);
  assert.deepEqual(
    tableOf(plan).map(({ method, pattern, kind, access }) => [method, pattern, kind, access.role]),
    [
      ["GET", "/hosts", "page", "operator"],
      ["POST", "/hosts", "page", "admin"],
      ["GET", "/live", "upgrade", "operator"],
      ["GET", "/api/v1/hosts/:id", "api", "operator"],
    ],
  );
});
