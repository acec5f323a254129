import assert from "node:assert/strict";
import { isScope, type Scope, scopeOf, scopes, scopeWords } from "../../core/tokens/scopes.ts";
import { mayCall } from "./authorize.ts";
import { productRoutes } from "./site.ts";

const api = productRoutes().filter(({ kind }) => kind === "api");

Deno.test("every route of the API has been decided for tokens: a scope of the closed list, open to all, or never", () => {
  for (const route of api) {
    const scope = scopeOf(route);
    assert.ok(
      scope === "open" || scope === "never" || scope !== null && isScope(scope),
      `${route.method} ${route.pattern} (${route.access.audit}) is closed to API tokens because nobody decided: ` +
        "give its noun a scope in core/tokens/scopes.ts, or make it a person's own there.",
    );
  }
});

Deno.test("pages, sockets and whatever belongs to persons is closed to tokens, also when it is new", () => {
  const closed = (method: string, pattern: string, audit: string | null, kind: "page" | "api" | "upgrade" = "api") => {
    const scope = scopeOf({ method, pattern, kind, access: { role: "auditor", audit } });
    assert.ok(scope === "never" || scope === null, `${method} ${pattern}: ${scope}`);
  };
  for (const route of productRoutes()) {
    const { role } = route.access;
    if (route.kind !== "api" && role !== "anonymous" && role !== "agent") {
      assert.equal(scopeOf(route), "never", route.pattern);
    }
  }
  closed("GET", "/hosts", null, "page");
  closed("GET", "/api/v1/ws/jobs", null, "upgrade");
  closed("POST", "/api/v1/ws/ticket", null);
  closed("POST", "/api/v1/tokens", "api_token.create");
  closed("GET", "/api/v1/tokens", null);
  closed("DELETE", "/api/v1/tokens/:id", "api_token.revoke");
  closed("POST", "/api/v1/auth/confirm", "auth.confirm");
  closed("GET", "/api/v1/auth/factors", null);
  closed("POST", "/api/v1/me/passkeys", "passkey.create");
  closed("POST", "/api/v1/users/:id/reset-password", "user.reset_password");
  closed("POST", "/api/v1/users/:id/reset-mfa", "user.require_factors");
  closed("DELETE", "/api/v1/users/:id/sessions", "user.end_sessions");
  closed("POST", "/api/v1/surprises", "surprise.make");
});

Deno.test("reading is one scope whatever it reads, but the audit log", () => {
  const scopesOf = (wanted: Scope) =>
    api.filter((route) => scopeOf(route) === wanted).map(({ method, pattern }) => `${method} ${pattern}`);
  for (const route of scopesOf("read")) assert.match(route, /^GET |^POST \/api\/v1\/jobs\/preview$/);
  assert.ok(scopesOf("read").includes("GET /api/v1/hosts"));
  for (const route of scopesOf("audit")) assert.match(route, /^(GET|POST) \/api\/v1\/audit/);
  assert.ok(scopesOf("host").includes("POST /api/v1/hosts/refresh"));
  assert.ok(scopesOf("job").includes("POST /api/v1/hosts/:id/reboot"));
});

Deno.test("no scope promises what its role cannot do, or hides what limited tokens cannot", () => {
  for (const scope of scopes) {
    const routes = api.filter((route) => scopeOf(route) === scope);
    const { role, with_groups } = scopeWords[scope];
    if (routes.length === 0) continue;
    assert.ok(routes.some(({ access }) => mayCall(role, access)), `${scope} opens nothing to ${role}`);
    if (with_groups) assert.ok(routes.some(({ access }) => access.scope === "hosts"), `${scope} opens no hosts`);
  }
});
