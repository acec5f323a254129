import assert from "node:assert/strict";
import { ACCESS_COOKIE, SESSION_COOKIE } from "../routes/(_role)/cookies.ts";
import { examples, forms, pages, stages } from "../testing/api_examples.ts";
import type { ClientAnswer, ClientRequest } from "../testing/http_client.ts";
import type { TestCaller, TestSite } from "../testing/site.ts";
import type { RouteEntry } from "../web/mod.ts";
import { contentsOf } from "./access/contents.ts";
import { emptySite } from "./pages/scenario.ts";

const FORM = "application/x-www-form-urlencoded";

interface Filled {
  name: string;
  caller: TestCaller;
  path: string;
  fields: [name: string, value: string][];
}

/** Every page that takes a form, with a good one and somebody who may send it. */
async function* filledForms(site: TestSite): AsyncGenerator<Filled> {
  for (const { method, pattern, kind } of site.site.routeTable()) {
    const name = `${method} ${pattern}`;
    if (kind !== "page" || method === "GET" || !forms[name]) continue;
    const caller = await site.signIn("admin", { kind: "browser", stage: stages[name] });
    const { path, fields = [] } = await forms[name](site, caller);
    yield { name, caller, path, fields };
  }
}

interface Bad {
  what: string;
  headers: Record<string, string>;
  body: string;
  status: number;
}

/** What a good form becomes when somebody else than our page sends it. */
function spoiled({ fields }: Filled): Bad[] {
  const body = new URLSearchParams(fields).toString();
  const form = { "content-type": FORM };
  const more = (field: string) => body === "" ? field : `${body}&${field}`;
  const once = fields.find(([name]) => fields.filter(([other]) => other === name).length === 1);
  const object = JSON.stringify(Object.fromEntries(fields));
  return [
    { what: "an unknown field", headers: form, body: more("unheard_of=1"), status: 400 },
    { what: "a field called __proto__", headers: form, body: more("__proto__=1"), status: 400 },
    { what: "a role that nobody asked for", headers: form, body: more("is_admin=true"), status: 400 },
    { what: "20,001 fields", headers: form, body: more(Array(20_001).fill("x=1").join("&")), status: 400 },
    { what: "JSON", headers: { "content-type": "application/json" }, body: object, status: 415 },
    { what: "text", headers: { "content-type": "text/plain" }, body, status: 415 },
    { what: "multipart", headers: { "content-type": "multipart/form-data; boundary=x" }, body, status: 415 },
    { what: "no content type", headers: {}, body, status: 415 },
    { what: "2 MiB", headers: form, body: more(`x=${"x".repeat(2 << 20)}`), status: 413 },
    ...(once ? [{ what: `${once[0]} twice`, headers: form, body: more(`${once[0]}=`), status: 400 }] : []),
  ];
}

/** Fields that come as often as there are values: one more of them is no mistake. */
const LISTS = new Set(["host", "offer", "group", "user", "scope", "network"]);

Deno.test("every form: unknown and repeated fields, other content types, too much: refused, and nothing is changed", async (t) => {
  await using site = await emptySite();
  for await (const filled of filledForms(site)) {
    await t.step(filled.name, async () => {
      const before = await contentsOf(site.database.sql);
      for (const { what, headers, body, status } of spoiled(filled)) {
        if (LISTS.has(what.split(" ")[0])) continue;
        const answer = await filled.caller.send({ method: "POST", path: filled.path, headers, body });
        const said = `${filled.name} with ${what}: ${answer.status} ${answer.headers.get("location")} ${
          answer.text.slice(0, 200)
        }`;
        assert.equal(answer.status, status, said);
        assert.ok(answer.text.length < 60_000, said);
      }
      assert.deepEqual(await contentsOf(site.database.sql), before, filled.name);
    });
  }
});

/** A good request of every route that changes something or opens a socket, by a browser. */
async function* changes(
  site: TestSite,
): AsyncGenerator<{ route: RouteEntry; caller: TestCaller; good: ClientRequest }> {
  for (const route of site.site.routeTable()) {
    const name = `${route.method} ${route.pattern}`;
    if (route.method === "GET" && route.kind !== "upgrade") continue;
    const caller = await site.signIn("admin", { kind: "browser", stage: stages[name] });
    if (route.kind === "upgrade") yield { route, caller, good: { path: route.pattern } };
    else if (route.kind === "api" && examples[name]) {
      yield { route, caller, good: await examples[name].request(site, caller) };
    } else if (forms[name]) {
      const { path, fields = [] } = await forms[name](site, caller);
      const body = new URLSearchParams(fields).toString();
      yield { route, caller, good: { method: "POST", path, headers: { "content-type": FORM }, body } };
    }
  }
}

Deno.test("with a cookie every change comes from our own page: a missing or foreign Origin is 403", async () => {
  await using site = await emptySite();
  let tried = 0;
  for await (const { route, caller, good } of changes(site)) {
    const cookie = { cookie: `${ACCESS_COOKIE}=${caller.token}; ${SESSION_COOKIE}=${caller.refresh_token}` };
    const before = await contentsOf(site.database.sql);
    const send = (headers: Record<string, string>): Promise<ClientAnswer> =>
      site.client(cookie).send({ ...good, headers: { ...good.headers, ...headers } });
    for (
      const origin of [
        undefined,
        "null",
        "https://evil.example",
        site.origin.replace("https:", "http:"),
        `${site.origin}.evil.example`,
        site.origin.replace("localhost", "evil.localhost"),
        `${site.origin}/`,
        site.origin.replace(/:\d+$/, ""),
      ]
    ) {
      const answer = await send(origin === undefined ? {} : { origin });
      const what = `${route.method} ${route.pattern} from ${origin}: ${answer.status} ${answer.text.slice(0, 100)}`;
      assert.equal(answer.status, 403, what);
      if (route.kind !== "page") assert.equal(answer.json.error.code, "origin_refused", what);
      tried++;
    }
    assert.deepEqual(await contentsOf(site.database.sql), before, `${route.method} ${route.pattern}`);
  }
  assert.ok(tried >= 400, `only ${tried}`);
});

Deno.test("what a foreign page may start of our reading pages is going there, and nothing that it could read", async () => {
  await using site = await emptySite();
  const admin = await site.signIn("admin", { kind: "browser" });
  for (const { method, pattern, kind } of site.site.routeTable()) {
    if (method !== "GET" || kind === "static" || kind === "upgrade" || pattern.startsWith("/status/")) continue;
    const name = `${method} ${pattern}`;
    const path = kind === "api"
      ? (await examples[name]?.request(site, admin))?.path
      : await pages[name]?.(site) ?? (pattern.includes(":") ? undefined : pattern);
    if (path === undefined) continue;
    for (const place of ["cross-site", "same-site"]) {
      const answer = await admin.get(path, { "sec-fetch-site": place, "sec-fetch-mode": "no-cors" });
      assert.equal(answer.status, 403, `${name} from ${place}`);
    }
    // No answer ever lets another site read it.
    const { headers } = await admin.get(path, { origin: "https://evil.example" });
    assert.equal(headers.get("access-control-allow-origin"), null, name);
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin", name);
  }
});
