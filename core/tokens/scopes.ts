import type { Role } from "../auth/types.ts";

/** What an API token can be allowed to do. A closed list: an act that fits none of them is closed to tokens. */
export const scopes = [
  "read",
  "audit",
  "host",
  "job",
  "enrolment",
  "enrolment_token",
  "certificate",
  "group",
  "user",
  "setting",
  "allowed_network",
] as const;
export type Scope = typeof scopes[number];

/** What people are told of a scope. */
export interface ScopeWords {
  title: string;
  /** What a token with it may do. */
  allows: string;
  /** The least role whose tokens can use it. */
  role: Role;
  /** A token that is limited to groups may have it: everything that it opens belongs to hosts. */
  with_groups: boolean;
}

export const scopeWords: Readonly<Record<Scope, ScopeWords>> = {
  read: {
    title: "Read",
    allows: "Read everything that you may read, but the audit log.",
    role: "auditor",
    with_groups: true,
  },
  audit: {
    title: "Audit log",
    allows: "Read, export and verify the audit log.",
    role: "auditor",
    with_groups: false,
  },
  host: { title: "Hosts", allows: "Add, change, refresh and remove hosts.", role: "operator", with_groups: true },
  job: {
    title: "Jobs",
    allows: "Install updates, reboot, repair, roll back; cancel and repeat jobs.",
    role: "operator",
    with_groups: true,
  },
  enrolment: {
    title: "Enrolments",
    allows: "Approve and deny machines that wait.",
    role: "operator",
    with_groups: true,
  },
  enrolment_token: {
    title: "Enrolment tokens",
    allows: "Make and revoke one-time tokens for new machines.",
    role: "operator",
    with_groups: true,
  },
  certificate: {
    title: "Certificates",
    allows: "Download, issue, renew and revoke certificates of hosts.",
    role: "auditor",
    with_groups: true,
  },
  group: {
    title: "Groups",
    allows: "Make, change and delete groups and their members.",
    role: "admin",
    with_groups: false,
  },
  user: {
    title: "Users",
    allows: "Add, change and disable users; not their passwords and factors.",
    role: "admin",
    with_groups: false,
  },
  setting: { title: "Settings", allows: "Change settings.", role: "admin", with_groups: false },
  allowed_network: {
    title: "Allowed networks",
    allows: "Change which networks may come in.",
    role: "admin",
    with_groups: false,
  },
};

/** True for a word of the closed list. */
export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

/** A route, as far as this room judges it; a line of the route table fits. */
export interface ScopedRoute {
  method: string;
  pattern: string;
  kind: "page" | "api" | "upgrade" | "static";
  access: { role: string; audit: string | null };
}

/**
 * What a token needs for a route: a scope, `open` for nothing but being good, `never` where no token comes in, and
 * null where nobody has decided yet, which is refused like `never`. It is read from what every route says about itself,
 * so that a new route cannot escape; a test walks the whole table and fails for null.
 */
export function scopeOf({ method, pattern, kind, access }: ScopedRoute): Scope | "open" | "never" | null {
  if (access.role === "anonymous" || access.role === "agent") return "open";
  // Pages and live sockets belong to people: a ticket for a socket stands for a session.
  if (kind !== "api" || pattern === "/api/v1/ws/ticket") return "never";
  if (OPEN.has(pattern) && method === "GET") return "open";
  if (OF_PERSONS.some((prefix) => pattern === prefix || pattern.startsWith(`${prefix}/`))) return "never";
  if (pattern === "/api/v1/audit" || pattern.startsWith("/api/v1/audit/")) return "audit";
  if (access.audit !== null) return scopeOfAct(access.audit);
  // An auditor changes nothing, so what is open to one and leaves no trace is reading, whatever its method.
  if (method === "GET" || access.role === "auditor") return "read";
  const noun = pattern.split("/")[3]?.replaceAll("-", "_").replace(/s$/, "") ?? "";
  return isScope(noun) ? noun : null;
}

/** Who am I, and how is this API used: for every token. */
const OPEN = new Set(["/api/v1/auth/me", "/api/v1/openapi.json"]);

/** What only a person does, who proves who they are: sessions, passwords, factors, and making tokens. */
const OF_PERSONS = ["/api/v1/auth", "/api/v1/tokens", "/api/v1/sessions"];

/** Nouns of acts that are a person's own. */
const PERSONAL_NOUNS = new Set(["auth", "session", "api_token", "factor", "passkey"]);

/** Acts on other people's ways in: whoever could do these with a token could sign in as somebody else. */
const PERSONAL_VERB = /password|factor|mfa|passkey|session/;

function scopeOfAct(action: string): Scope | "never" | null {
  const [noun, verb] = action.split(".");
  if (PERSONAL_NOUNS.has(noun) || PERSONAL_VERB.test(verb)) return "never";
  return isScope(noun) ? noun : null;
}
