import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { catalogue } from "../core/errors.ts";
import { changeSetting } from "../core/settings/change_setting.ts";
import { scopeOf } from "../core/tokens/scopes.ts";
import { describeApi } from "../routes/(_api)/document.ts";
import { examples, stages } from "../testing/api_examples.ts";
import type { ClientAnswer, HttpClient } from "../testing/http_client.ts";
import { callerContext } from "../testing/job_scenario.ts";
import { type Schema, schemaProblems } from "../testing/json_schema.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import type { RouteEntry } from "../web/mod.ts";

const callers = ["anonymous", "auditor", "operator", "admin", "browser"] as const;
type Caller = typeof callers[number];

/** What would tell a stranger how we are made. */
const MUST_NOT_CONTAIN = [
  /node_modules/,
  /file:\/\//,
  /\bat \S+ \(/,
  /\.tsx?\b:\d/,
  /PostgresError|postgres\.js/,
  /relation "|column "|syntax error/,
  /\b(select|insert into|update) [a-z_]+ (from|set|\()/i,
  /PRIVATE KEY/,
  /argon2/,
];

const SECURITY_HEADERS: Record<string, RegExp> = {
  "content-security-policy": /^default-src 'none'/,
  "x-content-type-options": /^nosniff$/,
  "referrer-policy": /^same-origin$/,
  "cache-control": /./,
  "x-request-id": /^[0-9A-HJKMNP-TV-Z]{26}$/,
};

/** Somebody as far in signing in as the route is for. */
async function as(site: TestSite, caller: Caller, route: RouteEntry) {
  if (caller === "anonymous") return { client: site.anonymous, user_id: null, signed: null };
  const stage = stages[`${route.method} ${route.pattern}`];
  const signed = caller === "browser"
    ? await site.signIn("admin", { kind: "browser", stage })
    : await site.signIn(caller, { stage });
  return { client: signed as HttpClient, user_id: signed.user_id, signed };
}

/** As the specification has it (section 10), in its own words and not in those of the program. */
function allowed({ access }: RouteEntry, caller: Caller): boolean {
  if (access.role === "anonymous") return true;
  const may: Record<Caller, boolean> = {
    anonymous: false,
    auditor: access.role === "auditor",
    operator: access.role !== "admin" && !access.tells_all,
    admin: true,
    browser: true,
  };
  return may[caller];
}

function checkAnswer(what: string, answer: ClientAnswer): void {
  assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
  for (const [name, pattern] of Object.entries(SECURITY_HEADERS)) {
    assert.match(answer.headers.get(name) ?? "", pattern, `${what}: header ${name}`);
  }
  if (answer.headers.get("content-type")?.includes("html")) return;
  for (const pattern of MUST_NOT_CONTAIN) assert.doesNotMatch(answer.text, pattern, what);
}

function checkEnvelope(what: string, answer: ClientAnswer): void {
  const { error } = answer.json ?? {};
  assert.equal(
    typeof error?.message,
    "string",
    `${what}: ${answer.status} without envelope: ${answer.text.slice(0, 200)}`,
  );
  assert.deepEqual(Object.keys(answer.json), ["error"]);
  assert.deepEqual(Object.keys(error), ["code", "message", "hint", "request_id", "details"]);
  assert.equal(error.request_id, answer.headers.get("x-request-id"), what);
}

/** The schema that the document promises for an operation's answer. */
function checkDescribed(what: string, document: Schema, route: RouteEntry, answer: ClientAnswer): void {
  const path = route.pattern.replaceAll(/:(\w+)/g, "{$1}");
  // deno-lint-ignore no-explicit-any -- a document is what it is
  const operation = (document as any).paths?.[path]?.[route.method.toLowerCase()];
  assert.ok(operation, `${what} is not described`);
  const promised = operation.responses[answer.status] ?? operation.responses.default;
  assert.ok(promised, `${what}: no answer is described for ${answer.status}`);
  const type = (answer.headers.get("content-type") ?? "").split(";")[0];
  const content = promised.content?.[type];
  assert.ok(content, `${what}: ${type} is not described for ${answer.status}`);
  if (type !== "application/json") return;
  const resolve = (ref: string) => ref.slice(2).split("/").reduce((at, key) => at[key] as Schema, document);
  assert.deepEqual(schemaProblems(content.schema, answer.json, resolve), [], what);
}

interface Row {
  seq: number;
  action: string;
  actor_id: string | null;
  outcome: string;
}

async function auditRows(site: TestSite): Promise<Row[]> {
  return [...await site.database.sql`select seq, action, actor_id, outcome from audit_log order by seq`] as never;
}

async function openRates(site: TestSite): Promise<void> {
  const { user_id } = await site.signIn("admin");
  const context = callerContext({ id: user_id });
  await changeSetting(site.database.sql, user_id, "enrolment.rate_per_minute", 1_000, context);
}

Deno.test("every API route × caller: as declared, described, audited, and telling nothing of its inside", async () => {
  await using site = await testSite();
  await openRates(site);
  const document = describeApi(site.site, "1.0.0") as Schema;
  for (const route of site.site.routeTable().filter(({ kind }) => kind === "api")) {
    const { request, status, refused = [] } = examples[`${route.method} ${route.pattern}`];
    for (const caller of callers) {
      const what = `${route.method} ${route.pattern} as ${caller}`;
      const { client, user_id, signed } = await as(site, caller, route);
      const wanted = await request(site, signed ?? undefined);
      const before = (await auditRows(site)).length;
      const answer = await client.send(wanted);
      checkAnswer(what, answer);
      checkDescribed(what, document, route, answer);
      // The end of a job is a row of its own, whoever brought it about.
      const added = (await auditRows(site)).slice(before).filter(({ action }) => action !== "job.end");
      if (allowed(route, caller) && !refused.includes(caller)) {
        assert.equal(answer.status, status, `${what}: ${answer.text.slice(0, 300)}`);
        const actions = added.map(({ action }) => action);
        // A machine that is not let in collects nothing; nothing is said of that.
        if (route.access.audit === "certificate.collect") assert.deepEqual(actions, []);
        else assert.deepEqual(actions, route.access.audit === null ? [] : [route.access.audit], what);
        if (added.length > 0 && route.access.role !== "anonymous") assert.equal(added[0].actor_id, user_id, what);
      } else {
        const expected = caller === "anonymous" ? 401 : caller === "browser" ? 401 : 403;
        assert.equal(answer.status, expected, `${what}: ${answer.text.slice(0, 300)}`);
        checkEnvelope(what, answer);
        // What somebody who is signed in may not change is a row of its own, and the only one.
        const denied = user_id !== null && route.access.audit !== null && expected === 403;
        assert.deepEqual(
          added.map(({ action, outcome, actor_id }) => [action, outcome, actor_id]),
          denied ? [[route.access.audit, "denied", user_id]] : [],
          `${what}: refused, and something was done`,
        );
      }
    }
  }
});

Deno.test("other methods of a path are 405 with what is allowed; unknown paths are 404; both in the envelope", async () => {
  await using site = await testSite();
  const routes = site.site.routeTable().filter(({ kind }) => kind === "api");
  const answers = (method: string, path: string) =>
    routes.some((route) => route.method === method && matcher(route.pattern).test(path));
  let tried = 0;
  for (const pattern of new Set(routes.map((route) => route.pattern))) {
    const path = samplePath(pattern);
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      if (answers(method, path)) continue;
      const answer = await site.anonymous.send({ method, path });
      const what = `${method} ${pattern}`;
      assert.equal(answer.status, 405, what);
      assert.ok(answer.headers.get("allow"), what);
      assert.ok(!answer.headers.get("allow")!.split(", ").includes(method), what);
      checkAnswer(what, answer);
      checkEnvelope(what, answer);
      tried++;
    }
  }
  assert.ok(tried > 100, `only ${tried} combinations were tried`);
  for (const path of ["/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/hosts", "/api/v1/hosts/x/y/z"]) {
    const answer = await site.anonymous.get(path);
    assert.equal(answer.status, 404, path);
    checkAnswer(path, answer);
    if (path.startsWith("/api/v1/")) checkEnvelope(path, answer);
  }
});

Deno.test("the API description is a valid OpenAPI 3.1 document with every route", async () => {
  await using site = await testSite();
  const { json } = await (await site.signIn("auditor")).get("/api/v1/openapi.json");
  const result = await new Validator().validate(structuredClone(json));
  assert.deepEqual(result.errors ?? [], []);
  assert.equal(result.valid, true);
  const described = Object.entries(json.paths as Record<string, Record<string, { operationId: string }>>)
    .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`));
  assert.deepEqual(
    described.map((one) => one.replaceAll(/\{(\w+)\}/g, ":$1")).sort(),
    Object.keys(examples).sort(),
  );
  const ids = Object.values(json.paths as Record<string, Record<string, { operationId: string }>>)
    .flatMap((operations) => Object.values(operations).map(({ operationId }) => operationId));
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("the description has the error catalogue, and every operation says what its callers can meet", async () => {
  await using site = await testSite();
  // deno-lint-ignore no-explicit-any -- a document is what it is
  const document = describeApi(site.site, "1.0.0") as any;
  const { Error: envelope, ErrorCode: codes } = document.components.schemas;
  assert.deepEqual(envelope.properties.error.properties.code, { $ref: "#/components/schemas/ErrorCode" });
  assert.deepEqual(codes.enum.toSorted(), Object.keys(catalogue).toSorted());
  for (const route of site.site.routeTable().filter(({ kind }) => kind === "api")) {
    const { method, pattern, access } = route;
    const what = `${method} ${pattern}`;
    const { responses, security } = document.paths[pattern.replaceAll(/:(\w+)/g, "{$1}")][method.toLowerCase()];
    const signed = access.role !== "anonymous" && access.role !== "agent";
    assert.equal(security.length > 0, signed, what);
    for (const one of security.flatMap(Object.keys)) assert.ok(document.components.securitySchemes[one], what);
    if (signed) assert.match(responses[401].description, /`session_expired`/, what);
    assert.match(responses[403].description, signed ? /`second_factor_required`/ : /`origin_refused`/, what);
    const by_token = security.some((one: object) => "api_token" in one);
    assert.equal(by_token, signed && !["never", null].includes(scopeOf(route)), what);
    assert.equal(/`confirmation_required`/.test(responses[403].description), access.recent === true, what);
    assert.ok(responses.default, what);
  }
});

function matcher(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`);
}

/** The pattern with ids of nothing. */
function samplePath(pattern: string): string {
  return pattern.replaceAll(/:(id|host_id)\b/g, "01a1fd45-997f-785d-89ae-7faf93555909").replaceAll(/:\w+/g, "x");
}
