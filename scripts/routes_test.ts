import assert from "node:assert/strict";
import { printTable } from "./routes.ts";

Deno.test("the table of routes: one aligned line each, nothing left out", () => {
  const text = printTable([
    {
      method: "DELETE",
      pattern: "/api/v1/hosts/:id",
      access: { role: "operator", scope: "hosts", audit: "host.remove", recent: true },
      file: "routes/api/v1/hosts.ts",
      kind: "api",
    },
    {
      method: "GET",
      pattern: "/login",
      access: { role: "anonymous", scope: "none", audit: null },
      file: "routes/login.tsx",
      kind: "page",
    },
  ]);
  assert.deepEqual(text.split("\n"), [
    "METHOD  PATH               ROLE       SCOPE      PROOF   AUDIT        KIND  FILE",
    "DELETE  /api/v1/hosts/:id  operator   own hosts  10 min  host.remove  api   routes/api/v1/hosts.ts",
    "GET     /login             anonymous                                  page  routes/login.tsx",
  ]);
});
