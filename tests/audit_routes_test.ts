import assert from "node:assert/strict";
import { examples, forms, silent, stages } from "../testing/api_examples.ts";
import { type TestSite, testSite } from "../testing/site.ts";

/** Every route that is no reading. The upgrade and the static files take GET only. */
const changing = (site: TestSite) => site.site.routeTable().filter(({ method }) => method !== "GET");

const rowsAfter = async ({ database }: TestSite, seq: number) =>
  (await database.sql`select seq, action, outcome, actor_id, request_id from audit_log where seq > ${seq} order by seq`)
    .filter(({ action }) => action !== "job.end");

Deno.test("every route that changes something says which row it leaves, or why it leaves none", async () => {
  await using site = await testSite();
  const names = changing(site).map(({ method, pattern }) => `${method} ${pattern}`);
  for (const route of changing(site)) {
    const name = `${route.method} ${route.pattern}`;
    assert.ok(forms[name] ?? examples[name], `${name}: add an example below testing/examples/`);
    assert.equal(route.access.audit === null, Object.hasOwn(silent, name), `${name}: row ${route.access.audit}`);
  }
  for (const name of [...Object.keys(forms), ...Object.keys(silent)]) {
    assert.ok(names.includes(name), `${name} is gone`);
  }
});

Deno.test("a good form leaves exactly its row, with who and with the request; one that is refused by role its denial", async () => {
  await using site = await testSite();
  const send = async (role: "admin" | "auditor", name: string) => {
    const caller = await site.signIn(role, { kind: "browser", stage: stages[name] });
    const form = await forms[name](site, caller);
    const body = new URLSearchParams(form.fields ?? []).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const [{ seq }] = await site.database.sql`select seq from audit_head`;
    const answer = await caller.send({ method: "POST", path: form.path, headers, body });
    return { answer, rows: await rowsAfter(site, seq), caller };
  };
  for (const route of changing(site).filter(({ kind }) => kind === "page")) {
    const name = `${route.method} ${route.pattern}`;
    const { audit, role } = route.access;
    const good = await send("admin", name);
    assert.ok(good.answer.status < 400, `${name}: ${good.answer.status} ${good.answer.text.slice(0, 400)}`);
    assert.deepEqual(good.rows.map(({ action }) => action), audit === null ? [] : [audit], name);
    for (const row of good.rows) {
      assert.equal(row.outcome, "success", name);
      assert.match(row.request_id, /^[0-9A-HJKMNP-TV-Z]{26}$/, name);
      if (role !== "anonymous") assert.equal(row.actor_id, good.caller.user_id, name);
    }
    if (role !== "admin" && role !== "operator") continue;
    const refused = await send("auditor", name);
    assert.equal(refused.answer.status, 403, name);
    assert.deepEqual(
      refused.rows.map(({ action, outcome, actor_id }) => [action, outcome, actor_id]),
      audit === null ? [] : [[audit, "denied", refused.caller.user_id]],
      name,
    );
  }
});

Deno.test("a login that fails is one row as well, and holds no password", async () => {
  await using site = await testSite();
  const { username } = await site.signIn("auditor");
  const [{ seq }] = await site.database.sql`select seq from audit_head`;
  await site.anonymous.post("/api/v1/auth/login", { username, password: "not-the-password-at-all" });
  await site.anonymous.post("/api/v1/auth/login", { username: "nobody.there", password: "not-the-password-at-all" });
  const rows = await rowsAfter(site, seq);
  assert.deepEqual(rows.map(({ action, outcome }) => [action, outcome]), [
    ["auth.login", "failure"],
    ["auth.login", "failure"],
  ]);
  const [{ text }] = await site.database.sql`
    select string_agg(convert_from(payload, 'UTF8'), '') as text from audit_log`;
  assert.ok(!text.includes("not-the-password"));
});
