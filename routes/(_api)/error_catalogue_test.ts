import assert from "node:assert/strict";
import { catalogue } from "../../core/errors.ts";
import type { Method, RouteAccess } from "../../web/mod.ts";
import { errorCodeSchema, impliedErrors } from "./error_catalogue.ts";

Deno.test("the catalogue in the description has every code with its status and words, ordered by status", () => {
  const schema = errorCodeSchema() as { enum: string[]; description: string; "x-errors": Record<string, unknown> };
  assert.deepEqual(schema.enum.toSorted(), Object.keys(catalogue).toSorted());
  assert.deepEqual({ ...schema["x-errors"] }, { ...catalogue });
  const statuses = schema.enum.map((code) => catalogue[code as keyof typeof catalogue].status);
  assert.deepEqual(statuses, statuses.toSorted((a, b) => a - b));
  for (const [code, { status, message, hint }] of Object.entries(catalogue)) {
    assert.ok(schema.description.includes(`| ${status} | \`${code}\` | ${message} | ${hint} |`), code);
  }
});

Deno.test("no words of the catalogue break its table, and every status is one of a refusal", () => {
  for (const [code, { status, message, hint }] of Object.entries(catalogue)) {
    assert.doesNotMatch(message + hint, /[|\n]/, code);
    assert.match(message, /[.!?]$/, code);
    assert.ok(status >= 400 && status <= 599, code);
  }
});

Deno.test("what an operation can answer because of who may call it", () => {
  const implied = (access: Partial<RouteAccess>, method: Method = "POST", pattern = "/api/v1/hosts") =>
    Object.fromEntries(impliedErrors({
      ...{ method, pattern, kind: "api", file: "" },
      access: { role: "auditor", scope: "none", audit: null, ...access },
    }));
  const everybody = ["origin_refused", "address_refused"];
  const stages = ["second_factor_required", "password_change_required", "factor_enrolment_required", "wall_screen"];
  assert.deepEqual(implied({ role: "anonymous" }), { 403: everybody });
  const collected = { role: "anonymous", audit: "certificate.collect" } as const;
  assert.deepEqual(implied(collected, "GET"), { 403: everybody });
  assert.deepEqual(implied({ role: "anonymous", audit: "auth.login" }), { 403: everybody, 429: ["too_many_requests"] });
  assert.deepEqual(implied({}), {
    401: ["not_signed_in", "session_expired", "token_refused"],
    403: [...everybody, ...stages, "forbidden", "token_scope_missing"],
    429: ["too_many_requests"],
  });
  for (
    const [access, pattern, more] of [
      [{ role: "admin", recent: true }, "/api/v1/groups", ["token_scope_missing", "confirmation_required"]],
      [{ audit: "auth.logout" }, "/api/v1/auth/logout", ["token_not_allowed"]],
      [{ audit: "unheard.of" }, "/api/v1/unheard-of", ["token_not_allowed"]],
    ] as [Partial<RouteAccess>, string, string[]][]
  ) {
    assert.deepEqual(implied(access, "POST", pattern)[403], [...everybody, ...stages, "forbidden", ...more], pattern);
  }
  assert.deepEqual(implied({}, "GET", "/api/v1/auth/me")[403], [...everybody, ...stages, "forbidden"]);
});
