import { scopeOf } from "../../core/tokens/scopes.ts";
import type { RouteEntry, Site } from "../../web/mod.ts";
import { ACCESS_COOKIE } from "../(_role)/cookies.ts";
import type { State } from "../(_role)/state.ts";
import { refusalWords } from "./api_app.ts";
import { errorCodeSchema, impliedErrors } from "./error_catalogue.ts";

const DESCRIPTION =
  `Everything that the pages do. Errors are \`{ "error": { code, message, hint, request_id, details } }\`;
lists are \`{ items, next, total }\`, with \`next\` as the \`cursor\` of the following page; instants are RFC 3339 with Z.
Whatever is out of the caller's scope answers 404, as if it did not exist.`;

const BEARER =
  `The access token of POST /api/v1/auth/login, good for 15 minutes; POST /api/v1/auth/refresh gives the next.`;
const API_TOKEN =
  `A token (\`lpm_…\`) that a person makes for a program on the page API tokens. It may what its scopes say,
and never more than that person; \`x-token-scope\` of an operation is the scope that it needs.`;

interface Operation extends Record<string, unknown> {
  responses?: Record<string, { description: string; content?: unknown }>;
}
// deno-lint-ignore no-explicit-any -- schemas are what they are
type Schema = any;
interface ApiDocument {
  components?: { schemas?: Record<string, Schema> } & Record<string, Record<string, unknown>>;
  paths?: Record<string, Record<string, Operation>>;
}

/**
 * The OpenAPI 3.1 document of the REST API: from the schemas that check requests and answers, and from the route table,
 * which says who may call.
 */
export function describeApi(site: Site<State>, version: string): ApiDocument {
  const document = site.apiDocument({
    info: { title: "Linux Patch Manager", version, description: DESCRIPTION },
  }) as ApiDocument;
  document.components = {
    ...document.components,
    securitySchemes: {
      bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: BEARER },
      api_token: { type: "http", scheme: "bearer", bearerFormat: "lpm_…", description: API_TOKEN },
      session: { type: "apiKey", in: "cookie", name: ACCESS_COOKIE, description: "A browser's session." },
    },
    schemas: withCatalogue(document.components?.schemas ?? {}),
  };
  for (const entry of site.routeTable()) {
    const operation = document.paths?.[entry.pattern.replaceAll(/:(\w+)/g, "{$1}")]?.[entry.method.toLowerCase()];
    if (entry.kind !== "api" || !operation) continue;
    Object.assign(operation, about(entry));
    operation.responses = withImplied(operation.responses ?? {}, entry);
  }
  return document;
}

function withCatalogue(schemas: Record<string, Schema>): Record<string, Schema> {
  const envelope = structuredClone(schemas.Error);
  envelope.properties.error.properties.code = { $ref: "#/components/schemas/ErrorCode" };
  return { ...schemas, Error: envelope, ErrorCode: errorCodeSchema() };
}

/** What follows from who may call, said once here instead of at every operation. */
function withImplied(responses: NonNullable<Operation["responses"]>, entry: RouteEntry) {
  const refusal = { content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } };
  const all = { ...responses };
  all.default ??= { description: "Any other refusal, in the same envelope.", ...refusal };
  for (const [status, codes] of impliedErrors(entry)) {
    const said = all[status] ?? { description: refusalWords[status], ...refusal };
    const names = codes.map((code) => `\`${code}\``).join(", ");
    all[status] = { ...said, description: `${said.description} Codes, whatever is asked: ${names}.` };
  }
  return all;
}

function about(entry: RouteEntry): Operation {
  const { method, pattern, access } = entry;
  const scope = scopeOf(entry);
  const by_token = scope !== null && scope !== "never";
  const words = pattern.replace("/api/v1/", "").replaceAll(/[^a-z0-9]+/gi, "_").replace(/^_|_$/g, "");
  return {
    operationId: `${method.toLowerCase()}_${words}`,
    tags: [pattern.split("/")[3]],
    security: access.role === "anonymous" ? [] : [
      { bearer: [] },
      { session: [] },
      ...(by_token ? [{ api_token: [] }] : []),
    ],
    "x-role": access.role,
    ...(access.tells_all ? { "x-not-for": ["operator"] } : {}),
    ...(access.recent ? { "x-recent-proof": true } : {}),
    "x-audit": access.audit,
    ...(by_token && scope !== "open" ? { "x-token-scope": scope } : {}),
  };
}
