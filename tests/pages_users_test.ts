import assert from "node:assert/strict";
import { uuidv7 } from "../core/ids.ts";
import { addGroup } from "../testing/job_scenario.ts";
import type { HttpClient } from "../testing/http_client.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { emptySite } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit } from "./pages/visitor.ts";
import { assertSays, mainWords } from "./pages/words.ts";

const missing = browserMissing();
const SHOTS = Deno.env.get("PAGES_SHOTS");

/** Sends a form as a browser without script does. */
function submit(client: HttpClient, path: string, fields: [string, string][] = []) {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return client.send({ method: "POST", path, body: new URLSearchParams(fields).toString(), headers });
}

const NEW: [string, string][] = [
  ["username", "Ines.Duarte"],
  ["display_name", "Ines Duarte"],
  ["email", "ines@example.org"],
  ["role", "operator"],
];

const passwordIn = (text: string) => /<code>((?:[2-9a-z]{4}-){4}[2-9a-z]{4})<\/code>/.exec(text)?.[1];
const rowsOf = (text: string) => (/<tbody[\s\S]*<\/tbody>/.exec(text)?.[0] ?? "").split("<tr").length - 1;

async function makeUser(admin: HttpClient, fields = NEW): Promise<string> {
  const { text, status } = await submit(admin, "/users/new", fields);
  assert.equal(status, 200, mainWords(text));
  return /href="\/users\/([0-9a-f-]{36})"/.exec(text)![1];
}

/** Many users as they come together in years, without anybody's password. */
async function crowd({ database }: TestSite, count: number): Promise<void> {
  await database.sql`
    insert into users (id, username, display_name, email, role, created_at, last_login_at, disabled_at)
    select gen_random_uuid(), 'person' || lpad(n::text, 4, '0'), 'Person ' || n, 'p' || n || '@example.org',
      (array['operator', 'auditor', 'admin'])[1 + n % 3], app_now() - interval '1 year',
      case when n % 2 = 0 then app_now() - make_interval(hours => n) end, case when n % 10 = 0 then app_now() end
    from generate_series(1, ${count}) n`;
}

Deno.test("a new user: what was typed stays when it is refused; the password is shown once and stands nowhere else", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const group = await addGroup(site.database.sql);
  const table: [[string, string][], RegExp][] = [
    [[["username", ""], ["role", "operator"]], /The user name must not be empty/],
    [[["username", "ines duarte"], ["role", "operator"]], /only letters a to z/],
    [[["username", "ines"], ["display_name", "Ines"], ["email", "ines"], ["role", "auditor"]], /name@example.org/],
    [[["username", admin.username.toUpperCase()], ["role", "auditor"]], /There is a user named/],
    [[["username", "ines"], ["role", "root"]], /must be one of/],
  ];
  for (const [fields, words] of table) {
    const refused = await submit(admin, "/users/new", [...fields, ["group", group]]);
    assert.ok([400, 409].includes(refused.status), `${refused.status}`);
    assertSays(refused.text, words);
    for (const [name, value] of fields) {
      if (value && name !== "role") assertSays(refused.text, new RegExp(`value="${value}"`), `${name} stays`);
    }
    assertSays(
      refused.text,
      new RegExp(`value="${group}"[^>]* checked|checked[^>]* value="${group}"`),
      "the group stays",
    );
  }
  const unknown = await submit(admin, "/users/new", [...NEW, ["must_change", "false"]]);
  assert.equal(unknown.status, 400, "a field that the form does not have");
  const made = await submit(admin, "/users/new", [...NEW, ["group", group]]);
  assert.equal(made.status, 200);
  const password = passwordIn(made.text);
  assert.ok(password, mainWords(made.text));
  assert.equal(made.headers.get("cache-control"), "no-store");
  assertSays(made.text, /user name <strong>ines.duarte<\/strong>/);
  const [user] = await site.database.sql`select id from users where username = 'ines.duarte'`;
  for (const path of ["/users", "/users/new", `/users/${user.id}`, `/users/${user.id}?tab=groups`, "/audit"]) {
    const { text, status } = await admin.get(path);
    assert.equal(status, 200, path);
    assert.ok(!text.includes(password), path);
  }
  assert.ok(!site.log_lines.some((line) => line.includes(password)));
  const [{ payloads }] = await site.database.sql`
    select string_agg(convert_from(payload, 'UTF8'), '') as payloads from audit_log`;
  assert.ok(!payloads.includes(password));
  const again = await admin.get(`/users/${user.id}/reset-password`);
  assert.equal(again.headers.get("location"), `/users/${user.id}`);
});

Deno.test("the list with 500 users: search, filters, orders and pages, and fast", async () => {
  await using site = await testSite();
  const auditor = await site.signIn("auditor", { kind: "browser" });
  /** The quickest of a few, so that a machine that has other things to do counts less. */
  const quickest = async (): Promise<number> => {
    const took: number[] = [];
    while (took.length < 7) {
      const begun = performance.now();
      assert.equal((await auditor.get("/users")).status, 200);
      took.push(performance.now() - begun);
    }
    return Math.min(...took);
  };
  const with_one = await quickest();
  await crowd(site, 500);
  const with_many = await quickest();
  assert.ok(with_many < 8 * with_one + 100, `${Math.round(with_one)} ms with one, ${Math.round(with_many)} with 501`);
  const table: [string, RegExp, number][] = [
    ["", /501 users/, 100],
    ["?q=PERSON+0012", /0 users/, 0],
    ["?q=person0012", /1 user\b/, 1],
    ["?q=p12%40example", /1 user\b/, 1],
    ["?role=admin", /167 users/, 100],
    ["?state=disabled", /50 users/, 50],
    ["?state=disabled&role=admin", /17 users/, 17],
    ["?factor=set", /0 users/, 0],
    ["?group=none", /501 users/, 100],
  ];
  for (const [query, words, rows] of table) {
    const { text, status } = await auditor.get(`/users${query}`);
    assert.equal(status, 200, query);
    assertSays(text, new RegExp(`role="status">${words.source}`), query);
    assert.equal(rowsOf(text), rows, query);
  }
  const seen = new Set<string>();
  let next: string | undefined = "/users?sort=-last_login&state=enabled";
  let pages = 0;
  while (next) {
    const { text } = await auditor.get(next);
    for (const [, id] of text.matchAll(/<a class="row-name-text" href="\/users\/([0-9a-f-]{36})"/g)) seen.add(id);
    next = /href="([^"]*cursor=[^"]*)"[^>]*>(?:(?!<\/a>)[\s\S])*Next users/.exec(text)?.[1].replaceAll("&amp;", "&");
    pages++;
    assert.ok(pages < 10);
  }
  assert.deepEqual([seen.size, pages], [451, 5]);
  for (const query of ["?role=root", "?state=x", "?sort=email", "?cursor=x", "?group=x"]) {
    const { text, status } = await auditor.get(`/users${query}`);
    assert.equal(status, 400, query);
    assertSays(text, /class="notice/, query);
  }
});

Deno.test("auditors read and change nothing, operators do not come in", async () => {
  await using site = await testSite();
  const user = await site.signIn("operator", { kind: "browser" });
  const auditor = await site.signIn("auditor", { kind: "browser" });
  for (const path of ["/users", `/users/${user.user_id}`, `/users/${user.user_id}?tab=groups`]) {
    const { text, status } = await auditor.get(path);
    assert.equal(status, 200, path);
    assertSays(text, new RegExp(user.username), path);
    const found = /<form[^>]+method="post"[^>]+action="\/users|<dialog|href="\/users\/new"/.exec(text);
    assert.equal(found, null, `${path}: ${found?.[0]}`);
    assert.equal((await user.get(path)).status, 403, path);
  }
  assert.equal((await auditor.get("/users/new")).status, 403);
  assertSays((await auditor.get("/hosts")).text, /href="\/users"/);
  assert.ok(!(await user.get("/hosts")).text.includes('href="/users"'));
  assert.equal((await auditor.get(`/users/${uuidv7()}`)).status, 404);
  assert.equal((await auditor.get("/users/x")).status, 404);
});

Deno.test("each act on a user does what its words say, and what the rules refuse is said", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const admin = await site.signIn("admin", { kind: "browser" });
  const id = await makeUser(admin);
  const at = `/users/${id}`;
  const page = async (tail = "") => (await admin.get(`${at}${tail}`)).text;
  const done = async (path: string, fields: [string, string][] = [], to = at) => {
    const { status, headers, text } = await submit(admin, path, fields);
    assert.equal(status, 303, `${path}: ${mainWords(text)}`);
    assert.equal(headers.get("location"), to);
  };
  assertSays(await page(), /one-time password[\s\S]*Has never signed in, no open session/);
  await done(at, [["display_name", "Ines D."], ["email", ""], ["role", "auditor"]]);
  assertSays(await page(), /<h1>Ines D\.<\/h1>[\s\S]*Auditor/);
  const bad = await submit(admin, at, [["display_name", "Ines"], ["email", "no address"], ["role", "auditor"]]);
  assert.equal(bad.status, 400);
  assertSays(bad.text, /The address must look like name@example\.org[\s\S]*The user is as before/);
  assertSays(bad.text, /value="no address"/, "what was typed stays");

  await done(`${at}/disable`);
  assertSays(await page(), /Enable Ines D\.[\s\S]*This account is disabled/);
  await done(`${at}/enable`);
  const group = await addGroup(sql);
  await done(`${at}/join-group`, [["group", group]], `${at}?tab=groups`);
  assertSays(await page("?tab=groups"), new RegExp(`href="/groups/${group}"`));
  await done(`${at}/leave-group`, [["group", group]], `${at}?tab=groups`);
  assertSays(await page("?tab=groups"), /In no group/);
  await done(`${at}/reset-factors`);
  const reset = await submit(admin, `${at}/reset-password`);
  assert.ok(passwordIn(reset.text), mainWords(reset.text));

  const other = await site.signIn("operator", { kind: "browser" });
  const second = await site.signIn("operator", { kind: "browser" });
  await sql`update sessions set user_id = ${other.user_id} where id = ${second.session_id}`;
  const theirs = `/users/${other.user_id}`;
  assertSays((await admin.get(theirs)).text, /End all 2 sessions of/);
  await done(`${theirs}/end-sessions`, [["session", second.session_id]], theirs);
  const isOut = async (who: HttpClient) => (await who.get("/hosts")).headers.get("location")?.startsWith("/login");
  assert.equal(await isOut(second), true, "with the next request");
  assert.equal((await other.get("/hosts")).status, 200);
  await done(`${theirs}/end-sessions`, [], theirs);
  assert.equal(await isOut(other), true);

  // Of one's own account nothing of this is offered, and nothing is taken.
  const own = await admin.get(`/users/${admin.user_id}`);
  assertSays(own.text, /This is you/);
  assert.doesNotMatch(own.text, /\/disable"|\/remove"|\/reset-password"|\/reset-factors"/);
  for (const act of ["disable", "remove", "reset-password", "reset-factors"]) {
    const refused = await submit(admin, `/users/${admin.user_id}/${act}`);
    assert.equal(refused.status, 409, act);
    assertSays(refused.text, /This is your own account/, act);
  }
  const demoted = await submit(admin, `/users/${admin.user_id}`, [["display_name", ""], ["email", ""], [
    "role",
    "auditor",
  ]]);
  assert.equal(demoted.status, 409);
  assertSays(demoted.text, /the last admin who may sign in[\s\S]*Make somebody else an admin first/);

  assertSays(await page(), /Remove Ines D\.\?[\s\S]*never did anything here/);
  await sql`update hosts set created_by = null`;
  await sql`insert into groups (id, name, created_at, created_by) values (${uuidv7()}, 'Hers', app_now(), ${id})`;
  assertSays(await page(), /Ines D\. cannot be removed[\s\S]*1 group made/);
  const kept = await submit(admin, `${at}/remove`);
  assert.equal(kept.status, 409);
  assertSays(kept.text, /1 group made[\s\S]*Disable the account instead/);
  await sql`delete from groups where name = 'Hers'`;
  await done(`${at}/remove`, [], "/users");
  assert.equal((await admin.get(at)).status, 404);
});

Deno.test({
  name: "in a browser: a user is made, looked at and disabled by keyboard, in both themes" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using site = await emptySite();
    await crowd(site, 120);
    await addGroup(site.database.sql);
    const { token } = await site.signIn("admin", { kind: "browser" });
    const browser = await launchBrowser();
    try {
      if (SHOTS) await Deno.mkdir(SHOTS, { recursive: true });
      for (const [theme, width] of [["light", 1280], ["dark", 390]] as const) {
        await using visitor = await visit(browser, site, { token, theme, width });
        const { page } = visitor;
        const sound = async (name: string) => {
          await assertFits(visitor, `${name}-${theme}`);
          await assertAccessible(visitor, `${name}-${theme}`);
          if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}-${theme}-${width}.png` });
        };
        await visitor.go("/users");
        await page.getByRole("link", { name: "New user" }).press("Enter");
        // The list's search field names user names as well: it has to be gone.
        await page.getByRole("heading", { name: "New user" }).waitFor();
        await page.getByLabel("User name").fill(`ines.${theme}`);
        await page.getByLabel(/^Name/).fill("Ines Duarte");
        await page.getByLabel("Role").selectOption("auditor");
        await page.getByRole("button", { name: "Make this user" }).press("Enter");
        await page.getByRole("heading", { name: "Ines Duarte can sign in" }).waitFor();
        await visitor.awake();
        assert.ok(passwordIn(await page.content()));
        assert.ok(!/[2-9a-z]{4}-[2-9a-z]{4}-[2-9a-z]{4}/.test(page.url()));
        await page.getByRole("button", { name: "Copy the password" }).waitFor();
        await sound("user-made");
        await page.getByRole("link", { name: "Go to Ines Duarte" }).press("Enter");
        await page.getByRole("heading", { name: "Ines Duarte", exact: true }).waitFor();
        if (width < 1200) await page.getByText("Facts, password, second factor, removal").press("Enter");
        for (
          const [button, name] of [
            ["Change …", "user-change"],
            ["Reset password …", "user-reset"],
            [
              "Reset second factor …",
              "user-factors",
            ],
            ["Remove …", "user-remove"],
            ["Disable …", "user-disable"],
          ]
        ) {
          await page.getByRole("button", { name: button }).press("Enter");
          await page.getByRole("dialog").waitFor();
          await sound(name);
          if (name !== "user-disable") await page.keyboard.press("Escape");
        }
        await page.getByRole("button", { name: "Disable Ines Duarte" }).press("Enter");
        await page.getByText("This account is disabled.").waitFor();
        await sound("user-disabled");
        assert.deepEqual(visitor.problems, []);
      }
    } finally {
      await browser.close();
    }
  },
});
