import assert from "node:assert/strict";
import { machine, makeHost } from "../testing/api_examples.ts";
import type { HttpClient } from "../testing/http_client.ts";
import { addGroup } from "../testing/job_scenario.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { emptySite, scenario } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit } from "./pages/visitor.ts";
import { assertSays } from "./pages/words.ts";

const missing = browserMissing();
const SHOTS = Deno.env.get("PAGES_SHOTS");

/** Sends a form as a browser without script does. */
function submit(client: HttpClient, path: string, fields: [string, string][] = []) {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return client.send({ method: "POST", path, body: new URLSearchParams(fields).toString(), headers });
}

/** A machine asks; what it was answered, and the id of its request. */
async function ask(site: TestSite, more: Record<string, unknown> = {}) {
  const body = { ...machine(), ...more } as { fqdn: string; machine_id: string };
  const { status, json, text } = await site.anonymous.post("/api/v1/enroll", body);
  assert.ok(status < 300, text);
  const [{ id }] = await site.database
    .sql`select id from enrolments where fqdn = ${body.fqdn} order by id desc limit 1`;
  const stand = async () => (await site.anonymous.get(`/api/v1/enroll/status/${json.polling_token}`)).json;
  return { ...body, id: id as string, stand };
}

const hostsOf = async ({ database }: TestSite, fqdn: string) => [
  ...await database.sql`
      select h.id, array(select hg.group_id::text from host_groups hg where hg.host_id = h.id) as groups
      from hosts h where h.fqdn = ${fqdn} and h.removed_at is null`,
];

Deno.test("a machine is let in with groups of its own, another is turned away; both leave the queue", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const group = await addGroup(site.database.sql);
  const [good, bad] = [await ask(site), await ask(site)];
  const queue = await admin.get("/enrolments");
  assertSays(queue.text, /2 machines wait for approval/);
  for (const one of [good, bad]) assertSays(queue.text, new RegExp(one.fqdn));
  assertSays((await admin.get(`/enrolments/${good.id}`)).text, new RegExp(`name="group"[^>]*value="${group}"`));

  const approved = await submit(admin, `/enrolments/${good.id}/approve`, [["group", group]]);
  assert.equal(approved.headers.get("location"), "/enrolments");
  assert.equal((await good.stand()).status, "approved");
  assert.deepEqual((await hostsOf(site, good.fqdn)).map(({ groups }) => groups), [[group]]);

  assert.equal((await submit(admin, `/enrolments/${bad.id}/deny`)).headers.get("location"), "/enrolments");
  assert.equal((await bad.stand()).status, "denied");
  assert.deepEqual(await hostsOf(site, bad.fqdn), []);

  const after = await admin.get("/enrolments");
  assertSays(after.text, /No machine waits for approval/);
  for (const act of ["approve", "deny"]) {
    const late = await submit(admin, `/enrolments/${good.id}/${act}`);
    assert.equal(late.status, 404, "decided once");
  }
  const actions = (await site.database.sql`select action from audit_log order by seq`).map(({ action }) => action);
  for (const action of ["enrolment.approve", "enrolment.deny"]) {
    assert.equal(actions.filter((one) => one === action).length, 1, action);
  }
});

Deno.test("a clone is marked in the queue, and its page says what letting it in means", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const first = await ask(site);
  await submit(admin, `/enrolments/${first.id}/approve`);
  const [{ id: original }] = await hostsOf(site, first.fqdn);
  const copy = await ask(site, { machine_id: first.machine_id });
  const queue = await admin.get("/enrolments");
  assertSays(queue.text, new RegExp(`Clone\\? Same machine id as <a href="/hosts/${original}">${first.fqdn}</a>`));
  assert.ok(!queue.text.includes(`action="/enrolments/${copy.id}/approve"`), "not with one click from the list");
  const page = await admin.get(`/enrolments/${copy.id}`);
  assertSays(page.text, /A host with this machine id is enrolled already: is this a clone\?/);
  assertSays(page.text, new RegExp(`Approve ${copy.fqdn} as a second host`));
  assert.equal((await submit(admin, `/enrolments/${copy.id}/approve`)).status, 303);
  const [{ n }] = await site.database.sql`
    select count(*)::int as n from hosts where fqdn in (${first.fqdn}, ${copy.fqdn}) and removed_at is null`;
  assert.equal(n, 2, "both are managed, as the page said");
});

Deno.test("a request whose name was taken meanwhile is refused in words, and stays in the queue", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const one = await ask(site);
  const host = await makeHost(site);
  await site.database.sql`update hosts set fqdn = ${one.fqdn} where id = ${host}`;
  const answer = await submit(admin, `/enrolments/${one.id}/approve`);
  assert.equal(answer.status, 409);
  assertSays(answer.text, /already registered|already/);
  assertSays((await admin.get("/enrolments")).text, new RegExp(one.fqdn));
});

Deno.test("the command is one that root can paste: as the agent's user, and the services start after it", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const command = (text: string, label: string) =>
    new RegExp(`aria-label="${label}"><code>([^<]*)</code>`).exec(text)?.[1].replaceAll("&amp;", "&") ?? "";
  const taught = command((await admin.get("/enrolments")).text, "Command");
  const shape = (token: string) =>
    new RegExp(
      `^runuser -u patch-agent -- patch-agent enrol --manager=${RegExp.escape(site.origin)} ` +
        `--ca-fingerprint=[0-9a-f]{64}${token} && systemctl start patch-executor patch-agent$`,
    );
  assert.match(taught, shape(""));
  const made = await submit(admin, "/enrolments");
  assert.equal(made.status, 200);
  const shown = command(made.text, "Enrolment command");
  assert.match(shown, shape(" --token=[A-Za-z0-9_-]{43}"));
  const token = /--token=(\S+)/.exec(shown)![1];
  assert.ok(!(await admin.get("/enrolments")).text.includes(token), "it is shown once");
  const { json } = await site.anonymous.post("/api/v1/enroll", { ...machine(), token });
  const stand = await site.anonymous.get(`/api/v1/enroll/status/${json.polling_token}`);
  assert.equal(stand.json.status, "approved", "a machine with it need not wait");
  const guide = await Deno.readTextFile(new URL("../docs/agent-install.md", import.meta.url));
  for (const part of ["runuser -u patch-agent -- patch-agent enrol ", "systemctl start patch-executor patch-agent"]) {
    assert.ok(guide.includes(part), `the guide says the same: ${part}`);
  }
});

Deno.test({
  name: "the command is copied by a button, by mouse or key; who forbids it is told what to do" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using site = await emptySite();
    const { token } = await site.signIn("admin", { kind: "browser" });
    const browser = await launchBrowser();
    await using visitor = await visit(browser, site, { token });
    const { page, context, problems } = visitor;
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    const button = page.getByRole("button", { name: "Copy the command" });
    const status = (words: string | RegExp) => page.locator(".copy [role=status]", { hasText: words }).waitFor();
    try {
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      await visitor.go("/enrolments");
      await button.focus();
      await page.keyboard.press("Enter");
      await status("Copied.");
      const taught = await copied();
      assert.equal(taught, await page.locator(".empty pre").innerText());
      assert.match(taught, /^runuser .* && systemctl start patch-executor patch-agent$/);

      await page.getByRole("button", { name: "Make an enrolment command" }).click();
      await page.waitForSelector("pre.command");
      await visitor.awake();
      const shown = await page.locator("pre.command").innerText();
      await button.click();
      await status("Copied.");
      assert.equal(await copied(), shown);
      assert.match(shown, / --token=[A-Za-z0-9_-]{43} && /);
      const machine_body = machine({ token: /--token=(\S+)/.exec(await copied())![1] });
      assert.ok((await site.anonymous.post("/api/v1/enroll", machine_body)).status < 300, "what was copied lets in");
      await assertAccessible(visitor, "copied");

      await context.clearPermissions();
      await page.evaluate(() => {
        // As a browser does whose owner or policy forbids it.
        navigator.clipboard.writeText = () => Promise.reject(new DOMException("denied", "NotAllowedError"));
      });
      await button.click();
      await status("The browser did not allow it: click the command and press Ctrl+C.");
      await assertAccessible(visitor, "refused");
      for (const width of [390, 1280, 1920]) {
        await page.setViewportSize({ width, height: 800 });
        await assertFits(visitor, `copy-${width}`);
        if (SHOTS) await page.screenshot({ path: `${SHOTS}/enrolment-copy-light-${width}.png` });
      }
      assert.deepEqual(problems, []);

      await using plain = await visit(browser, site, { token, scripts: false });
      await plain.go("/enrolments");
      assert.equal(
        await plain.page.locator(".copy").first().isVisible(),
        false,
        "without script there is no dead button",
      );
    } finally {
      await browser.close();
    }
  },
});

Deno.test("who may decide: operators for machines of their groups and of none, auditors for none", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const [own, foreign] = [await addGroup(sql), await addGroup(sql)];
  const operator = await site.signIn("operator", { kind: "browser", groups: [own] });
  const auditor = await site.signIn("auditor", { kind: "browser" });
  const [one, theirs] = [await ask(site), await ask(site)];
  const token = crypto.randomUUID();
  await sql`
    insert into enrolment_tokens (id, hash, created_at, expires_at)
    values (${token}, '\\x01', app_now(), app_now() + interval '1 day')`;
  await sql`insert into enrolment_token_groups (token_id, group_id) values (${token}, ${foreign})`;
  await sql`update enrolments set token_id = ${token} where id = ${theirs.id}`;

  const { text } = await operator.get("/enrolments");
  assertSays(text, /1 machine waits for approval/);
  assert.ok(text.includes(one.fqdn) && !text.includes(theirs.fqdn));
  assert.equal((await operator.get(`/enrolments/${theirs.id}`)).status, 404);
  for (const act of ["approve", "deny"]) {
    assert.equal((await submit(operator, `/enrolments/${theirs.id}/${act}`)).status, 404, act);
    assert.equal((await submit(auditor, `/enrolments/${one.id}/${act}`)).status, 403, act);
  }
  const strange = await submit(operator, `/enrolments/${one.id}/approve`, [["group", foreign]]);
  assert.ok(strange.status >= 400 && strange.status < 500, `into a group that is not theirs: ${strange.status}`);
  for (const { fqdn, stand } of [one, theirs]) {
    assert.deepEqual(await hostsOf(site, fqdn), []);
    assert.equal((await stand()).status, "pending");
  }
  assert.equal((await submit(operator, `/enrolments/${one.id}/approve`, [["group", own]])).status, 303);
  assert.deepEqual((await hostsOf(site, one.fqdn)).map(({ groups }) => groups), [[own]]);
});

Deno.test("a token joins its groups; one of somebody else's groups is neither seen, made nor revoked", async () => {
  await using site = await testSite();
  const [own, foreign] = [await addGroup(site.database.sql), await addGroup(site.database.sql)];
  const admin = await site.signIn("admin", { kind: "browser" });
  const operator = await site.signIn("operator", { kind: "browser", groups: [own] });
  const tokens = () => site.database.sql`select id, revoked_at is not null as revoked from enrolment_tokens`;
  const strange = await submit(operator, "/enrolments", [["group", foreign]]);
  assert.ok(strange.status >= 400 && strange.status < 500, String(strange.status));
  assert.equal((await tokens()).length, 0);
  await submit(admin, "/enrolments", [["label", "theirs"], ["group", foreign]]);
  const [{ id }] = await tokens();
  assert.ok(!(await operator.get("/enrolments")).text.includes("theirs"));
  for (const one of [id, "x"]) {
    assert.equal((await submit(operator, `/enrolments/tokens/${one}/revoke`)).status, 404);
  }
  assert.equal((await tokens())[0].revoked, false);

  const made = await submit(operator, "/enrolments", [["label", "mine"], ["group", own]]);
  const token = /--token=([A-Za-z0-9_-]{43})/.exec(made.text)![1];
  const joined = machine({ token }) as { fqdn: string };
  assert.ok((await site.anonymous.post("/api/v1/enroll", joined)).status < 300);
  assert.deepEqual((await hostsOf(site, joined.fqdn)).map(({ groups }) => groups), [[own]]);

  assert.equal((await submit(admin, `/enrolments/tokens/${id}/revoke`)).headers.get("location"), "/enrolments");
  assert.equal((await tokens()).find((one) => one.id === id)!.revoked, true);
  assert.equal((await submit(admin, `/enrolments/tokens/${id}/revoke`)).status, 404, "once");
});

Deno.test({
  name: "the queue in a browser: it moves by itself, and is decided by keys" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using made = await scenario();
    const { site } = made;
    const { token } = await site.signIn("admin", { kind: "browser" });
    const browser = await launchBrowser();
    await using visitor = await visit(browser, site, { token });
    const { page, problems } = visitor;
    try {
      await visitor.go("/enrolments");
      await page.waitForSelector("text=2 machines wait for approval.");
      await page.waitForFunction(() => document.querySelector(".live")?.textContent === "Live");
      const arrival = await ask(site);
      await page.waitForSelector(`tbody >> text=${arrival.fqdn}`);
      await page.waitForSelector("text=3 machines wait for approval.");
      await page.focus(`button[aria-label='Deny ${arrival.fqdn}']`);
      await page.keyboard.press("Enter");
      await page.waitForSelector("text=2 machines wait for approval.");
      assert.equal(await page.locator(`text=${arrival.fqdn}`).count(), 0);

      await page.click("text=Command for a group …");
      await page.waitForSelector("dialog#make-command[open]");
      await assertAccessible(visitor, "dialog");
      if (SHOTS) await page.screenshot({ path: `${SHOTS}/enrolment-dialog-light-1280.png` });
      await page.fill("dialog #label", "Rack 14");
      await page.check("dialog >> text=Databases");
      await page.keyboard.press("Enter");
      await page.waitForSelector("pre.command");
      await visitor.awake();
      await page.click("pre.command code");
      const chosen = await page.evaluate(() => String(getSelection()));
      assert.match(chosen, /^runuser .* && systemctl start patch-executor patch-agent$/, "one click chooses all of it");
      await assertAccessible(visitor, "command");
      for (const width of [390, 1280, 1920]) {
        await page.setViewportSize({ width, height: 800 });
        await assertFits(visitor, `command-${width}`);
        if (SHOTS) await page.screenshot({ path: `${SHOTS}/enrolment-command-light-${width}.png` });
      }
      assert.equal(await page.locator(".live").count(), 0, "no news takes the token away that is shown once");
      assert.match(await page.locator("tr:has-text('Rack 14')").innerText(), /Databases/);
      await page.click("tr:has-text('Rack 14') >> text=Revoke");
      await page.waitForSelector("h2:has-text('1 open token')");
      await page.waitForSelector("tr:has-text('Rack 14')", { state: "detached" });
      await visitor.awake();
      await page.click("tbody >> text=kiosk-lobby.example.org");
      await page.waitForFunction(() => document.querySelector("h1")?.textContent === "kiosk-lobby.example.org");
      await page.check("text=Web tier");
      await page.click("text=Approve kiosk-lobby.example.org");
      await page.waitForSelector("text=1 machine waits for approval.");
      assert.equal((await hostsOf(site, "kiosk-lobby.example.org"))[0].groups.length, 1);
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
    }
  },
});
