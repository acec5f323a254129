import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { systemClock } from "../core/clock.ts";
import { createJob } from "../core/jobs/create_job.ts";
import { requestEnrolment } from "../core/enrolment/request_enrolment.ts";
import { silentLog } from "../core/log.ts";
import { agentServer, client_options, envelope } from "../testing/agent_listener.ts";
import { HOSTILE_WORDS, hostileWords, UNSEEN } from "../testing/hostile_words.ts";
import { addGroup, addUser, callerContext } from "../testing/job_scenario.ts";
import { addAgentHost } from "../testing/simulated_agent.ts";
import type { TestSite } from "../testing/site.ts";
import { waitFor } from "../testing/wait_for.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { createAgentClient } from "../worker/agent_client.ts";
import { createExecutor } from "../worker/executor.ts";
import { createPoller } from "../worker/poller.ts";
import { letTimePass, testPace } from "../worker/run_fixture_test.ts";
import { emptySite } from "./pages/scenario.ts";
import { assertFits, visit } from "./pages/visitor.ts";

const missing = browserMissing();
const SHOTS = Deno.env.get("PAGES_SHOTS");

const count = Object.keys(HOSTILE_WORDS).length;
const many = (max: number, length = count) => Array.from({ length }, hostileWords(max));

/** Everything that the protocol lets a host say, said in hostile words. */
function answers(): Record<string, (body: string) => unknown> {
  const word = hostileWords(250);
  const updates = Array.from({ length: count * 2 }, (_, index) => ({
    ...{ name: `package${index}`, arch: "amd64", current_version: word(), available_version: `2.${index}` },
    ...{ severity: "high", severity_source: word().slice(0, 64), security: index % 2 === 0 },
    ...{ repository: [word(), word()], description: hostileWords(1_024)() + word(), source_package: word() },
    ...{ advisory_ids: [word().slice(0, 64)], state_reason: word(), reboot_reason: word(), new_dependencies: [word()] },
    ...{ state: index % 3 === 0 ? "kept_back" : "installable", removes: [word()], size_bytes: 2 ** 53 },
  }));
  return {
    "/api/v1/health": () => ({ status: "degraded", version: word().slice(0, 64), problems: many(512).slice(0, 16) }),
    "/api/v1/system/info": () => ({
      ...{ hostname: word(), os: HOSTILE_WORDS.homoglyph + word().slice(0, 60), os_version: word().slice(0, 128) },
      ...{ kernel: word(), architecture: word().slice(0, 64), os_id: word().slice(0, 64), pending_reboot: true },
      ...{ reboot_reasons: many(512), services_to_restart: many(250), virtualization: word().slice(0, 64) },
      ...{ package_manager: { name: word().slice(0, 64), version: word().slice(0, 64) } },
    }),
    "/api/v1/patches": () => ({
      patches: updates,
      index_error: many(150).join(" "),
      state: "ok",
      index_age_seconds: 1e10,
    }),
    "/api/v1/packages": () => ({
      packages: updates.map(({ name, arch }) => ({ name, arch, version: word(), source_package: word() })),
    }),
    "/api/v1/patches/apply": () => ({ job_id: "7", status: "pending" }),
    "/api/v1/jobs/7": () => ({
      ...{ job_id: "7", status: "failed", progress_percent: 1e9, phase: "install", message: many(300).join(" ") },
      ...{ output: many(10_000).join("\n"), error: many(300).join(" "), error_code: word().slice(0, 64), seq: 9 },
      failed_packages: updates.slice(0, count).map(({ name }) => ({
        ...{ name, reason: many(150).join(" "), state: word().slice(0, 128), output: many(250).join("\n") },
      })),
    }),
  };
}

/** A site whose one host was polled and ordered by the real fleet role's code. */
async function hostileSite() {
  const cleanup = new AsyncDisposableStack();
  const site = cleanup.use(await emptySite());
  const { sql, web, fleet } = site.database;
  const said: Partial<ReturnType<typeof answers>> = answers();
  const agent = cleanup.use(
    await agentServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => body += chunk);
      request.on("end", () => {
        const answer = said[request.url!.split("?")[0]];
        response.writeHead(answer ? request.method === "POST" ? 202 : 200 : 404);
        response.end(answer ? envelope(answer(body)) : "<script>window.hacked=1</script>");
      });
    }),
  );
  const group_id = await addGroup(sql);
  const host_id = await addAgentHost(sql, agent, [group_id]);
  const agents = createAgentClient(client_options);
  cleanup.defer(() => agents.close());
  const stopping = new AbortController();
  const context = { sql: fleet, agents, clock: systemClock, log: silentLog, signal: stopping.signal };
  const poller = createPoller({ ...context, stopping: stopping.signal });
  await poller.turn();
  await poller.idle();
  const [{ refused_reason }] = await sql`select refused_reason from host_patch_data`;
  assert.equal(refused_reason, null, "hostile words were taken: otherwise the pages show none");
  const admin = await addUser(sql, "admin");
  const { job_id } = await createJob(web, admin, { kind: "apply", host_ids: [host_id] }, null, callerContext(admin));
  const executor = createExecutor({ ...context, pace: testPace });
  await waitFor("the job's end", async () => {
    await executor.turn();
    if ((await sql`select ended_at from patch_jobs`)[0].ended_at) return true;
    if (executor.running === 0) await letTimePass(sql);
    return false;
  }, { deadline_ms: 20_000 });
  stopping.abort(new Error("the host has said everything"));
  await executor.stop();
  const unknown = { actor: { kind: "anonymous" as const }, address: "10.0.0.9", request_id: null, clock: systemClock };
  const details = Object.fromEntries(many(120).map((word, index) => [`fact${index}`, word]));
  await requestEnrolment(
    site.services.sql,
    {
      machine_id: "m",
      fqdn: "kiosk.example.org",
      ip_address: "10.0.0.9",
      os_details: { name: many(60)[1], ...details },
    },
    "10.0.0.9",
    site.services.issuer,
    { rate_per_minute: 100, pending_days: 7 },
    unknown,
  );
  const [{ id: request_id }] = await sql`select id from enrolments`;
  return { site, host_id, job_id, group_id, request_id, [Symbol.asyncDispose]: () => cleanup.disposeAsync() };
}

Deno.test({
  name: "hostile words are inert on every page" + (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using made = await hostileSite();
    const { site, host_id, job_id, group_id, request_id } = made;
    const browser = await launchBrowser();
    const { token } = await site.signIn("admin", { kind: "browser" });
    const paths = {
      dashboard: "/",
      hosts: "/hosts",
      host: `/hosts/${host_id}`,
      packages: `/hosts/${host_id}?tab=packages`,
      host_jobs: `/hosts/${host_id}?tab=jobs`,
      deploy: "/deploy",
      review: `/deploy?host=${host_id}`,
      jobs: "/jobs",
      job: `/jobs/${job_id}`,
      job_host: `/jobs/${job_id}?host=${host_id}`,
      host_change: `/hosts/${host_id}/edit`,
      host_new: "/hosts/new",
      enrolments: "/enrolments",
      enrolment: `/enrolments/${request_id}`,
      groups: "/groups",
      group: `/groups/${group_id}`,
      group_users: `/groups/${group_id}?tab=users`,
      search: `/hosts?q=${encodeURIComponent(HOSTILE_WORDS.image + HOSTILE_WORDS.script)}`,
    };
    try {
      for (const [name, path] of Object.entries(paths)) {
        await t.step(name, () => lookAt(browser, site, token, name, path));
      }
    } finally {
      await browser.close();
    }
  },
});

async function lookAt(browser: Browser, site: TestSite, token: string, name: string, path: string): Promise<void> {
  for (const width of [1280, 390]) {
    await using visitor = await visit(browser, site, { token, width });
    const { page, problems } = visitor;
    await visitor.go(path);
    const what = `${name} at ${width}`;
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => one.open = true));
    const seen = await page.evaluate(() => ({
      hacked: (globalThis as unknown as { hacked?: number }).hacked ?? null,
      strange: [...document.querySelectorAll("img[src=x], svg[onload], iframe, base, [onerror], [onfocus], [style]")]
        .map((element) => element.outerHTML.slice(0, 200)),
      links: [...document.querySelectorAll("a[href]")].map((link) => (link as HTMLAnchorElement).protocol)
        .filter((protocol) => !/^https?:$/.test(protocol)),
      text: document.body.innerText,
    }));
    assert.equal(seen.hacked, null, `${what}: a script ran`);
    assert.deepEqual([seen.strange, seen.links], [[], []], what);
    const unseen = seen.text.split("\n").find((line) => UNSEEN.test(line));
    assert.equal(unseen && JSON.stringify(unseen.slice(0, 300)), undefined, `${what}: characters that steer`);
    const errors = site.log_lines.filter((line) => line.includes('"level":"error"'));
    assert.deepEqual(errors, [], `${what}: the web role logs no error`);
    assert.deepEqual(problems, [], `${what}: no error, no report of the content security policy`);
    await assertFits(visitor, what);
    // Last: taking it writes style attributes.
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/hostile-${name}-${width}.png`, fullPage: true });
  }
}
