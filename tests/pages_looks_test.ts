import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { giveApp, givePasskey } from "../testing/factors.ts";
import type { TestSite } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { emptySite, type Scenario, scenario } from "./pages/scenario.ts";
import { assertAccessible, assertFits, assertStill, visit, type VisitOptions, type Visitor } from "./pages/visitor.ts";

const missing = browserMissing();
const name = (words: string) => words + (missing ? " (left out: /usr/bin/chromium is missing)" : "");
/** Where pictures go, for a person to look at; without it none are made. */
const SHOTS = Deno.env.get("PAGES_SHOTS");

interface Look {
  name: string;
  path: string;
  /** Not signed in. */
  out?: boolean;
  /** Access token of somebody else than the admin who looks at all others. */
  as?: string;
  /** The answer is an error on purpose, which Chromium repeats in its console. */
  error?: boolean;
}

function filled({ hosts, jobs, groups, clone, operator }: Scenario & { clone: string; operator: string }): Look[] {
  return [
    { name: "login", path: "/login", out: true },
    { name: "password", path: "/password" },
    { name: "hosts", path: "/hosts" },
    { name: "hosts-filtered", path: "/hosts?status=security&sort=-security" },
    { name: "hosts-nothing", path: "/hosts?q=nothing-is-called-so" },
    { name: "hosts-bad-filter", path: "/hosts?health=blue" },
    { name: "host-new", path: "/hosts/new" },
    { name: "host-many", path: `/hosts/${hosts.many}` },
    { name: "host-packages", path: `/hosts/${hosts.many}?tab=packages` },
    { name: "host-jobs", path: `/hosts/${hosts.degraded}?tab=jobs` },
    { name: "host-degraded", path: `/hosts/${hosts.disk}` },
    { name: "host-unreachable", path: `/hosts/${hosts.gone}` },
    { name: "host-pending", path: `/hosts/${hosts.pending}` },
    { name: "host-refused", path: `/hosts/${hosts.refused}` },
    { name: "host-stale", path: `/hosts/${hosts.stale}` },
    { name: "host-current", path: `/hosts/${hosts.web6}` },
    { name: "deploy", path: "/deploy" },
    { name: "deploy-review", path: `/deploy?host=${hosts.many}` },
    { name: "deploy-fleet", path: "/deploy?status=security&security=1" },
    { name: "deploy-nothing", path: `/deploy?host=${hosts.web6}` },
    { name: "jobs", path: "/jobs" },
    { name: "job-live", path: `/jobs/${jobs.live}` },
    { name: "job-batch", path: `/jobs/${jobs.batch}` },
    { name: "job-batch-host", path: `/jobs/${jobs.batch}?host=${hosts.disk}` },
    { name: "job-succeeded", path: `/jobs/${jobs.succeeded}` },
    { name: "job-partly", path: `/jobs/${jobs.partly}?host=${hosts.degraded}` },
    { name: "job-unknown", path: `/jobs/${jobs.unknown}` },
    { name: "job-dry-run", path: `/jobs/${jobs.dry_run}` },
    { name: "job-cancelled", path: `/jobs/${jobs.cancelled}` },
    { name: "job-waiting", path: `/jobs/${jobs.waiting}` },
    { name: "job-queued", path: `/jobs/${jobs.queued}` },
    { name: "host-edit", path: `/hosts/${hosts.many}/edit` },
    { name: "enrolments", path: "/enrolments" },
    { name: "enrolment-clone", path: `/enrolments/${clone}` },
    { name: "groups", path: "/groups" },
    { name: "group-hosts", path: `/groups/${groups.web}` },
    { name: "group-users", path: `/groups/${groups.web}?tab=users` },
    { name: "group-add", path: `/groups/${groups.web}?tab=add` },
    { name: "users", path: "/users" },
    { name: "users-nobody", path: "/users?q=nobody-is-called-so" },
    { name: "users-bad-filter", path: "/users?role=root", error: true },
    { name: "user-new", path: "/users/new" },
    { name: "user", path: `/users/${operator}` },
    { name: "user-groups", path: `/users/${operator}?tab=groups` },
    { name: "profile", path: "/profile" },
    { name: "profile-wall", path: "/profile/wall" },
    { name: "dashboard", path: "/dashboard" },
    { name: "audit", path: "/audit" },
    { name: "audit-filtered", path: "/audit?action=host&outcome=success&from=2026-01-01T00:00" },
    { name: "audit-nothing", path: "/audit?host=nothing-is-called-so" },
    { name: "audit-bad-filter", path: "/audit?from=yesterday", error: true },
    { name: "audit-verification", path: "/audit?tab=verification" },
    { name: "audit-entry", path: "/audit/1" },
    { name: "tokens", path: "/profile/tokens" },
    { name: "token-new", path: "/profile/tokens/new" },
    { name: "settings", path: "/settings" },
    { name: "addresses", path: "/settings/addresses" },
    { name: "error-404", path: "/hosts/0198c1a0-0000-7000-8000-000000000000", error: true },
  ];
}

const EMPTY: Look[] = [
  { name: "empty-hosts", path: "/hosts" },
  { name: "empty-deploy", path: "/deploy" },
  { name: "empty-jobs", path: "/jobs" },
  { name: "empty-enrolments", path: "/enrolments" },
  { name: "empty-groups", path: "/groups" },
  { name: "empty-dashboard", path: "/dashboard" },
  { name: "empty-tokens", path: "/profile/tokens" },
  { name: "empty-addresses", path: "/settings/addresses" },
  { name: "empty-audit", path: "/audit" },
  { name: "empty-audit-verification", path: "/audit?tab=verification" },
];

/** What is between a password and the product, and where factors are looked after. */
async function factorLooks(site: TestSite): Promise<Look[]> {
  const newcomer = await site.signIn("operator", { kind: "browser", stage: "enrol" });
  const half_way = await site.signIn("operator", { kind: "browser", stage: "factor" });
  const inside = await site.signIn("operator", { kind: "browser" });
  for (const { user_id } of [half_way, inside]) {
    await giveApp(site.services, user_id);
    await givePasskey(site.database.sql, user_id, site.origin);
    await site.database.sql`
      insert into recovery_codes (user_id, hash, created_at)
      select ${user_id}, sha256(convert_to(${user_id} || n, 'UTF8')), app_now() from generate_series(1, 9) n`;
  }
  return [
    { name: "setup", path: "/setup", as: newcomer.token },
    { name: "setup-app", path: "/setup/app", as: newcomer.token },
    { name: "setup-passkey", path: "/setup/passkey", as: newcomer.token },
    { name: "login-factor", path: "/login/factor", as: half_way.token },
    { name: "login-recovery", path: "/login/recovery", as: half_way.token },
    { name: "factors", path: "/profile/factors", as: inside.token },
    { name: "factors-app", path: "/profile/factors/app", as: inside.token },
    { name: "factors-passkey", path: "/profile/factors/passkeys", as: inside.token },
    { name: "confirm", path: "/confirm?next=/users", as: inside.token },
  ];
}

Deno.test({
  name: name("every page with much data is sound in both themes and three widths"),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using made = await scenario();
    const browser = await launchBrowser();
    try {
      const { user_id: operator } = await made.site.signIn("operator", { kind: "browser", groups: [made.groups.web] });
      await made.site.signIn("auditor", { groups: [made.groups.web] });
      const clone = await addClone(made);
      await lookAt(t, browser, made.site, [
        ...filled({ ...made, clone, operator }),
        ...await factorLooks(made.site),
      ]);
    } finally {
      await browser.close();
    }
  },
});

Deno.test({
  name: name("every page without any host is sound in both themes and three widths"),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using site = await emptySite();
    const browser = await launchBrowser();
    try {
      await lookAt(t, browser, site, EMPTY);
    } finally {
      await browser.close();
    }
  },
});

/** A machine that waits with the machine id of a host. */
async function addClone({ site, hosts }: Scenario): Promise<string> {
  const machine_id = "c1".repeat(32);
  await site.database.sql`update hosts set machine_hash = ${machine_id} where id = ${hosts.web6}`;
  const body = { machine_id, fqdn: "web-06-copy.example.org", ip_address: "10.20.1.66" };
  assert.ok((await site.anonymous.post("/api/v1/enroll", body)).status < 300);
  const [{ id }] = await site.database.sql`select id from enrolments where fqdn = ${body.fqdn}`;
  return id;
}

async function lookAt(t: Deno.TestContext, browser: Browser, site: TestSite, looks: Look[]): Promise<void> {
  const { token: admin } = await site.signIn("admin", { kind: "browser" });
  const only = Deno.env.get("PAGES_ONLY");
  if (SHOTS) await Deno.mkdir(SHOTS, { recursive: true });
  for (const look of looks.filter((look) => !only || new RegExp(only).test(look.name))) {
    const token = look.out ? undefined : look.as ?? admin;
    // Each theme is loaded once, one in a wide window and one in a narrow, and then seen in all widths.
    await t.step(look.name, async () => {
      await Promise.all([
        lookIn(browser, site, { token, theme: "light", width: 1280 }, look, [1280, 390, 1920, 640]),
        lookIn(browser, site, { token, theme: "dark", width: 390 }, look, [390, 1280, 1920, 320]),
      ]);
    });
    await t.step(`${look.name} has no style attribute and no inline script`, async () => {
      const client = token === undefined ? site.anonymous : site.client({ cookie: `__Host-access=${token}` });
      const { text } = await client.get(look.path);
      assert.match(text, /<h1/);
      assert.doesNotMatch(text, /<[^>]+ style=/);
      assert.doesNotMatch(text, /<script(?![^>]*( src=|application\/json))/);
    });
  }
}

/** One window: opened at the first width, then made wider and narrower. 640 px is 1280 px at 200 % zoom, 320 at 400 %. */
async function lookIn(
  browser: Browser,
  site: TestSite,
  options: VisitOptions,
  look: Look,
  widths: number[],
): Promise<void> {
  const name = `${look.name}-${options.theme}`;
  await using visitor = await visit(browser, site, options);
  const { page, problems } = visitor;
  await visitor.go(look.path);
  await assertStill(visitor, name);
  for (const width of widths) {
    const what = `${name}-${width}`;
    await page.setViewportSize({ width, height: 800 });
    await assertFits(visitor, what);
    // Other widths show the document of one of these two.
    if (width === 1280 || width === 390) await assertAccessible(visitor, what);
    if (SHOTS) await takeShot(visitor, `${SHOTS}/${what}.png`);
  }
  if (look.error) problems.length = 0;
  assert.deepEqual(problems, [], `${name}: console`);
}

/** As high as the page is: what scrolls by itself (tables that fill the window) stays as it is seen. */
async function takeShot({ page }: Visitor, path: string): Promise<void> {
  const height = await page.evaluate("document.documentElement.scrollHeight") as number;
  const { width } = page.viewportSize()!;
  await page.setViewportSize({ width, height: Math.min(Math.max(height, 800), 4_000) });
  await page.screenshot({ path });
  await page.setViewportSize({ width, height: 800 });
}
