import assert from "node:assert/strict";
import { makeHost, makeJob, makeRollbackJob } from "../testing/api_examples.ts";
import { offer } from "../testing/job_scenario.ts";
import type { HttpClient } from "../testing/http_client.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { assertSays, mainWords } from "./pages/words.ts";

/** Sends a form as a browser without script does; answers where it leads. */
async function submit(client: HttpClient, path: string, fields: Record<string, string | string[]>): Promise<string> {
  const form = new URLSearchParams();
  for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) form.append(name, value);
  const answer = await client.send({
    method: "POST",
    path,
    body: form.toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  assert.ok([302, 303].includes(answer.status), `${path}: ${answer.status} ${mainWords(answer.text).slice(0, 400)}`);
  return answer.headers.get("location")!;
}

async function html(client: HttpClient, path: string): Promise<string> {
  const { status, text } = await client.get(path);
  assert.equal(status, 200, path);
  return text;
}

const rows = ({ database }: TestSite) =>
  database.sql`select kind, reboot, reboot_delay_seconds as delay, reason from patch_jobs order by requested_at`;

Deno.test("a host whose package manager stands half-way is repaired from its page", async (t) => {
  await using site = await testSite();
  const { sql } = site.database;
  const admin = await site.signIn("admin", { kind: "browser" });
  const auditor = await site.signIn("auditor", { kind: "browser" });
  for (
    const [state, words] of [["interrupted", /was interrupted/], [
      "broken",
      /packages on this host are broken/,
    ]] as const
  ) {
    await t.step(state, async () => {
      const host_id = await makeHost(site);
      const calm = await html(admin, `/hosts/${host_id}`);
      assert.ok(!calm.includes("repair-host"), "nothing to repair, no action");
      await sql`update host_patch_data set state = ${state} where host_id = ${host_id}`;
      const page = await html(admin, `/hosts/${host_id}`);
      assertSays(page, words);
      assertSays(page, /Repair …/);
      assertSays(page, /No package is removed/);
      const read_only = await html(auditor, `/hosts/${host_id}`);
      assertSays(read_only, words);
      assert.ok(!read_only.includes("repair-host") && !read_only.includes("restart-host"));
      const job = await submit(admin, `/hosts/${host_id}/repair`, { reason: "dpkg" });
      assertSays(await html(admin, job), /Repair of host\d+\.example/);
    });
  }
  const locked = await makeHost(site);
  await sql`update host_patch_data set state = 'locked' where host_id = ${locked}`;
  const page = await html(admin, `/hosts/${locked}`);
  assertSays(page, /Another program uses the package manager/);
  assert.ok(!page.includes("repair-host"));
});

Deno.test("a host is restarted from its page, with the warning that was chosen", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const host_id = await makeHost(site);
  assertSays(await html(admin, `/hosts/${host_id}`), /Restart host …[\s\S]*Warn its users before/);
  const job = await submit(admin, `/hosts/${host_id}/reboot`, { delay: "900", reason: "kernel" });
  assertSays(await html(admin, job), /Restart of host/);
  assert.deepEqual((await rows(site)).map((row) => ({ ...row })), [
    { kind: "reboot", reboot: "always", delay: 900, reason: "kernel" },
  ]);
});

Deno.test("a deployment says whether hosts restart; a dry run never does", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const host_id = await makeHost(site);
  const page = await html(admin, `/deploy?host=${host_id}`);
  assertSays(page, /Do not restart any host[\s\S]*Restart hosts that need it[\s\S]*Restart every host/);
  const chosen = { host: host_id, offer: "openssl 2.0", reboot: "needed", delay: "300", reason: "" };
  await submit(admin, "/deploy", { ...chosen, kind: "dry_run", key: "k1" });
  await submit(admin, "/deploy", { ...chosen, kind: "apply", key: "k2" });
  await submit(admin, "/deploy", { ...chosen, kind: "apply", key: "k3", reboot: "nonsense", delay: "" });
  assert.deepEqual((await rows(site)).map(({ kind, reboot, delay }) => [kind, reboot, delay]), [
    ["dry_run", "never", 300],
    ["apply", "needed", 300],
    ["apply", "never", 60],
  ]);
});

Deno.test("the security updates of a mixed fleet are ordered, though another host offers the same name otherwise", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const admin = await site.signIn("admin", { kind: "browser" });
  const [secure, other] = [await makeHost(site), await makeHost(site)];
  await offer(sql, secure, { name: "zlib", to: "1.3", security: true });
  await offer(sql, other, { name: "zlib", to: "2.0", security: false });
  const offersOf = (page: string) =>
    [...page.matchAll(/name="offer" value="([^"]+)"/g)].map(([, value]) => value).sort();
  const page = await html(admin, `/deploy?security=1&host=${secure}&host=${other}`);
  assert.deepEqual(offersOf(page), ["openssl 2.0", "zlib 1.3"]);
  const security = /name="security" value="(\d)"/.exec(page)?.[1] ?? "";
  const order = { host: [secure, other], offer: offersOf(page), reboot: "never", delay: "", reason: "", security };
  const job = await submit(admin, "/deploy", { ...order, kind: "dry_run", key: "k1" });
  const ordered =
    await sql`select host_id, name, to_version as version from patch_job_patches order by name, to_version`;
  assert.deepEqual(
    ordered.map(({ host_id, name, version }) => [host_id, name, version]).sort(),
    [[secure, "openssl", "2.0"], [other, "openssl", "2.0"], [secure, "zlib", "1.3"]].sort(),
  );
  // What the dry run showed is what "Deploy these updates" offers.
  assert.deepEqual(offersOf(await html(admin, `/deploy?from=${job.split("/").at(-1)}`)), ["openssl 2.0", "zlib 1.3"]);
});

Deno.test("of two versions of a package one is unticked: its hosts keep theirs, and a refusal keeps the choice", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const admin = await site.signIn("admin", { kind: "browser" });
  const [one, other, both] = [await makeHost(site), await makeHost(site), await makeHost(site)];
  await offer(sql, one, { name: "zlib", to: "1.3" });
  await offer(sql, other, { name: "zlib", to: "2.0" });
  await offer(sql, both, { name: "zlib", to: "1.3" });
  const hosts = [one, other, both];
  const values = (page: string, name: string) =>
    [...page.matchAll(new RegExp(`name="${name}" value="([^"]+)"`, "g"))].map(([, value]) => value).sort();
  const page = await html(admin, `/deploy?${hosts.map((id) => `host=${id}`).join("&")}`);
  const seen = values(page, "seen");
  assert.deepEqual(seen, ["zlib 1.3", "zlib 2.0"], "openssl has one version only");
  const ticked = (page: string) =>
    [...page.matchAll(/<input[^>]*name="offer"[^>]*>/g)].map(([tag]) => tag).filter((tag) => / checked/.test(tag))
      .map((tag) => /value="([^"]+)"/.exec(tag)![1]).sort();
  assert.deepEqual(ticked(page), ["openssl 2.0", "zlib 1.3", "zlib 2.0"]);
  const chosen = { host: hosts, offer: ["zlib 1.3"], seen, reboot: "never", delay: "", reason: "" };
  const job = await submit(admin, "/deploy", { ...chosen, kind: "dry_run", key: "k1" });
  const ordered = await sql`select host_id, name, to_version as version from patch_job_patches`;
  assert.deepEqual(
    ordered.map(({ host_id, name, version }) => [host_id, name, version]).sort(),
    [[one, "zlib", "1.3"], [both, "zlib", "1.3"]].sort(),
  );
  await offer(sql, both, { name: "zlib", to: "2.0" });
  assert.deepEqual(ticked(await html(admin, `/deploy?from=${job.split("/").at(-1)}`)), ["zlib 1.3"]);

  // Meanwhile a third version: the order is refused, and what was unticked stays so.
  await offer(sql, other, { name: "zlib", to: "2.1" });
  const body = new URLSearchParams([
    ...[["kind", "apply"], ["key", "k2"], ["offer", "zlib 1.3"], ["reboot", "never"]],
    ...seen.map((offer) => ["seen", offer]),
    ...hosts.map((id) => ["host", id]),
  ]);
  const refused = await admin.send({
    method: "POST",
    path: "/deploy",
    body: String(body),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal(refused.status, 409);
  assertSays(refused.text, /zlib is on offer as 2\.1 now/);
  assert.deepEqual(ticked(refused.text), ["zlib 1.3"]);
});

Deno.test("a job is rolled back where its hosts can, and says where they cannot", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const admin = await site.signIn("admin", { kind: "browser" });
  const { job_id, host_id } = await makeRollbackJob(site);
  const page = await html(admin, `/jobs/${job_id}`);
  assertSays(page, /Roll back …[\s\S]*best effort/);
  assertSays(page, /says that it can take the job back/);
  const back = await submit(admin, `/jobs/${job_id}/rollback`, { host: host_id, reason: "broken" });
  assertSays(await html(admin, back), /Rollback of 1 update/);
  const after = await html(admin, `/jobs/${job_id}`);
  assert.ok(!after.includes("roll-back-form"), "one at a time");
  assertSays(after, new RegExp(`${back}\\?host=${host_id}`));

  const other = await makeRollbackJob(site);
  const rollback = { possible: false, reason: "A kernel is not taken back.", missing_versions: ["openssl 1.0"] };
  await sql`
    update patch_job_hosts set report = jsonb_set(report, '{rollback}', ${sql.json(rollback)})
    where job_id = ${other.job_id}`;
  const refused = await html(admin, `/jobs/${other.job_id}`);
  assert.ok(!refused.includes("roll-back-form"));
  assertSays(refused, /Cannot be rolled back here: A kernel is not taken back\.[\s\S]*openssl 1\.0/);
});

Deno.test("what the host said at the end: services, kept files, a script's last lines", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const admin = await site.signIn("admin", { kind: "browser" });
  const { job_id } = await makeJob(site, "failed");
  const report = {
    restart: {
      services: ["ssh.service"],
      kernel: "6.1.0-41-amd64",
      reboot: true,
      reasons: ["linux-image was updated"],
    },
    conffiles_kept: ["/etc/ssh/sshd_config"],
    rollback: null,
  };
  await sql`update patch_job_hosts set report = ${sql.json(report)} where job_id = ${job_id}`;
  await sql`
    update patch_job_patches set reason = 'its script failed', package_state = 'half-configured',
      output = '<b>exit status 1</b>' where job_id = ${job_id}`;
  const page = await html(admin, `/jobs/${job_id}`);
  for (
    const words of [
      /needs a restart for this to take effect/,
      /ssh\.service/,
      /6\.1\.0-41-amd64/,
      /sshd_config/,
      /half-configured now/,
      /Last lines of its script/,
      /&lt;b(>|&gt;)exit status 1/,
    ]
  ) assertSays(page, words);
});

Deno.test("what is not known is said: security, severity, a certificate that cannot be renewed", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const admin = await site.signIn("admin", { kind: "browser" });
  const host_id = await makeHost(site);
  await sql`update host_counters set security = 0, security_unknown = 1 where host_id = ${host_id}`;
  await sql`update update_offers set security = false, security_known = false`;
  await sql`
    update host_patch_data set received_at = app_now(), index_refreshed_at = app_now() where host_id = ${host_id}`;
  const page = await html(admin, `/hosts/${host_id}`);
  assertSays(page, /Whether its updates are security updates is not known/);
  assertSays(page, /never counts as compliant/);
  assertSays(page, /not known/);
  await sql`update update_offers set security = true, security_known = true, severity = 'critical',
    severity_source = 'unverified'`;
  assertSays(await html(admin, `/hosts/${host_id}`), /critical, unverified/);
  await sql`
    insert into certificates (id, kind, serial, fingerprint, subject, pem, host_id, not_before, not_after, issued_at)
    values (${host_id}, 'agent', 'ff', 'ff', 'CN=x', '', ${host_id}, app_now(), app_now(), app_now())`;
  await sql`
    insert into certificate_renewals (host_id, state, old_certificate_id, next_at, changed_at, error)
    values (${host_id}, 'manual', ${host_id}, app_now(), app_now(), 'This agent cannot.')`;
  assertSays(await html(admin, `/hosts/${host_id}`), /has to be renewed by hand[\s\S]*This agent cannot/);
});
