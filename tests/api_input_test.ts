import assert from "node:assert/strict";
import { describeApi } from "../routes/(_api)/document.ts";
import { type Example, examples } from "../testing/api_examples.ts";
import type { ClientAnswer, ClientRequest } from "../testing/http_client.ts";
import type { Schema } from "../testing/json_schema.ts";
import { type TestCaller, type TestSite, testSite } from "../testing/site.ts";

const LONG = "x".repeat(100_001);

interface Operation {
  name: string;
  example: Example;
  // deno-lint-ignore no-explicit-any -- a document is what it is
  described: any;
}

function operations(site: TestSite): { all: Operation[]; resolve(schema: Schema): Schema } {
  // deno-lint-ignore no-explicit-any -- a document is what it is
  const document = describeApi(site.site, "1.0.0") as any;
  const all = Object.entries(examples).map(([name, example]) => {
    const [method, pattern] = name.split(" ");
    const described = document.paths[pattern.replaceAll(/:(\w+)/g, "{$1}")][method.toLowerCase()];
    return { name, example, described };
  });
  const resolve = (schema: Schema): Schema =>
    typeof schema?.$ref === "string" ? document.components.schemas[schema.$ref.split("/").at(-1)!] : schema;
  return { all, resolve };
}

/** Sends a variation of a good request and wants a refusal in words: never a success, never an error of ours. */
async function refused(
  caller: TestCaller,
  what: string,
  request: ClientRequest,
  statuses: number[] = [400],
): Promise<ClientAnswer> {
  const answer = await caller.send(request);
  assert.ok(statuses.includes(answer.status), `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
  const { error } = answer.json ?? {};
  assert.ok(error?.message && error?.hint, `${what}: no words: ${answer.text.slice(0, 200)}`);
  assert.ok(answer.text.length < 20_000, `${what}: ${answer.text.length} characters come back`);
  assert.doesNotMatch(answer.text, /x{500}|node_modules|\.ts:\d|Postgres|relation "/, what);
  return answer;
}

/** Bodies that are wrong before anybody looks at what they say. */
const BODIES: [name: string, body: Uint8Array | string, headers: Record<string, string>, statuses: number[]][] = [
  ["wrong content type", "a=b", { "content-type": "application/x-www-form-urlencoded" }, [415]],
  ["text that calls itself plain", "{}", { "content-type": "text/plain" }, [415]],
  ["no content type", "{}", {}, [415]],
  ["another character set", "{}", { "content-type": "application/json; charset=utf-16" }, [415]],
  ["nothing", "", { "content-type": "application/json" }, [400]],
  ["half of it", '{"a":', { "content-type": "application/json" }, [400]],
  ["two values", "{} {}", { "content-type": "application/json" }, [400]],
  ["a comment", "{} // yes", { "content-type": "application/json" }, [400]],
  ["NaN", '{"value":NaN}', { "content-type": "application/json" }, [400]],
  ["a raw NUL", '{"a":"\u0000"}', { "content-type": "application/json" }, [400]],
  ["a byte order mark", "\ufeff{}\ufeff", { "content-type": "application/json" }, [400]],
  [
    "invalid UTF-8",
    Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    { "content-type": "application/json" },
    [400],
  ],
  ["deep nesting", '{"a":' + "[".repeat(5_000) + "]".repeat(5_000) + "}", { "content-type": "application/json" }, [
    400,
  ]],
  ["too many values", "[" + "0,".repeat(200_000) + "0]", { "content-type": "application/json" }, [413]],
  ["duplicate members", '{"a":1,"\\u0061":2}', { "content-type": "application/json" }, [400]],
  ["duplicate members inside", '{"x":[{"a":1,"a":1}]}', { "content-type": "application/json" }, [400]],
  ["null", "null", { "content-type": "application/json" }, [400]],
  ["a list", "[]", { "content-type": "application/json" }, [400]],
  ["text", '"x"', { "content-type": "application/json" }, [400]],
  ["a number", "1e999", { "content-type": "application/json" }, [400]],
];

Deno.test("bodies that are no body of ours are refused before they are understood", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  let tried = 0;
  for (const { name, example, described } of operations(site).all) {
    if (!described.requestBody) continue;
    const { method, path } = await example.request(site);
    for (const [kind, body, headers, statuses] of BODIES) {
      await refused(admin, `${name}: ${kind}`, { method, path, body, headers }, statuses);
      tried++;
    }
    const size = { method, path, headers: { "content-type": "application/json" } };
    await refused(admin, `${name}: 2 MiB`, { ...size, body: `{"a":"${"x".repeat(2 << 20)}"}` }, [413]);
    await refused(admin, `${name}: without a length`, { ...size, body: "{}", chunked: true }, [413]);
  }
  assert.ok(tried >= 200, `only ${tried}`);
});

Deno.test("the listener's own refusal carries the envelope and the security headers", async () => {
  await using site = await testSite();
  const answer = await site.anonymous.send({ method: "POST", path: "/api/v1/auth/login", body: "x".repeat(2 << 20) });
  assert.equal(answer.status, 413);
  assert.equal(answer.json.error.code, "payload_too_large");
  assert.equal(answer.json.error.request_id, answer.headers.get("x-request-id"));
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'/);
});

/** Values that no member of the schema takes; for a member that takes anything: none. */
function wrongValues(schema: Schema, resolve: (schema: Schema) => Schema): [string, unknown][] {
  const of = resolve(schema);
  const types = of.type === undefined ? [] : [of.type].flat() as string[];
  if (types.length === 0) return of.anyOf || of.oneOf || of.enum ? [["an odd object", { odd: true }]] : [];
  const all: [string, string, unknown][] = [
    ["string", "a text", "no"],
    ["number", "a number", 1.5],
    ["boolean", "true", true],
    ["array", "a list", [[]]],
    ["object", "an object", { odd: true }],
    ["null", "null", null],
  ];
  const wrong: [string, unknown][] = all
    .filter(([type]) => !types.includes(type))
    .map(([_, words, value]) => [words, value]);
  if (types.includes("string")) wrong.push(["100,001 characters", LONG]);
  if (types.includes("string") && !of.enum && of.format === undefined) wrong.push(["NUL", "a\u0000b"]);
  if (of.format === "uuid") wrong.push(["no UUID", "01a1fd45-997f-785d-89ae-7faf9355590g"]);
  if (types.includes("integer")) wrong.push(["minus one", -1], ["too much", 1e15], ["a fraction", 0.5]);
  if (types.includes("array")) wrong.push(["a list of the wrong", [{ odd: [1] }]]);
  return wrong;
}

/** The public agent's protocol is not ours alone: later agents may say more. */
const LENIENT = new Set(["POST /api/v1/enroll"]);

Deno.test("every member of every body: missing, wrong type, too long, NUL, unknown", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const { all, resolve } = operations(site);
  let tried = 0;
  for (const { name, example, described } of all) {
    const body = described.requestBody?.content["application/json"].schema;
    if (!body) continue;
    const schema = resolve(body);
    const good = await example.request(site);
    const json = { ...good.json as Record<string, unknown> };
    const send = (what: string, value: unknown, statuses?: number[]) => {
      tried++;
      return refused(admin, `${name}: ${what}`, { ...good, json: value }, statuses);
    };
    for (const member of (schema.required ?? []) as string[]) {
      const { [member]: _, ...rest } = json;
      const answer = await send(`without ${member}`, rest);
      const fields = answer.json.error.details.map(({ field }: { field: string }) => field);
      assert.ok(fields.includes(member), `${name} without ${member} names ${fields}`);
    }
    if (!LENIENT.has(name)) {
      const answer = await send("an unknown member", { ...json, unheard_of: 1 });
      assert.equal(answer.json.error.details[0].field, "unheard_of", name);
    }
    for (const [member, of] of Object.entries(schema.properties as Record<string, Schema>)) {
      for (const [words, value] of wrongValues(of, resolve)) {
        // A user name with NUL is merely unknown: to say more would tell names from passwords.
        const statuses = /auth\/(login|password)/.test(name) && words === "NUL" ? [400, 401, 422, 429] : undefined;
        await send(`${member} is ${words}`, { ...json, [member]: value }, statuses);
      }
    }
  }
  assert.ok(tried >= 150, `only ${tried}`);
});

const WRONG_IDS = [
  "x",
  "0",
  "01a1fd45-997f-785d-89ae-7faf9355590",
  "01a1fd45-997f-785d-89ae-7faf9355590g",
  "'%20or%201=1--",
  "%00",
  "%ff%fe",
  "%E2%80%AE",
  "..%2f..%2fetc%2fpasswd",
  "%7B%7D",
  "x".repeat(6_000),
];

Deno.test("every id in every path: what is no id is 400, what names nothing is 404", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  for (const { name, example, described } of operations(site).all) {
    const [method, pattern] = name.split(" ");
    for (const id of pattern.match(/:(id|host_id)\b/g) ?? []) {
      const good = await example.request(site);
      const parts = good.path.split("?")[0].split("/");
      const at = pattern.split("/").indexOf(id);
      const withId = (value: string) => ({
        ...good,
        method,
        path: parts.map((part, index) => index === at ? value : part).join("/"),
      });
      for (const wrong of WRONG_IDS) await refused(admin, `${name} with ${wrong.slice(0, 40)}`, withId(wrong), [400]);
      const nothing = withId("01a1fd45-997f-785d-89ae-7faf93555909");
      await refused(admin, `${name} of nothing`, nothing, [404]);
      assert.ok(described.responses[404], `${name}: 404 is not described`);
    }
  }
  for (const wrong of WRONG_IDS) {
    const answer = await site.anonymous.get(`/api/v1/enroll/status/${wrong}`);
    assert.deepEqual([answer.status, answer.json], [200, { status: "notfound" }], wrong.slice(0, 40));
    await refused(admin, wrong, { method: "PUT", path: `/api/v1/settings/${wrong}`, json: { value: 5 } }, [400, 404]);
  }
});

Deno.test("every parameter of every query: wrong, too long, twice, NUL, unknown", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  let tried = 0;
  for (const { name, example, described } of operations(site).all) {
    const parameters = (described.parameters ?? []).filter((one: { in: string }) => one.in === "query");
    if (parameters.length === 0) continue;
    const good = await example.request(site);
    const path = good.path.split("?")[0];
    const send = (query: string) => {
      tried++;
      return refused(admin, `${name}?${query.slice(0, 60)}`, { ...good, path: `${path}?${query}` });
    };
    await send("unheard_of=1");
    for (const { name: parameter, schema } of parameters) {
      await send(`${parameter}=${"x".repeat(9_000)}`);
      await send(`${parameter}=a%00b`);
      await send(`${parameter}=1&${parameter}=1`);
      if (schema.enum || schema.type !== "string") await send(`${parameter}=perhaps`);
      if (schema.type === "integer") {
        for (const wrong of ["-1", "1.5", "1e3", "0x10", "99999999999999999999", "", "%20"]) {
          await send(`${parameter}=${wrong}`);
        }
      }
      if (parameter === "cursor") {
        for (
          const wrong of ["abc", "!!!", btoa("[1]"), btoa('["hosts name","\\u0000","x"]'), btoa('["jobs","a","b"]x')]
        ) {
          await send(`cursor=${encodeURIComponent(wrong)}`);
        }
      }
    }
  }
  assert.ok(tried >= 100, `only ${tried}`);
});

Deno.test("an Idempotency-Key that is none is refused; the same key is the same job, another order is not", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const good = await examples["POST /api/v1/jobs"].request(site);
  const withKey = (key: string, json: unknown = good.json) => ({ ...good, json, headers: { "idempotency-key": key } });
  for (const key of ["", "a b", "x".repeat(129), "caf\u00e9"]) await refused(admin, `key ${key}`, withKey(key));
  const first = await admin.send(withKey("order-1"));
  const again = await admin.send(withKey("order-1"));
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.deepEqual([again.json.job_id, again.json.repeated], [first.json.job_id, true]);
  assert.equal(again.headers.get("location"), `/api/v1/jobs/${first.json.job_id}`);
  const other = await admin.send(withKey("order-1", { ...good.json as object, reason: "other" }));
  assert.deepEqual([other.status, other.json.error.code], [409, "idempotency_conflict"]);
  const together = await Promise.all(Array.from({ length: 10 }, () => admin.send(withKey("order-2"))));
  assert.equal(new Set(together.map(({ json }) => json.job_id)).size, 1);
  assert.equal(together.filter(({ status }) => status === 201).length, 1);
});
