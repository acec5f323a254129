import assert from "node:assert/strict";
import type { HttpClient } from "../testing/http_client.ts";
import { scenario } from "./pages/scenario.ts";
import { assertSays } from "./pages/words.ts";

/** Sends a form as a browser without script does. */
function submit(client: HttpClient, path: string, fields: Record<string, string>) {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return client.send({ method: "POST", path, body: new URLSearchParams(fields).toString(), headers });
}

Deno.test("what people say of a host is changed on its page, and a wrong field loses nothing", async (t) => {
  await using made = await scenario();
  const { site, hosts, groups } = made;
  const { sql } = site.database;
  const operator = await site.signIn("operator", { kind: "browser", groups: [groups.web] });
  const auditor = await site.signIn("auditor", { kind: "browser" });
  const at = `/hosts/${hosts.many}/edit`;
  const stored = async () => ({
    ...(await sql`select display_name, tags, notes from hosts where id = ${hosts.many}`)[0],
  });
  const before = await stored();

  await t.step("the page shows what is stored, and the host's page leads there", async () => {
    assertSays((await operator.get(`/hosts/${hosts.many}`)).text, new RegExp(`href="${at}"`));
    const { text } = await operator.get(at);
    assertSays(text, /value="Build server"/);
    assertSays(text, /value="ci, not customer facing"/);
    assertSays(text, /nightly builds run until 06:30\.<\/textarea>/);
    assertSays(text, /In no group: every operator sees and manages this host/);
    assert.ok(!(await auditor.get(`/hosts/${hosts.many}`)).text.includes(at), "who only reads is not offered it");
  });

  const good = { display_name: "Builder", tags: "ci, Linux", notes: "One\r\ntwo" };
  const wrong: [string, Record<string, string>, RegExp][] = [
    ["a name that is too long", { display_name: "n".repeat(201) }, /id="display_name-error"/],
    ["control characters in the name", { display_name: "a\u001bb" }, /id="display_name-error"/],
    [
      "a tag that is too long",
      { tags: `ci, ${"t".repeat(300)}` },
      /id="tags-error"[\s\S]{0,400}Tag 2 must have at most 50 characters/,
    ],
    ["too many tags", { tags: Array.from({ length: 40 }, (_, n) => `t${n}`).join() }, /id="tags-error"/],
    ["notes that are too long", { notes: "x".repeat(10_001) }, /id="notes-error"/],
  ];
  for (const [words, part, error] of wrong) {
    await t.step(words, async () => {
      const typed = { ...good, ...part };
      const { status, text } = await submit(operator, at, typed);
      assert.ok(status >= 400 && status < 500, String(status));
      assertSays(text, error);
      assertSays(text, /Nothing was changed/);
      for (const [field, value] of Object.entries(typed)) {
        if (field !== "notes") assert.ok(text.includes(`value="${value}"`), `${field} was lost`);
      }
      assert.ok(text.includes(`${typed.notes.replaceAll("\r\n", "\n")}</textarea>`) || text.includes(typed.notes));
      assert.deepEqual(await stored(), before);
    });
  }

  await t.step("markup stays words", async () => {
    const evil = `"><script>alert(1)</script>`;
    const { text } = await submit(operator, at, { ...good, display_name: evil + "n".repeat(200), notes: evil });
    assert.ok(!text.includes("<script>alert"));
  });

  await t.step("a good change is stored, told and audited; empty fields take the words away", async () => {
    const { status, headers } = await submit(operator, at, { ...good, tags: " ci,, Linux ,CI" });
    assert.deepEqual([status, headers.get("location")], [303, `/hosts/${hosts.many}`]);
    assert.deepEqual(await stored(), { display_name: "Builder", tags: ["ci", "Linux"], notes: "One\ntwo" });
    const [audit] = await sql`select action, actor_id from audit_log order by seq desc limit 1`;
    assert.deepEqual({ ...audit }, { action: "host.change", actor_id: operator.user_id });
    await submit(operator, at, { display_name: "", tags: "", notes: "" });
    assert.deepEqual(await stored(), { display_name: "", tags: [], notes: "" });
    assertSays((await operator.get(`/hosts/${hosts.many}`)).text, /<h1[^>]*>build-01\.example\.org/);
  });

  await t.step("a foreign host is not there, and who only reads changes nothing", async () => {
    for (const method of ["GET", "POST"]) {
      const path = `/hosts/${hosts.degraded}/edit`;
      const send = (who: HttpClient) => method === "GET" ? who.get(path) : submit(who, path, good);
      assert.equal((await send(operator)).status, 404, method);
      assert.equal((await send(auditor)).status, 403, method);
    }
  });
});
