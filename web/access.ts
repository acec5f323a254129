import { colonPattern } from "./patterns.ts";
import { type Method, METHODS, ROLES, type RouteAccess } from "./types.ts";

/** What to write, shown with every refusal. */
export const EXAMPLE =
  `export const access = { role: "operator", scope: "hosts", audit: null } as const satisfies RouteAccess;`;

/** What is wrong with an access declaration, in words; null when it is complete. */
export function accessProblem(declared: unknown, method: Method): string | null {
  if (!isObject(declared)) return `no access is declared. Add: ${EXAMPLE}`;
  const keys = Object.keys(declared);
  const perMethod = keys.some((key) => METHODS.includes(key as Method));
  if (perMethod && !(method in declared)) return `access is declared, but not for ${method}.`;
  const one = perMethod ? declared[method] : declared;
  if (!isObject(one)) return `access for ${method} is not an object. Write: ${EXAMPLE}`;
  return fieldProblem(one as Partial<RouteAccess>);
}

function fieldProblem({ role, scope, audit, recent, tells_all }: Partial<RouteAccess>): string | null {
  if (!role || !ROLES.includes(role)) return `access.role must be one of ${ROLES.join(", ")}.`;
  if (scope !== "none" && scope !== "hosts") return `access.scope must be "none" or "hosts".`;
  if (audit !== null && (typeof audit !== "string" || !/^[a-z_]+\.[a-z_]+$/.test(audit))) {
    return `access.audit must be null or an action like "host.create".`;
  }
  if (recent !== undefined && recent !== true) return `access.recent must be true, or left out.`;
  if (tells_all !== undefined && tells_all !== true) return `access.tells_all must be true, or left out.`;
  if (tells_all && scope === "hosts") return `access.tells_all and scope "hosts" exclude each other.`;
  return null;
}

/** Compares what an API file registered with what it declares, both ways. */
export function apiProblems(routes: readonly { method: string; path: string }[], declared: unknown): string[] {
  if (!isObject(declared)) {
    return [`no access is declared. Add: export const access = { "GET /…": { … } } satisfies ApiAccess;`];
  }
  const problems: string[] = [];
  const registered = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  const known = new Map(Object.entries(declared).map(([key, access]) => [colonPattern(key), access]));
  for (const key of registered) {
    if (!METHODS.includes(key.split(" ")[0] as Method)) {
      problems.push(
        `${key} is registered, but API files hold operations only; middleware belongs into _middleware.ts.`,
      );
    } else if (!known.has(key)) {
      problems.push(`${key} has no access. Add: "${key}": { role: "operator", scope: "hosts", audit: null }`);
    }
  }
  for (const [key, access] of known) {
    if (!registered.has(key)) problems.push(`access names ${key}, which the file does not register.`);
    const problem = isObject(access) ? fieldProblem(access as Partial<RouteAccess>) : "is not an object.";
    if (problem) problems.push(`${key}: ${problem}`);
  }
  return problems;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
