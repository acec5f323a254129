import assert from "node:assert/strict";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { scenario } from "./pages/scenario.ts";
import { assertSays, mainWords } from "./pages/words.ts";
import { visit } from "./pages/visitor.ts";

const missing = browserMissing();

Deno.test("an operator's pages hold nothing of hosts outside their groups", async (t) => {
  await using made = await scenario();
  const { site, hosts, groups, jobs, work } = made;
  const foreign_job = await work.order({ host_ids: [hosts.degraded], reason: "of the databases" });
  const operator = await site.signIn("operator", { kind: "browser", groups: [groups.web] });
  const nobody = await site.signIn("operator", { kind: "browser" });
  // Hosts in no group belong to every operator; the databases do not.
  const foreign = ["db-01", "db-02", "Databases", "of the databases", "10.20.2.1", hosts.degraded, hosts.disk];
  const silent = (text: string, where: string) => {
    // What the asker wrote into the address comes back in forms, and says nothing.
    for (const word of foreign.filter((word) => !where.includes(word))) {
      assert.ok(!text.includes(word), `${where} names ${word}`);
    }
  };

  await t.step("lists: hosts, their filters and counts, jobs, the picker", async () => {
    for (
      const path of [
        "/hosts",
        "/hosts?q=db-01",
        "/hosts?health=degraded",
        `/hosts?group=${groups.data}`,
        "/jobs",
        "/jobs?state=ended",
        "/deploy",
        "/deploy?status=security&security=1",
      ]
    ) {
      const { status, text } = await operator.get(path);
      assert.equal(status, 200, path);
      silent(text, path);
    }
    const { text } = await operator.get("/hosts");
    assertSays(text, /28 of 28 hosts/);
    assertSays(text, /web-01\.example\.org/);
  });

  await t.step("pages of foreign hosts and jobs are not there, as if they did not exist", async () => {
    const unknown = "0198c1a0-0000-7000-8000-000000000000";
    for (
      const [path, twin] of [
        [`/hosts/${hosts.degraded}`, `/hosts/${unknown}`],
        [`/hosts/${hosts.disk}?tab=packages`, `/hosts/${unknown}?tab=packages`],
        [`/jobs/${foreign_job}`, `/jobs/${unknown}`],
        [`/jobs/${jobs.batch}?host=${hosts.disk}`, `/jobs/${jobs.batch}?host=${unknown}`],
        [`/deploy?host=${hosts.degraded}`, `/deploy?host=${unknown}`],
        [`/deploy?host=${hosts.web1}&host=${hosts.degraded}`, `/deploy?host=${hosts.web1}&host=${unknown}`],
        [`/deploy?from=${foreign_job}`, `/deploy?from=${unknown}`],
      ]
    ) {
      const one = await operator.get(path);
      const other = await operator.get(twin);
      assert.equal(one.status, 404, path);
      silent(one.text, path);
      assert.equal(mainWords(one.text), mainWords(other.text), `${path} can be told from ${twin}`);
    }
  });

  await t.step("acts on foreign hosts and jobs are refused and change nothing", async () => {
    const before = await site.database.sql`select id, removed_at from hosts order by id`;
    for (
      const [path, body] of [
        [`/hosts/${hosts.degraded}/remove`, ""],
        [`/hosts/${hosts.degraded}/refresh`, ""],
        [`/jobs/${foreign_job}/cancel`, "reason=x"],
        [`/jobs/${foreign_job}/retry`, ""],
      ]
    ) {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const { status, text } = await operator.send({ method: "POST", path, body, headers });
      assert.equal(status, 404, path);
      silent(text, path);
    }
    assert.deepEqual(await site.database.sql`select id, removed_at from hosts order by id`, before);
    const [{ cancelled_at }] = await site.database.sql`select cancelled_at from patch_jobs where id = ${foreign_job}`;
    assert.equal(cancelled_at, null);
  });

  await t.step("a job that is partly theirs shows their part, with numbers of their part", async () => {
    const { status, text } = await operator.get(`/jobs/${jobs.batch}`);
    assert.equal(status, 200);
    silent(text, "the job");
    assertSays(text, /28 updates for 6 hosts/);
  });

  await t.step("without any group there are the hosts of no group", async () => {
    const { text } = await nobody.get("/hosts");
    assertSays(text, /20 of 20 hosts/);
    assert.doesNotMatch(mainWords(text), /web-01|db-01|Web tier/);
  });
});

Deno.test({
  name: "an operator's open page hears nothing of foreign hosts" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using made = await scenario();
    const { site, hosts, groups, work } = made;
    const { token } = await site.signIn("operator", { kind: "browser", groups: [groups.web] });
    const browser = await launchBrowser();
    try {
      await using visitor = await visit(browser, site, { token });
      const { page } = visitor;
      const heard: string[] = [];
      page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => heard.push(String(payload))));
      const mixed = await work.order({ host_ids: [hosts.real, hosts.degraded] });
      await work.claim();
      await visitor.go(`/jobs/${mixed}`);
      await page.locator(".live >> text=Live").waitFor();
      const before = heard.length;
      // First what is not theirs, then what is: when the second has come, the first would have.
      await work.begin(mixed, hosts.degraded);
      await work.say(mixed, hosts.degraded, { progress: 50, message: "foreign words", output: "foreign line\n" });
      await work.begin(mixed, hosts.real);
      await work.say(mixed, hosts.real, { progress: 77, message: "own words" });
      await page.locator("text=own words").first().waitFor();
      const frames = heard.slice(before).join("\n");
      assert.match(frames, /own words/);
      assert.ok(frames.includes(hosts.real));
      assert.ok(!frames.includes(hosts.degraded), "a frame named a foreign host");
      assert.doesNotMatch(frames, /foreign/);
      assert.equal(await page.getAttribute("#job-progress", "value"), "77", "progress is of their host only");
      assert.deepEqual(visitor.problems, []);
    } finally {
      await browser.close();
    }
  },
});
