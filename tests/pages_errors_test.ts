import assert from "node:assert/strict";
import { giveApp } from "../testing/factors.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { answer } from "./pages/fleet.ts";
import { type Scenario, scenario } from "./pages/scenario.ts";
import { updates } from "./pages/updates.ts";
import { assertSays } from "./pages/words.ts";
import { visit } from "./pages/visitor.ts";

const missing = browserMissing();
const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** What a page's form sends. */
const form = (path: string, fields: [string, string][]) => ({
  method: "POST",
  path,
  body: new URLSearchParams(fields).toString(),
  headers: FORM,
});

Deno.test("pages say what is wrong, and keep what was typed", async (t) => {
  await using made = await scenario({ resolve: () => Promise.resolve([]) });
  const { site, hosts, first_admin } = made;
  const admin = await site.signIn("admin", { kind: "browser" });
  const auditor = await site.signIn("auditor", { kind: "browser" });

  await t.step("login: wrong password, unknown user and nothing at all; never the password in the page", async () => {
    const cases: [string, string, number, RegExp][] = [
      ["admin", "wrong-secret", 401, /User name or password is wrong\..*Check both and try again/s],
      ["nobody", "wrong-secret", 401, /User name or password is wrong\./],
      ["admin", "", 401, /User name and password are needed\./],
      ["", "wrong-secret", 401, /User name and password are needed\./],
    ];
    for (const [username, password, status, words] of cases) {
      const answer = await site.anonymous.send(form("/login", [["username", username], ["password", password]]));
      assert.equal(answer.status, status, username);
      assertSays(answer.text, words);
      if (username) assertSays(answer.text, new RegExp(`value="${username}"`), "what was typed stays");
      assert.doesNotMatch(answer.text, /wrong-secret/);
      assert.equal(answer.headers.get("set-cookie"), null);
    }
  });

  await t.step("login: after a good one the page leads only within this site", async () => {
    const { username, password } = first_admin;
    const next = "https://evil.example/hosts";
    const { status, headers } = await site.anonymous.send(
      form("/login", [["username", username], ["password", password], ["next", next]]),
    );
    assert.equal(status, 303);
    assert.equal(headers.get("location"), "/password?next=%2F");
  });

  await t.step("a registration that is no good keeps its fields and names the one that is wrong", async () => {
    const cases: [string, string, string, RegExp][] = [
      ["not a name!", "12443", "Web", /id="address-error"/],
      ["10.20.1.11", "12443", "Web", /This host is already registered: web-01\.example\.org/],
      ["10.99.0.1", "99999", "Web", /id="port-error"[\s\S]*65535/],
      ["10.99.0.1", "ssh", "Web", /id="port-error"/],
      ["unknown.example.org", "12443", "<b>Web</b>", /could not be resolved/],
    ];
    for (const [address, port, display_name, words] of cases) {
      const { status, text } = await admin.send(
        form("/hosts/new", [["address", address], ["port", port], ["display_name", display_name]]),
      );
      assert.ok(status >= 400 && status < 500, `${address}: ${status}`);
      assertSays(text, words, address);
      for (const typed of [address, port]) assert.ok(text.includes(`value="${typed}"`), `${typed} stays`);
      assert.doesNotMatch(text, /<b>Web<\/b>/, "what was typed is text, never markup");
    }
  });

  await t.step("passwords: the field that is wrong says why", async () => {
    const cases: [string, string, string, RegExp][] = [
      ["x", "short", "short", /id="(new|current)_password-error"/],
      ["x", "lantern orbit walnut", "lantern orbit", /id="repeated_password-error"[\s\S]*not the same/],
      ["", "", "", /All three fields are needed/],
    ];
    for (const [current, wanted, repeated, words] of cases) {
      const { status, text } = await admin.send(form("/password", [
        ["current_password", current],
        ["new_password", wanted],
        ["repeated_password", repeated],
      ]));
      assert.ok(status >= 400 && status < 500, String(status));
      assertSays(text, words);
      assert.doesNotMatch(text, /value="(short|lantern)/, "never a password in the page");
    }
  });

  await t.step("deploy: a version that moved is named, and the choice is kept", async () => {
    const { text } = await admin.get(`/deploy?host=${hosts.web6}`);
    assertSays(text, /Nothing can be installed/);
    const offers = await orderForm(made, hosts.real);
    const moved = updates("openssl", "libssl3", "curl", "tzdata", "less")
      .map((one) => one.name === "openssl" ? { ...one, available_version: "3.0.18-1~deb12u1" } : one);
    const plan = { name: "sandbox.example.org", address: "127.0.0.1", seen: 0, updates: moved };
    await answer(site.database, made.past, hosts.real, plan);
    await made.past.at(0);
    const conflict = await admin.send(form("/deploy", [
      ["host", hosts.real],
      ["key", "conflict"],
      ["kind", "apply"],
      ["reason", "CHG0077"],
      ...offers.filter(([, offer]) => !offer.startsWith("less ")),
    ]));
    assert.equal(conflict.status, 409);
    assertSays(conflict.text, /Other versions are on offer than the ones you saw\./);
    assertSays(conflict.text, /openssl is on offer as 3\.0\.18-1~deb12u1 now, not as 3\.0\.17-1~deb12u3/);
    assertSays(conflict.text, /value="CHG0077"/, "the reason stays");
    const ticked = [...conflict.text.matchAll(/<input[^>]*name="offer"[^>]*>/g)].map(([tag]) => tag);
    assert.equal(ticked.length, 5);
    for (const tag of ticked) assert.equal(/ checked/.test(tag), !/value="less /.test(tag), tag);
  });

  await t.step("deploy: the same form twice makes one job", async () => {
    const offers = await orderForm(made, hosts.app1);
    const fields: [string, string][] = [["host", hosts.app1], ["key", "twice"], ["kind", "apply"], ...offers];
    const count = async () => (await site.database.sql`select count(*)::int as n from patch_jobs`)[0].n;
    const before = await count();
    const [first, second] = await Promise.all([
      admin.send(form("/deploy", fields)),
      admin.send(form("/deploy", fields)),
    ]);
    assert.equal(first.status, 303);
    assert.equal(second.headers.get("location"), first.headers.get("location"));
    assert.equal(await count(), before + 1);
  });

  await t.step("deploy: nothing chosen is said, not done", async () => {
    const none = await admin.send(form("/deploy", [["host", hosts.app1], ["key", "none"], ["kind", "apply"]]));
    assert.equal(none.status, 422);
    assertSays(none.text, /No update is chosen\./);
    const nowhere = await admin.send(form("/deploy", [["kind", "apply"]]));
    assert.equal(nowhere.status, 422);
    assertSays(nowhere.text, /No host is chosen/);
  });

  await t.step("addresses that lead nowhere stay within the product", async () => {
    const unknown = "0198c1a0-0000-7000-8000-000000000000";
    for (
      const [path, words] of [
        [`/hosts/${unknown}`, /There is no such host\./],
        ["/hosts/not-an-id", /There is no such host\./],
        [`/jobs/${unknown}`, /There is no such job\./],
        [`/jobs/${made.jobs.live}?host=${unknown}`, /There is no such job\./],
        [`/deploy?host=${unknown}`, /There is no such host\./],
        ["/deploy?from=x", /There is no such job\./],
        ["/nowhere", /There is nothing here\./],
      ] as const
    ) {
      const { status, text } = await admin.get(path);
      assert.equal(status, 404, path);
      assertSays(text, words, path);
      assertSays(text, /class="rail"/, `${path}: the rail is still there`);
    }
  });

  await t.step("queries that nobody would type never break a page", async () => {
    for (
      const path of [
        "/hosts?health=blue&sort=nonsense&group=7&cursor=garbage",
        "/hosts?q=%00%25_%5C'",
        `/hosts?q=${"x".repeat(5_000)}`,
        "/jobs?state=purple&cursor=%F0",
        `/hosts/${hosts.many}?tab=nothing&search=%00`,
        `/hosts/${hosts.many}?tab=packages&cursor=garbage`,
        "/deploy?host=not-an-id",
        "/deploy?health=blue",
      ]
    ) {
      const { status, text } = await admin.get(path);
      assert.ok(status < 500, `${path}: ${status}`);
      assertSays(text, /<h1/, path);
    }
  });

  await t.step("an auditor sees pages and is offered nothing that changes", async () => {
    for (const path of ["/hosts", `/hosts/${hosts.many}`, "/jobs", `/jobs/${made.jobs.batch}`]) {
      const { status, text } = await auditor.get(path);
      assert.equal(status, 200, path);
      const main = text.slice(text.indexOf("<main"));
      assert.doesNotMatch(
        main,
        /href="\/(deploy|enrolments|hosts\/new)|action="\/(hosts|jobs)\/[^"]*\/(refresh|remove|cancel|retry)"/,
        path,
      );
    }
    for (const path of ["/deploy", "/enrolments", "/hosts/new"]) {
      const { status, text } = await auditor.get(path);
      assert.equal(status, 403, path);
      assertSays(text, /Your role does not allow this\..*Ask an admin\./s);
    }
  });

  await t.step("a POST after the session has ended says so, and where to sign in", async () => {
    const ended = site.client({ cookie: `__Host-session=${"A".repeat(43)}`, origin: site.origin });
    const { status, text } = await ended.send(form("/deploy", [["kind", "apply"]]));
    assert.equal(status, 401);
    assertSays(text, /Your session has ended\./);
    assertSays(text, /href="\/login\?next=/);
    const page = await ended.get(`/hosts/${hosts.many}?tab=jobs`);
    assert.equal(page.headers.get("location"), `/login?next=${encodeURIComponent(`/hosts/${hosts.many}?tab=jobs`)}`);
    assertSays((await ended.get("/login")).text, /Your session has ended\./);
  });

  await t.step("a form of another site changes nothing", async () => {
    for (const origin of ["https://evil.example", "null", undefined]) {
      const headers = { cookie: `__Host-access=${admin.token}`, ...(origin ? { origin } : {}) };
      const { status } = await site.client(headers).send(form(`/hosts/${hosts.app2}/remove`, []));
      assert.equal(status, 403, origin ?? "no origin");
    }
    assert.equal((await admin.get(`/hosts/${hosts.app2}`)).status, 200);
  });

  await t.step("a failure of ours is said with its id, and nothing of its cause", async () => {
    await site.database.sql`alter table patch_jobs rename to patch_jobs_away`;
    try {
      const { status, text, headers } = await admin.get("/jobs");
      assert.equal(status, 500);
      assertSays(text, new RegExp(`Request id.*${headers.get("x-request-id")}`, "s"));
      assertSays(text, /Try again/);
      assert.doesNotMatch(text, /patch_jobs|relation/);
      assert.ok(site.log_lines.some((line) => line.includes("http.failure") && line.includes("patch_jobs")));
    } finally {
      await site.database.sql`alter table patch_jobs_away rename to patch_jobs`;
    }
  });
});

/** The offers that the review page of a host would send. */
async function orderForm({ site }: Scenario, host: string): Promise<[string, string][]> {
  const admin = await site.signIn("admin", { kind: "browser" });
  const { text } = await admin.get(`/deploy?host=${host}`);
  return [...text.matchAll(/<input[^>]*name="offer"[^>]*>/g)].map((
    [tag],
  ) => ["offer", /value="([^"]*)"/.exec(tag)![1]]);
}

Deno.test({
  name: "without script: login, filter, dry run, cancel" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using made = await scenario();
    const { site, first_admin } = made;
    await site.database.sql`update passwords set must_change = false`;
    const [{ id }] = await site.database.sql`select id from users where username = ${first_admin.username}`;
    const app = await giveApp(site.services, id);
    const browser = await launchBrowser();
    try {
      await using visitor = await visit(browser, site, { scripts: false });
      const { page } = visitor;
      await page.goto("/hosts?health=healthy");
      await page.fill("#username", first_admin.username);
      await page.fill("#password", first_admin.password);
      await page.click("text=Sign in >> visible=true >> nth=-1");
      assert.equal(await page.textContent("h1"), "Second factor");
      await page.fill("#code", app.code());
      await page.click("form#factor button");
      assert.equal(new URL(page.url()).search, "?health=healthy");
      await page.selectOption("#status", "security");
      await page.click("text=Filter");
      assert.equal(new URL(page.url()).searchParams.get("status"), "security");
      await page.goto("/deploy");
      await page.check("input[aria-label='Choose sandbox.example.org']");
      await page.click("text=Review their updates");
      assert.equal(await page.textContent("h1"), "Deploy to sandbox.example.org");
      await page.uncheck("input[value^='less ']");
      await page.click("button[name=kind][value=dry_run]");
      assert.equal(await page.textContent("h1"), "Dry run of 4 updates on sandbox.example.org");
      await page.click("text=Cancel …");
      await page.fill("#cancel-reason", "not today");
      await page.click("text=Cancel the job");
      assert.match(await page.textContent(".page-head-state") ?? "", /Cancelled by admin: “not today”/);
    } finally {
      await browser.close();
    }
  },
});
