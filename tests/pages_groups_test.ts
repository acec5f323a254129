import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { makeHost } from "../testing/api_examples.ts";
import type { HttpClient } from "../testing/http_client.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { scenario } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit } from "./pages/visitor.ts";
import { assertSays, mainWords } from "./pages/words.ts";

const missing = browserMissing();
const SHOTS = Deno.env.get("PAGES_SHOTS");

/** Sends a form as a browser without script does. */
function submit(client: HttpClient, path: string, fields: [string, string][]) {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return client.send({ method: "POST", path, body: new URLSearchParams(fields).toString(), headers });
}

/** Names of the hosts that somebody's list shows. */
async function sees(client: HttpClient): Promise<string[]> {
  const { json } = await client.get("/api/v1/hosts?limit=500");
  return json.items.map(({ name }: { name: string }) => name).sort();
}

async function makeGroup(client: HttpClient, name: string): Promise<string> {
  const { status, headers, text } = await submit(client, "/groups", [["name", name], ["description", ""]]);
  assert.equal(status, 303, mainWords(text));
  return headers.get("location")!.split("/").pop()!;
}

const auditOf = async ({ database }: TestSite) =>
  (await database.sql`select action from audit_log order by seq`).map(({ action }) => action as string);

Deno.test("a group that cannot be made keeps what was typed, and says why", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const id = await makeGroup(admin, "Web tier");
  const table: [string, string, RegExp][] = [
    ["", "x", /The name must not be empty/],
    ["WEB TIER", "the shop", /There is a group named “Web tier” already[\s\S]*Choose another name/],
    ["a".repeat(65), "long", /at most 64/],
    ["<b>Bold</b>", "d".repeat(1_001), /1000/],
  ];
  for (const [name, description, words] of table) {
    const made = await submit(admin, "/groups", [["name", name], ["description", description]]);
    assert.ok(made.status === 400 || made.status === 409 || made.status === 422, `${name}: ${made.status}`);
    assertSays(made.text, words, name);
    if (name && !name.startsWith("<")) assertSays(made.text, new RegExp(`value="${name}"`), "what was typed stays");
    assert.ok(!made.text.includes("<b>Bold</b>"));
    const changed = await submit(admin, `/groups/${id}`, [["name", name], ["description", description]]);
    if (name === "WEB TIER") assert.equal(changed.status, 303, "its own name in capitals is its own");
    else {
      assert.equal(changed.status, made.status, name);
      assertSays(changed.text, words, `change to ${name}`);
      assertSays(changed.text, /The group is as it was/);
    }
  }
  const groups = await site.database.sql`select name, description from groups`;
  assert.deepEqual(groups.map((row) => ({ ...row })), [{ name: "WEB TIER", description: "the shop" }]);
});

Deno.test("hosts and users come into a group and out of it, and with them who sees what", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const member = await site.signIn("operator");
  const other = await site.signIn("operator");
  const hosts = [await makeHost(site), await makeHost(site), await makeHost(site)];
  assert.equal((await sees(other)).length, 3);

  const id = await makeGroup(admin, "Databases");
  const at = `/groups/${id}`;
  await submit(admin, `${at}/add-users`, [["user", member.user_id]]);
  await submit(admin, `${at}/add-hosts`, [["host", hosts[0]], ["host", hosts[1]]]);
  assert.equal((await sees(member)).length, 3);
  assert.equal((await sees(other)).length, 1, "two belong to the group now, one to all");

  // Somebody in no other group: the page says who would see it before it is done.
  const asked = await submit(admin, `${at}/remove-hosts`, [["host", hosts[0]]]);
  assert.equal(asked.status, 200);
  assertSays(asked.text, /This host is in no other group/);
  assertSays(asked.text, /1 operator who is not in Databases would see it too/);
  assert.equal((await sees(other)).length, 1, "nothing was done so far");
  const done = await submit(admin, `${at}/remove-hosts`, [["host", hosts[0]], ["told", "1"]]);
  assert.equal(done.status, 303);
  assert.equal((await sees(other)).length, 2);

  // In another group too nobody sees more: no question.
  const second = await makeGroup(admin, "Second");
  await submit(admin, `/groups/${second}/add-hosts`, [["host", hosts[1]]]);
  assert.equal((await submit(admin, `${at}/remove-hosts`, [["host", hosts[1]]])).status, 303);
  assert.equal((await sees(member)).length, 2, "the group let go of it, and the other one holds it");

  await submit(admin, `${at}/add-hosts`, [["all", "1"], ["filter", "group=none"]]);
  assert.equal((await sees(other)).length, 0, "all that were in no group");
  await submit(admin, `${at}/remove-users`, [["user", member.user_id]]);
  assert.equal((await sees(member)).length, 0);
  for (const action of ["group.add_users", "group.add_hosts", "group.remove_hosts", "group.remove_users"]) {
    assert.ok((await auditOf(site)).includes(action), action);
  }
});

/** Hosts of no name that matters, put into groups. */
async function addHosts(site: TestSite, many: number, ...groups: string[]): Promise<string[]> {
  const rows = await site.database.sql`
    with made as (
      insert into hosts (id, fqdn, address, port, tls_name, source, health_since, created_at)
      select gen_random_uuid(), 'h' || n || '-' || ${groups.length} || '.example.org',
        '10.99.0.0'::inet + n + 256 * ${groups.length}::int, 12443, 'x', 'manual', app_now(), app_now()
      from generate_series(1, ${many}::int) n returning id
    ), counted as (insert into host_counters (host_id) select id from made),
    reported as (insert into host_patch_data (host_id) select id from made)
    select id from made`;
  const ids = rows.map(({ id }) => id as string);
  for (const group of groups) {
    await site.database.sql`
      insert into host_groups (host_id, group_id) select unnest(${ids}::uuid[]), ${group}::uuid`;
  }
  return ids;
}

/** Every figure of a page: where it leads and what it says. */
const figuresOf = (text: string) =>
  [...text.matchAll(/<a class="figure number" href="([^"]+)" data-count="(\d+)">([\s\S]*?)<\/a>/g)].map((
    [, href, n, words],
  ) => ({ href: href.replaceAll("&amp;", "&"), count: Number(n), words: words.replaceAll(/<[^>]+>/g, " ") }));

Deno.test("every figure of the groups leads to the list behind it, which holds as many", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const [web, data, empty] = [
    await makeGroup(admin, "Web tier"),
    await makeGroup(admin, "Databases"),
    await makeGroup(admin, "Empty"),
  ];
  await addHosts(site, 7, web);
  const shared = await addHosts(site, 3, web, data);
  await addHosts(site, 2);
  // One that is managed no more counts nowhere.
  await site.database.sql`update hosts set removed_at = app_now() where id = ${shared[0]}`;
  const member = await site.signIn("operator", { kind: "browser", groups: [web] });
  const expected: [string, HttpClient, string, number[]][] = [
    ["admin", admin, "/groups", [2, 9, 7, 1]],
    ["operator", member, "/groups", [9, 7, 1]],
    ["admin", admin, `/groups/${web}`, [9, 7, 7, 7]],
    ["admin", admin, `/groups/${data}`, [2]],
    ["admin", admin, `/groups/${empty}`, [0]],
    ["operator", member, `/groups/${web}`, [9, 7, 7]],
    ["admin", admin, `/groups/${web}?q=h1`, [9, 7, 1, 7]],
  ];
  for (const [who, client, path, counts] of expected) {
    const figures = figuresOf((await client.get(path)).text);
    const what = `${who} ${path}`;
    const of_hosts = figures.filter(({ href }) => !href.includes("tab=users"));
    assert.deepEqual(figures.map(({ count }) => count).sort(), counts.toSorted(), what);
    for (const { href, count, words } of of_hosts) {
      const n = count.toLocaleString("en");
      assert.match(words, new RegExp(`(^|\\D)${n}(\\D|$)`), `${what}: ${words}`);
      if (href.startsWith("/groups/")) {
        const { text } = await client.get(href);
        assertSays(text, new RegExp(`role="status">${n} hosts?\\b`), `${what} ${href}`);
        assert.equal(text.match(/<tbody[\s\S]*<\/tbody>/)![0].split("<tr").length - 1, count, href);
      } else {
        const { json } = await client.get(`/api/v1${href}`);
        assert.equal(json.total, count, `${what} ${href}`);
      }
    }
  }
  const list = await admin.get(`/hosts?group=${web}&only=one_group`);
  assertSays(list.text, /In one group only/, "the list names its filter");
  assertSays(list.text, /<input type="hidden" name="only" value="one_group"/);
  const file = await admin.get(`/hosts/export.csv?group=${web}&only=one_group`);
  assert.equal(file.text.trim().split("\r\n").length, 1 + 7);
});

Deno.test("hosts that leave a group are named before they do: up to twenty, those that everybody would see first", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const [web, data] = [await makeGroup(admin, "Web tier"), await makeGroup(admin, "Databases")];
  const alone = await addHosts(site, 2, web);
  const shared = await addHosts(site, 20, web, data);
  const foreign = await addHosts(site, 1);
  const ask = (ids: string[]) =>
    submit(admin, `/groups/${web}/remove-hosts`, ids.map((id): [string, string] => ["host", id]));
  const named = (text: string) => [...text.matchAll(/<a [^>]*href="\/hosts\/([0-9a-f-]{36})"/g)].map(([, id]) => id);
  const table: [string[], string, number, RegExp | null][] = [
    [[...shared.slice(0, 3), alone[0]], "Take 4 hosts out of Web tier?", 4, null],
    [[...shared.slice(0, 18), ...alone], "Take 20 hosts out of Web tier?", 20, null],
    [[...shared.slice(0, 19), ...alone], "Take 21 hosts out of Web tier?", 20, /and 1 more host</],
    [[...shared, ...alone], "Take 22 hosts out of Web tier?", 20, /and 2 more hosts</],
    // A host that is not in the group leaves nothing.
    [[alone[0], ...foreign], "Take 1 host out of Web tier?", 1, null],
  ];
  for (const [ids, title, count, more] of table) {
    const { text, status } = await ask(ids);
    assert.equal(status, 200, title);
    assertSays(text, /every operator is in Web tier, so nobody sees more than now/, "there is no operator");
    assertSays(text, new RegExp(`<h1[^>]*>${RegExp.escape(title)}`));
    const list = /<tbody[\s\S]*<\/tbody>/.exec(text)![0];
    const those = named(list);
    assert.equal(those.length, count, title);
    const open = ids.filter((id) => alone.includes(id));
    assert.deepEqual(those.slice(0, open.length).sort(), open.sort(), "those first");
    assert.equal(list.split("in no group").length - 1, open.length, title);
    if (more) assertSays(text, more);
    else assert.doesNotMatch(text, /more host/);
    const sent = [...text.matchAll(/type="hidden" name="host" value="([^"]+)"/g)].map(([, id]) => id);
    assert.deepEqual(
      sent.sort(),
      ids.filter((id) => !foreign.includes(id)).sort(),
      "all of them are sent, not only the named",
    );
  }
  const [{ n }] = await site.database.sql`select count(*)::int as n from host_groups where group_id = ${web}`;
  assert.equal(n, 22, "nothing was done so far");
});

Deno.test("a group is deleted only as it was shown", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const operator = await site.signIn("operator");
  const id = await makeGroup(admin, "Web tier");
  await submit(admin, `/groups/${id}/add-hosts`, [["host", await makeHost(site)]]);
  const page = await admin.get(`/groups/${id}`);
  assertSays(page.text, /Delete Web tier\?[\s\S]*>1 host is in no other group<\/a>: every operator will see/);
  assertSays(page.text, /1 operator who is not in Web tier sees more by that/);
  await submit(admin, `/groups/${id}/add-hosts`, [["host", await makeHost(site)]]);
  const stale = await submit(admin, `/groups/${id}/delete`, [["opened", "1"]]);
  assert.equal(stale.status, 409);
  assertSays(stale.text, /2 of its hosts would become visible to every operator, not 1/);
  assert.equal((await sees(operator)).length, 0);
  assert.equal((await submit(admin, `/groups/${id}/delete`, [["opened", "2"]])).headers.get("location"), "/groups");
  assert.equal((await sees(operator)).length, 2);
});

Deno.test("who is no admin reads their own groups, and changes none", async () => {
  await using made = await scenario();
  const { site, groups, hosts } = made;
  const operator = await site.signIn("operator", { kind: "browser", groups: [groups.web] });
  const auditor = await site.signIn("auditor", { kind: "browser" });
  const [list, own, foreign] = await Promise.all(
    ["/groups", `/groups/${groups.web}`, `/groups/${groups.data}`].map((path) => operator.get(path)),
  );
  assertSays(list.text, /Web tier/);
  assert.ok(!list.text.includes("Databases"));
  assertSays(own.text, /web-01\.example\.org/);
  assert.equal(foreign.status, 404);
  for (const text of [list.text, own.text, (await auditor.get(`/groups/${groups.data}`)).text]) {
    const found = /<form[^>]+method="post"[^>]+action="\/groups|delete-group|tab=add/.exec(text);
    assert.equal(found, null, `${found?.[0]} in ${mainWords(text).slice(0, 200)}`);
  }
  for (
    const path of [
      "",
      ...["", "/add-hosts", "/remove-hosts", "/add-users", "/remove-users", "/delete"].map((act) =>
        `/${groups.web}${act}`
      ),
    ]
  ) {
    const fields: [string, string][] = [["name", "Mine"], ["host", hosts.web1], ["user", operator.user_id]];
    for (const who of [operator, auditor]) {
      assert.equal((await submit(who, `/groups${path}`, fields)).status, 403, path);
    }
  }
  const [{ name, members }] = await site.database.sql`
    select g.name, (select count(*)::int from host_groups hg where hg.group_id = g.id) as members
    from groups g where g.id = ${groups.web}`;
  assert.deepEqual({ name, members }, { name: "Web tier", members: 8 });
});

Deno.test({
  name: "groups by keyboard in a browser: made, filled, renamed, deleted" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using made = await scenario();
    const { site } = made;
    const { token } = await site.signIn("admin", { kind: "browser" });
    await site.signIn("operator");
    const browser = await launchBrowser();
    await using visitor = await visit(browser, site, { token });
    const { page, problems, awake } = visitor;
    const shot = async (words: string) => {
      await assertAccessible(visitor, words);
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        await assertFits(visitor, `${words}-${width}`);
        if (SHOTS) await page.screenshot({ path: `${SHOTS}/${words}-light-${width}.png` });
      }
    };
    try {
      await visitor.go("/groups");
      await page.focus("#name");
      await page.keyboard.type("Kiosks");
      await page.keyboard.press("Tab");
      await page.keyboard.type("Screens in lobbies");
      await page.keyboard.press("Enter");
      await title(page, "Kiosks");
      await awake();
      await page.focus("a:has-text('Add hosts')");
      await page.keyboard.press("Enter");
      await page.waitForSelector("text=30 hosts can be added");
      await page.fill("main input[name=q]", "sensor");
      await page.keyboard.press("Enter");
      await page.waitForSelector("text=4 hosts can be added");
      await awake();
      await page.focus("tbody tr:first-child input");
      await page.keyboard.press("Space");
      await page.focus("text=Add the ticked hosts to Kiosks");
      await page.keyboard.press("Enter");
      await page.waitForSelector("text=1 host, 1 in no other group");
      await awake();
      await page.check("tbody tr:first-child input");
      await page.click("text=Take the ticked hosts out of Kiosks");
      await title(page, "Take 1 host out of Kiosks?");
      await awake();
      await shot("group-remove-alone");
      await page.click("main >> text=Cancel");
      await title(page, "Kiosks");
      await awake();

      await page.focus("text=Rename …");
      await page.keyboard.press("Enter");
      await page.waitForSelector("dialog#edit-group[open]");
      await shot("group-rename");
      await page.fill("dialog #name", "web TIER");
      await page.keyboard.press("Enter");
      await page.waitForSelector("text=There is a group named “Web tier” already");
      await awake();
      assert.equal(await page.inputValue("dialog #name"), "web TIER", "what was typed waits in the dialog");
      assert.ok(await page.locator("h1:has-text('Kiosks')").count(), "the title is still the group's own");
      problems.length = 0; // Chromium repeats the refusal, which was asked for.

      await page.focus("text=Delete …");
      await page.keyboard.press("Enter");
      await page.waitForSelector("dialog#delete-group[open]");
      await shot("group-delete");
      assert.match(
        await page.locator("dialog#delete-group").innerText(),
        /1 host is in no other group: every operator will see and manage it/,
      );
      await page.keyboard.press("Escape");
      await page.waitForSelector("dialog#delete-group:not([open])", { state: "attached" });
      await page.click("text=Delete …");
      await page.click("dialog#delete-group button:has-text('Delete Kiosks')");
      await title(page, "Groups");
      assert.equal(await page.locator("tbody >> text=Kiosks").count(), 0);
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
    }
  },
});

const title = (page: Page, words: string) =>
  page.waitForFunction((words) => document.querySelector("h1")?.textContent === words, words);
