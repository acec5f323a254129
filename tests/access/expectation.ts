import type { Stage } from "../../core/auth/types.ts";
import type { Scope } from "../../core/tokens/scopes.ts";
import type { RouteEntry } from "../../web/mod.ts";

/** Who asks, in the words of the specification (section 10). */
export interface Asker {
  /** Null: nobody, or somebody whose session is no good any more. */
  role: "auditor" | "operator" | "admin" | null;
  /** A token came along, and it is no good any more. */
  ended?: boolean;
  /** The password is one that was made for them and works once. */
  must_change?: boolean;
  stage?: Stage;
  /** They proved who they are longer ago than ten minutes. */
  stale?: boolean;
  /** What an API token may; none: it is no API token. */
  scopes?: Scope[];
  /** The token, or the person, knows hosts of this group only. */
  group?: "here" | "there";
  /** A screen on the wall. */
  wall?: boolean;
}

/** What somebody meets: they come through, or they are sent elsewhere, or they are refused with a code. */
export type Meeting = "passes" | { to: RegExp } | { status: number; codes: string[] };

/** Ways out, and what says who one is: open to everybody who is signed in, however far they are. */
const ALWAYS_OPEN = ["POST /logout", "POST /preferences", "POST /api/v1/auth/logout", "GET /api/v1/auth/me"];
/** The dashboard with its live socket, and the way out: all that a screen on the wall is for. */
const OF_WALL_SCREENS = [
  "GET /",
  "GET /dashboard",
  "POST /api/v1/ws/ticket",
  "GET /api/v1/ws/jobs",
  "POST /logout",
];
/** Where a password is changed. */
const PASSWORD = ["GET /password", "POST /password", "POST /api/v1/auth/password"];

const refused = (status: number, ...codes: string[]): Meeting => ({ status, codes });

/**
 * What the declaration of a route means for somebody, derived here a second time and independently of the program: from
 * the route table and from the specification.
 * @param opens how far somebody must have come for the route when it is part of signing in; else undefined
 */
export function expectation(route: RouteEntry, asker: Asker, opens: Stage | undefined): Meeting {
  const { access, kind, method, pattern } = route;
  const name = `${method} ${pattern}`;
  const page = kind === "page";
  const always = ALWAYS_OPEN.includes(name);
  if (access.role === "anonymous" || access.role === "agent") return "passes";
  // A socket's ticket stands for a session: without one that is good there is none.
  if (kind === "upgrade" && (asker.role === null || asker.scopes)) return refused(403, "ticket_refused");
  if (asker.role === null) {
    if (page && method === "GET") return { to: /^\/login\?next=%2F/ };
    return refused(401, asker.ended ? "session_expired" : "not_signed_in");
  }
  const { stage = "full" } = asker;
  if (stage === "factor" && opens !== "factor" && !always) {
    return page ? { to: /^\/login\/factor$/ } : refused(403, "second_factor_required");
  }
  if (stage !== "factor" && asker.must_change && !PASSWORD.includes(name) && !always) {
    return page ? { to: /^\/password$/ } : refused(403, "password_change_required");
  }
  if (stage === "enrol" && !asker.must_change && opens !== "enrol" && !always) {
    return page ? { to: /^\/setup$/ } : refused(403, "factor_enrolment_required");
  }
  if (asker.wall && !OF_WALL_SCREENS.includes(name)) return refused(403, "wall_screen");
  if (!mayByRole(asker.role, access)) return refused(403, "forbidden");
  if (asker.scopes && !mayByToken(route, asker)) return refused(403, "token_scope_missing", "token_not_allowed");
  if (access.recent && asker.stale) {
    return page && method === "GET" ? { to: /^\/confirm\?next=%2F/ } : refused(403, "confirmation_required");
  }
  return "passes";
}

/** Admins may all. Operators act, and know of their own hosts only. Auditors read everything. */
function mayByRole(role: "auditor" | "operator" | "admin", { role: needed, tells_all }: RouteEntry["access"]): boolean {
  if (role === "admin") return true;
  if (role === "operator") return needed !== "admin" && !tells_all;
  return needed === "auditor";
}

/** What only a person does, who proves who they are. */
const PERSONAL = /^\/api\/v1\/(auth|tokens|sessions|ws)(\/|$)/;

/**
 * Tokens are for the API, and never for what a person has to be present for. One for reading changes nothing; one that is
 * limited to groups knows hosts, and nothing that is no host's.
 */
function mayByToken({ method, pattern, kind, access }: RouteEntry, { scopes = [], group }: Asker): boolean {
  if (kind !== "api") return false;
  if (pattern === "/api/v1/auth/me" || pattern === "/api/v1/openapi.json") return method === "GET";
  // Whoever could do these with a token could keep others out, or sign in as them.
  if (PERSONAL.test(pattern) || /password|factor|mfa|passkey|session|api_token|^auth\./.test(access.audit ?? "")) {
    return false;
  }
  if (group && access.scope !== "hosts") return false;
  if (scopes.length > 1) return true;
  const reads = access.audit === null && (method === "GET" || access.role === "auditor");
  return reads && !/^\/api\/v1\/audit(\/|$)/.test(pattern);
}
