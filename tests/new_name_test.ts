import assert from "node:assert/strict";
import { testSite } from "../testing/site.ts";
import { waitFor } from "../testing/wait_for.ts";

/** The name in the bar of a page. */
const shown = (html: string) => /Signed in as <strong>([^<]*)<\/strong>/.exec(html)?.[1];

Deno.test("a new name is on the next page and in the next answer, though the access token holds the old one", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const person = await site.signIn("operator", { kind: "browser" });
  const bystander = await site.signIn("operator", { kind: "browser" });
  const [page, others] = [await person.get("/hosts"), await bystander.get("/hosts")];
  assert.equal(shown(page.text), person.username, "who has no name is called by the user name");
  const path = `/api/v1/users/${person.user_id}`;
  const changed = await admin.send({ method: "PATCH", path, json: { display_name: "Ines Duarte" } });
  assert.equal(changed.status, 200, changed.text);
  // Within a second: what is told arrives when the database says it.
  await waitFor("the new name", async () => shown((await person.get("/hosts")).text) === "Ines Duarte");
  assert.equal((await person.get("/hosts")).headers.getSetCookie().length, 0, "with the same access token");
  assert.equal(shown((await bystander.get("/hosts")).text), shown(others.text));
  // One's own as well, and what was taken away.
  await admin.send({ method: "PATCH", path: `/api/v1/users/${admin.user_id}`, json: { display_name: "Ann" } });
  await waitFor("one's own", async () => (await admin.get("/api/v1/auth/me")).json.display_name === "Ann");
  await admin.send({ method: "PATCH", path, json: { display_name: "" } });
  await waitFor("no name", async () => shown((await person.get("/hosts")).text) === person.username);
  // An e-mail address is nothing that a session knows of.
  const rows = await site.database.sql`select from audit_log where action = 'user.change'`;
  assert.equal(rows.length, 3);
});
