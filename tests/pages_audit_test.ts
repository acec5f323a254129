import assert from "node:assert/strict";
import { appendAudit } from "../core/audit/append_audit.ts";
import { linesOfFile } from "../core/audit/checkpoint_file.ts";
import { signCheckpoints } from "../core/audit/sign_checkpoints.ts";
import { verifyExport } from "../core/audit/verify_export.ts";
import { systemClock } from "../core/clock.ts";
import { makeHost, makeJob } from "../testing/api_examples.ts";
import type { HttpClient } from "../testing/http_client.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { testFolder } from "../testing/test_folder.ts";
import { waitFor } from "../testing/wait_for.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { emptySite } from "./pages/scenario.ts";
import { visit } from "./pages/visitor.ts";
import { assertSays, mainWords } from "./pages/words.ts";

const missing = browserMissing();

const submit = (client: HttpClient, path: string) =>
  client.send({ method: "POST", path, body: "", headers: { "content-type": "application/x-www-form-urlencoded" } });

async function write(site: TestSite, rows: number, actor = "alice", action = "host.create"): Promise<void> {
  for (let n = 0; n < rows; n++) {
    await appendAudit(site.database.web, {
      actor: { kind: "user", id: actor, name: actor },
      address: "192.0.2.7",
      action,
      object: { kind: "host", id: `h${n}`, name: `<b>web-${n}</b>` },
      outcome: n % 2 ? "failure" : "success",
      details: { before: "<script>", n },
    }, systemClock);
  }
}

/** The verification that was begun last, once it has ended. */
const ended = (client: HttpClient) =>
  waitFor("the verification to end", async () => {
    const [run] = (await client.get("/api/v1/audit/verifications")).json.items;
    return run && run.state !== "running" ? run : undefined;
  });

Deno.test("admins and auditors read the log; for operators there is nothing, in the rail neither", async () => {
  await using site = await testSite();
  await write(site, 1);
  for (const role of ["admin", "auditor"] as const) {
    const reader = await site.signIn(role, { kind: "browser" });
    const { status, text } = await reader.get("/audit");
    assert.equal(status, 200, role);
    assertSays(text, /host\.create/);
    assertSays((await reader.get("/hosts")).text, /href="\/audit"/);
    assert.equal((await reader.get("/audit/1")).status, 200);
  }
  const operator = await site.signIn("operator", { kind: "browser" });
  assert.ok(!(await operator.get("/hosts")).text.includes('href="/audit"'));
  const before = (await site.database.sql`select from audit_log`).length;
  for (const path of ["/audit", "/audit?tab=verification", "/audit/1"]) {
    assert.equal((await operator.get(path)).status, 403, path);
  }
  for (const path of ["", "/export.csv", "/export.json", "/verify", "/verifications"]) {
    assert.equal((await operator.get(`/api/v1/audit${path}`)).status, 403, path);
  }
  assert.equal((await site.database.sql`select from audit_log`).length, before);
  assert.equal((await submit(operator, "/audit/verify")).status, 403);
  assert.equal((await site.database.sql`select from audit_log`).length, before + 1, "tried, and refused");
  assert.equal((await site.database.sql`select from audit_verifications`).length, 0);
});

Deno.test("entries by time, actor, action, outcome and host, with their details", async () => {
  await using site = await testSite();
  const reader = await site.signIn("auditor", { kind: "browser" });
  const host = await makeHost(site);
  const { job_id, host_id } = await makeJob(site, "running");
  await appendAudit(site.database.web, {
    ...{ actor: { kind: "user", name: "alice" }, action: "job.create", outcome: "success" },
    object: { kind: "job", id: job_id },
  }, systemClock);
  await write(site, 3, "mallory", "user.disable");
  const [{ fqdn }] = await site.database.sql`select fqdn from hosts where id = ${host_id}`;
  const found = async (query: string) => {
    const { status, text } = await reader.get(`/audit?${query}`);
    assert.equal(status, 200, query);
    return Number(/([\d,]+) entr(?:y|ies)/.exec(mainWords(text))?.[1]);
  };
  const stored = async (condition: string) =>
    (await site.database.sql.unsafe(`select from audit_log where ${condition}`)).length;
  assert.equal(await found("actor=mallory"), 3);
  assert.equal(await found("actor=mallory&outcome=failure"), 1);
  assert.equal(await found("action=user.disable"), 3);
  assert.equal(await found("action=job"), await stored("action like 'job.%'"));
  assert.equal(await found("host=" + host_id), await stored(`object_id in ('${host_id}', '${job_id}')`));
  assert.equal(await found("host=" + fqdn.toUpperCase()), await found("host=" + host_id), "by its name as well");
  assert.ok(await found("host=" + host_id) > await stored(`object_id = '${host_id}'`), "its jobs too");
  await site.database.sql`update hosts set removed_at = app_now() where id = ${host}`;
  assert.equal(await found("host=" + host), await stored(`object_id = '${host}'`), "also after it was removed");
  assert.equal(await found("from=2000-01-01T00:00"), await stored("true"));
  const { text: nobody } = await reader.get("/audit?to=2000-01-01T00:00");
  assertSays(nobody, /No entry is like that/);
  assertSays((await reader.get("/audit?host=nobody-is-called-so")).text, /A host is found by its name/);
  const refused = await reader.get("/audit?from=yesterday");
  assert.equal(refused.status, 400);
  assertSays(refused.text, /“yesterday” is no time\.[^]*2026-11-20T10:00, in UTC/);
  assert.equal((await reader.get("/audit?outcome=maybe")).status, 400);
  const [{ seq }] = await site.database.sql`select max(seq)::int as seq from audit_log`;
  const { text } = await reader.get(`/audit/${seq}`);
  assertSays(text, /user\.disable, row \d+/);
  assertSays(text, /&lt;script>|&lt;script&gt;/, "details are text");
  assert.ok(!text.includes("<b>web-"));
  for (const odd of ["0", "x", "-1", "999999999", "1.5", "1e3", "99999999999999999999"]) {
    assert.equal((await reader.get(`/audit/${odd}`)).status, 404, odd);
  }
});

Deno.test("the log in pages, each entry once", async () => {
  await using site = await testSite();
  await write(site, 230);
  const reader = await site.signIn("auditor", { kind: "browser" });
  const seen: string[] = [];
  for (let path: string | undefined = "/audit?actor=alice"; path;) {
    const { text } = await reader.get(path);
    seen.push(...[...text.matchAll(/href="\/audit\/(\d+)"/g)].map(([, seq]) => seq));
    path = /href="(\/audit\?[^"]*cursor=[^"]*)"/.exec(text)?.[1].replaceAll("&amp;", "&");
  }
  assert.equal(seen.length, 230);
  assert.equal(new Set(seen).size, 230);
});

Deno.test("verification on demand: who asked is a row, a second one joins the first, and what is found is kept", async () => {
  await using site = await testSite();
  await write(site, 4);
  const { proof } = site.services.audit;
  await signCheckpoints(site.database.web, proof, systemClock, site.services.log);
  const auditor = await site.signIn("auditor", { kind: "browser" });
  assertSays((await auditor.get("/audit?tab=verification")).text, /Not verified so far/);
  const asked = await submit(auditor, "/audit/verify");
  assert.deepEqual([asked.status, asked.headers.get("location")], [303, "/audit?tab=verification"]);
  const run = await ended(auditor);
  assert.equal(run.state, "intact");
  const rows = await site.database.sql`select actor_id from audit_log where action = 'audit.verify'`;
  assert.deepEqual(rows.map(({ actor_id }) => actor_id), [auditor.user_id]);
  const { text } = await auditor.get("/audit?tab=verification");
  assertSays(text, /Intact, \d+ rows[^]*outside of the database prove it up to row/);
  for (
    const [what, by] of [
      ["A row was edited", "The chain"],
      ["A row was deleted", "The chain"],
      ["Rows were reordered", "The chain"],
      ["The end was cut off", "Only checkpoints outside"],
      ["Everything was rewritten from a row on", "Only checkpoints outside"],
      ["An older database was restored", "Only checkpoints outside"],
    ]
  ) assert.match(mainWords(text), new RegExp(`${what} ${by}`));

  // One that another process began, or that died with it.
  const id = "01a1fd45-997f-785d-89ae-7faf93555909";
  await site.database.sql`
    insert into audit_verifications (id, cause, started_at, beat_at, total)
    values (${id}, 'nightly', app_now(), app_now(), 9)`;
  assert.equal((await auditor.post("/api/v1/audit/verifications")).json.id, id, "it is joined");
  await site.database.sql`update audit_verifications set beat_at = app_now() - interval '1 minute' where id = ${id}`;
  assertSays((await auditor.get("/audit?tab=verification")).text, /came to no end/);

  await site.database.sql`update audit_log set outcome = 'denied' where seq = 3`;
  assert.equal((await auditor.post("/api/v1/audit/verifications")).status, 202);
  const broken = await ended(auditor);
  assert.deepEqual([broken.state, broken.verdict.first_broken, broken.verdict.found_by], ["broken", 3, "chain"]);
  assertSays((await auditor.get("/audit?tab=verification")).text, /broken at row 3: its searchable columns/);
  assert.ok(site.log_lines.some((line) => JSON.parse(line).event === "audit.broken"));
  const waited = await auditor.get("/api/v1/audit/verify");
  assert.deepEqual([waited.json.intact, waited.json.first_broken], [false, 3]);
});

Deno.test("exports: the whole log verifies from the saved file, and filters hold for both", async () => {
  await using site = await testSite();
  await write(site, 1_203);
  const auditor = await site.signIn("auditor", { kind: "browser" });
  await signCheckpoints(site.database.web, site.services.audit.proof, systemClock, site.services.log);
  const saved = await auditor.get("/api/v1/audit/export.json");
  assert.match(saved.headers.get("content-disposition")!, /^attachment; filename="audit-\d{4}-\d\d-\d\d\.json"$/);
  await using folder = await testFolder("export-");
  await Deno.writeTextFile(`${folder.path}/a.json`, saved.text);
  const { keys } = site.services.audit.proof;
  const verdict = await verifyExport(linesOfFile(`${folder.path}/a.json`), { keys });
  assert.ok(verdict.intact && verdict.rows >= 1_203 && verdict.checkpoints > 0, JSON.stringify(verdict));
  const csv = await auditor.get("/api/v1/audit/export.csv?actor=alice&outcome=failure");
  assert.equal(csv.text.trimEnd().split("\r\n").length, 1 + 601);
  const { text } = await auditor.get("/audit?actor=alice&outcome=failure");
  assert.ok(
    text.includes("/api/v1/audit/export.csv?actor=alice&amp;outcome=failure"),
    "the page exports what it shows",
  );
  for (const path of ["csv?color=blue", "json?outcome=maybe", "csv?from=now"]) {
    assert.equal((await auditor.get(`/api/v1/audit/export.${path}`)).status, 400, path);
  }
});

Deno.test({
  name: "a verification with progress in the browser, and without script" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using site = await emptySite();
    await write(site, 5);
    const { token } = await site.signIn("auditor", { kind: "browser" });
    const browser = await launchBrowser();
    try {
      await using visitor = await visit(browser, site, { token });
      const { page, problems } = visitor;
      await visitor.go("/audit");
      await page.click("text=Verification");
      await page.locator("text=Not verified so far").waitFor();
      await visitor.awake();
      await page.click("text=Verify the whole log now");
      await page.locator("text=/Intact, \\d+ rows/").first().waitFor();
      await page.locator("table >> text=/Asked by auditor/").waitFor();

      // One that takes its time, by another process: the bar follows it.
      const id = "01a1fd45-997f-785d-89ae-7faf93555909";
      await site.database.sql`
        insert into audit_verifications (id, cause, started_at, beat_at, checked, total)
        values (${id}, 'nightly', app_now(), app_now(), 250000, 1000000)`;
      await visitor.go("/audit?tab=verification");
      await page.locator("text=250,000 of 1,000,000 rows").first().waitFor();
      assert.ok(await page.locator("button >> text=Verifying").isDisabled());
      await site.database.sql`update audit_verifications set checked = 750000, beat_at = app_now() where id = ${id}`;
      await page.locator("text=750,000 of 1,000,000 rows").first().waitFor();
      assert.equal(await page.getAttribute("#audit-progress", "value"), "750000");
      const verdict = { intact: false, rows: 41, first_broken: 42, problem: "the row is missing", found_by: "outside" };
      await site.database.sql`
        update audit_verifications set verdict = ${site.database.sql.json(verdict)}, ended_at = app_now()
        where id = ${id}`;
      await page.locator("text=/broken at row 42: the row is missing/").first().waitFor();
      await page.locator("text=a signed checkpoint outside of the database").waitFor();
      assert.deepEqual(problems, []);

      await using plain = await visit(browser, site, { token, scripts: false });
      await plain.go("/audit?tab=verification");
      await plain.page.click("text=Verify the whole log now");
      assert.match(plain.page.url(), /\/audit\?tab=verification$/);
      await waitFor("the run", async () => {
        await plain.go("/audit?tab=verification");
        return await plain.page.locator("text=/Intact, \\d+ rows/").count() > 0 || undefined;
      });
    } finally {
      await browser.close();
    }
  },
});
