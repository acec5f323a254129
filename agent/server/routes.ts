import { requestLimits } from "../../protocol/limits.ts";
import type { JsonLimits } from "../../protocol/limits.ts";
import type { Handler } from "./call.ts";
import { installCertificate, installRevocationList, requestCertificate } from "./certificate_routes.ts";
import { cancelJob, events, jobs, oneJob, removeJob, rollBackJob } from "./job_routes.ts";
import { apply, onePackage, packages, patches } from "./package_routes.ts";
import { health, reboot, repair, service, systemInfo } from "./system_routes.ts";

/** One address of the wire contract. `{}` stands for one segment. */
export interface Route {
  /** As it stands in logs: a pattern, never the path itself. */
  pattern: string;
  methods: Partial<Record<"GET" | "POST" | "PUT" | "DELETE", Handler>>;
  /** What its body may be, when that is more than the standard. */
  body?: JsonLimits;
}

/** A list of revoked certificates has up to 4 MiB; in JSON every line end is one byte longer. */
const longText: JsonLimits = { ...requestLimits, max_bytes: 5 * 2 ** 20, max_depth: 2, max_values: 16 };

/** Everything the agent answers, in one place. */
export const routes: readonly Route[] = [
  { pattern: "/health", methods: { GET: health } },
  { pattern: "/api/v1/health", methods: { GET: health } },
  { pattern: "/api/v1/system/info", methods: { GET: systemInfo } },
  { pattern: "/api/v1/system/repair", methods: { POST: repair } },
  { pattern: "/api/v1/system/reboot", methods: { POST: reboot } },
  { pattern: "/api/v1/system/services/{}", methods: { GET: service } },
  { pattern: "/api/v1/packages", methods: { GET: packages } },
  { pattern: "/api/v1/packages/{}", methods: { GET: onePackage } },
  { pattern: "/api/v1/patches", methods: { GET: patches } },
  { pattern: "/api/v1/patches/apply", methods: { POST: apply } },
  { pattern: "/api/v1/jobs", methods: { GET: jobs } },
  { pattern: "/api/v1/jobs/{}", methods: { GET: oneJob, DELETE: removeJob } },
  { pattern: "/api/v1/jobs/{}/cancel", methods: { POST: cancelJob } },
  { pattern: "/api/v1/jobs/{}/rollback", methods: { POST: rollBackJob } },
  { pattern: "/api/v1/ws/jobs", methods: { GET: events } },
  { pattern: "/api/v1/certificate/csr", methods: { POST: requestCertificate } },
  { pattern: "/api/v1/certificate", methods: { PUT: installCertificate }, body: longText },
  { pattern: "/api/v1/crl", methods: { PUT: installRevocationList }, body: longText },
];

const table = routes.map((route) => ({ route, segments: route.pattern.split("/") }));

/** The route of a path, with the decoded segment in place of `{}`; null when there is none. */
export function matchRoute(path: string): { route: Route; name: string } | null {
  const parts = path.split("/");
  for (const { route, segments } of table) {
    if (segments.length !== parts.length) continue;
    if (!segments.every((segment, i) => segment === "{}" ? parts[i] !== "" : segment === parts[i])) continue;
    const place = segments.indexOf("{}");
    const name = place < 0 ? "" : decode(parts[place]);
    return name === null ? null : { route, name };
  }
  return null;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
