import assert from "node:assert/strict";
import { ACCESS_COOKIE, SESSION_COOKIE } from "../routes/(_role)/cookies.ts";
import { examples, forms, stages } from "../testing/api_examples.ts";
import type { ClientAnswer, ClientRequest } from "../testing/http_client.ts";
import { TEST_PASSWORD, type TestCaller, type TestSite, testSite } from "../testing/site.ts";
import type { RouteEntry } from "../web/mod.ts";
import { contentsOf } from "./access/contents.ts";

const FORM = { "content-type": "application/x-www-form-urlencoded" };

const cookiesIn = (answer: ClientAnswer) =>
  Object.fromEntries(
    answer.headers.getSetCookie().map((one) => one.split(";")[0].split(/=(.*)/s).slice(0, 2) as [string, string]),
  );

async function requestOf(route: RouteEntry, site: TestSite, caller: TestCaller): Promise<ClientRequest> {
  const name = `${route.method} ${route.pattern}`;
  if (route.kind === "api") return await examples[name].request(site, caller);
  const { path, fields = [] } = await forms[name](site, caller);
  return { method: route.method, path, headers: FORM, body: new URLSearchParams(fields).toString() };
}

Deno.test("what is somebody's own (tokens, sessions, factors) does not exist for others who are no admins", async () => {
  await using site = await testSite();
  const tried: string[] = [];
  for (const route of site.site.routeTable()) {
    // Open to every role, about one thing, and of no host: so it is a person's own.
    const { role, scope } = route.access;
    const own = role === "auditor" && scope === "none" && /:\w+/.test(route.pattern) && route.method !== "GET";
    const name = `${route.method} ${route.pattern}`;
    if (!own || route.kind === "upgrade" || stages[name]) continue;
    const kind = route.kind === "page" ? "browser" : "api";
    const owner = await site.signIn("operator", { kind });
    const request = await requestOf(route, site, owner);
    for (const thief of ["operator", "auditor"] as const) {
      const caller = await site.signIn(thief, { kind });
      const before = await contentsOf(site.database.sql);
      const answer = await caller.send(request);
      assert.ok(
        [404, 403].includes(answer.status),
        `${name} as another ${thief}: ${answer.status} ${answer.text.slice(0, 200)}`,
      );
      assert.deepEqual(await contentsOf(site.database.sql), before, `${name} as another ${thief}`);
    }
    tried.push(name);
  }
  assert.ok(tried.length >= 2, tried.join());
});

Deno.test("a session that somebody else chose does not become ours: every sign-in makes a new one", async () => {
  await using site = await testSite();
  const { username } = await site.signIn("auditor");
  const other = await site.signIn("operator", { kind: "browser" });
  const fixed = `${ACCESS_COOKIE}=${other.token}; ${SESSION_COOKIE}=${other.refresh_token}`;
  for (const cookie of [fixed, `${SESSION_COOKIE}=${"x".repeat(43)}`]) {
    const answer = await site.client({ cookie, origin: site.origin }).send({
      method: "POST",
      path: "/login",
      headers: FORM,
      body: new URLSearchParams({ username, password: TEST_PASSWORD, next: "/hosts" }).toString(),
    });
    assert.equal(answer.status, 303, answer.text.slice(0, 200));
    const made = cookiesIn(answer);
    assert.match(made[SESSION_COOKIE] ?? "", /^[A-Za-z0-9_-]{43}$/);
    assert.ok(!cookie.includes(made[SESSION_COOKIE]), "the cookie that came is not the one that stays");
    assert.notEqual(made[ACCESS_COOKIE], other.token);
    // Whoever planted it does not become the one who signed in.
    const planted = await site.client({ cookie }).get("/api/v1/auth/me");
    assert.notEqual(planted.json?.username, username);
  }
});

Deno.test("what has ended stays ended: replayed cookies, bearer and refresh tokens open nothing", async () => {
  await using site = await testSite();
  const person = await site.signIn("operator", { kind: "browser" });
  assert.equal((await person.send({ method: "POST", path: "/logout", headers: FORM, body: "" })).status, 303);
  assert.equal((await person.get("/api/v1/auth/me")).status, 401);
  const refresh_only = site.client({ cookie: `${SESSION_COOKIE}=${person.refresh_token}`, origin: site.origin });
  assert.equal((await refresh_only.get("/api/v1/auth/me")).status, 401);
  const program = await site.signIn("operator");
  assert.equal((await program.post("/api/v1/auth/logout")).status, 200);
  assert.equal((await program.get("/api/v1/auth/me")).json.error.code, "session_expired");
});

Deno.test("tokens of one kind are none of another: a cookie's is no bearer, a refresh token no access token", async () => {
  await using site = await testSite();
  const person = await site.signIn("admin", { kind: "browser" });
  const program = await site.signIn("admin");
  for (
    const [what, headers] of [
      ["a cookie's access token as bearer", { authorization: `Bearer ${person.token}` }],
      ["a refresh token as bearer", { authorization: `Bearer ${program.refresh_token}` }],
      ["a program's access token as cookie", { cookie: `${ACCESS_COOKIE}=${program.token}` }],
      ["a program's refresh token as cookie", { cookie: `${SESSION_COOKIE}=${program.refresh_token}` }],
      ["an access token in the other cookie", { cookie: `${SESSION_COOKIE}=${person.token}` }],
      ["without its signature", { authorization: `Bearer ${program.token.split(".").slice(0, 2).join(".")}.` }],
      ["with another role in it", { authorization: `Bearer ${forged(program.token, { role: "auditor" })}` }],
      ["with another header", { authorization: `Bearer ${forged(program.token, {}, { alg: "none" })}` }],
      ["a bearer in small letters", { authorization: `bearer ${program.refresh_token}` }],
      ["two bearers", { authorization: `Bearer ${program.refresh_token}, Bearer ${program.token}` }],
    ] as [string, Record<string, string>][]
  ) {
    const answer = await site.client(headers).get("/api/v1/auth/me");
    assert.equal(answer.status, 401, `${what}: ${answer.text.slice(0, 200)}`);
  }
  assert.equal((await program.get("/api/v1/auth/me")).status, 200, "and the good one still is");
});

/** The token with other claims or another header, and the signature that it had. */
function forged(token: string, claims: Record<string, unknown>, header: Record<string, unknown> = {}): string {
  const [head, body, signature] = token.split(".");
  const change = (part: string, by: Record<string, unknown>) =>
    btoa(JSON.stringify({ ...JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/"))), ...by }))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${change(head, header)}.${change(body, claims)}.${signature}`;
}

Deno.test("wherever a form says where to go on, it stays within this site", async () => {
  await using site = await testSite();
  const places = [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/%09/evil.example",
    "/..//evil.example",
  ];
  for (const place of [...places, "javascript:alert(1)", "data:text/html,x", "\r\nset-cookie: a=b"]) {
    for (const { method, pattern, kind } of site.site.routeTable()) {
      const name = `${method} ${pattern}`;
      if (kind !== "page" || method === "GET" || !forms[name]) continue;
      const caller = await site.signIn("admin", { kind: "browser", stage: stages[name] });
      const { path, fields = [] } = await forms[name](site, caller);
      if (!fields.some(([field]) => ["next", "back"].includes(field))) continue;
      const spoiled = fields.map(([field, value]) => [field, ["next", "back"].includes(field) ? place : value]);
      const body = new URLSearchParams(spoiled as [string, string][]).toString();
      const answer = await caller.send({ method, path, headers: FORM, body });
      const location = answer.headers.get("location") ?? "/";
      assert.match(location, /^\/(?![/\\])[^\r\n]*$/, `${name} with ${place}: ${location}`);
      assert.equal(new URL(location, site.origin).origin, site.origin, `${name} with ${place}: ${location}`);
    }
    const asked = await site.anonymous.get(`/login?next=${encodeURIComponent(place)}`);
    assert.ok(!/(href|action)="(https?:)?(\/\/|\/\\|javascript:|data:)/i.test(asked.text), `GET /login?next=${place}`);
  }
});
