import { catalogue, type ErrorCode } from "../../core/errors.ts";
import { scopeOf } from "../../core/tokens/scopes.ts";
import type { RouteEntry } from "../../web/mod.ts";

interface Entry {
  status: number;
  message: string;
  hint: string;
}
const entries = Object.entries(catalogue) as [ErrorCode, Entry][];

/**
 * Every code that an answer can carry, as a schema of the API description: an enumeration that programs read, with its
 * status and words beside it, and a table for people.
 */
export function errorCodeSchema(): Record<string, unknown> {
  const sorted = entries.toSorted(([a, x], [b, y]) => x.status - y.status || (a < b ? -1 : 1));
  const rows = sorted.map(([code, { status, message, hint }]) => `| ${status} | \`${code}\` | ${message} | ${hint} |`);
  return {
    type: "string",
    enum: sorted.map(([code]) => code),
    description: [
      "What went wrong. A code is never renamed; the words may improve, so programs go by the code.",
      "",
      "| status | code | message | hint |",
      "| --- | --- | --- | --- |",
      ...rows,
    ].join("\n"),
    "x-errors": Object.fromEntries(sorted),
  };
}

/** The codes that an operation can answer whatever it does, because of who may call it; by status. */
export function impliedErrors(route: RouteEntry): Map<number, ErrorCode[]> {
  const { role, audit, recent } = route.access;
  const codes: ErrorCode[] = ["origin_refused", "address_refused"];
  if (role === "anonymous" || role === "agent") {
    // What strangers may change is what they could try without end.
    if (audit !== null && route.method !== "GET") codes.push("too_many_requests");
  } else {
    codes.push("not_signed_in", "session_expired", "token_refused");
    codes.push("second_factor_required", "password_change_required", "factor_enrolment_required");
    codes.push("wall_screen", "forbidden");
    const scope = scopeOf(route);
    if (scope === null || scope === "never") codes.push("token_not_allowed");
    else if (scope !== "open") codes.push("token_scope_missing");
    if (recent) codes.push("confirmation_required");
    // Of tokens that are no good.
    codes.push("too_many_requests");
  }
  return Map.groupBy(codes, (code) => catalogue[code].status);
}
