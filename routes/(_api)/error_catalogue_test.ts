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
  const implied = (access: Partial<RouteAccess>, method: Method = "POST") =>
    Object.fromEntries(impliedErrors({ method, access: { role: "auditor", scope: "none", audit: null, ...access } }));
  const stages = ["second_factor_required", "password_change_required", "factor_enrolment_required", "forbidden"];
  assert.deepEqual(implied({ role: "anonymous" }), { 403: ["origin_refused"] });
  assert.deepEqual(implied({ role: "anonymous", audit: "auth.login" }), {
    403: ["origin_refused"],
    429: ["too_many_requests"],
  });
  const collected = { role: "anonymous", audit: "certificate.collect" } as const;
  assert.deepEqual(implied(collected, "GET"), { 403: ["origin_refused"] });
  assert.deepEqual(implied({}), {
    401: ["not_signed_in", "session_expired"],
    403: ["origin_refused", ...stages],
  });
  assert.deepEqual(implied({ role: "admin", recent: true })[403], [
    "origin_refused",
    ...stages,
    "confirmation_required",
  ]);
});
