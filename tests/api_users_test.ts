import assert from "node:assert/strict";
import { addGroup, addHost, offer } from "../testing/job_scenario.ts";
import { fakeClock } from "../testing/fake_clock.ts";
import type { ClientRequest } from "../testing/http_client.ts";
import { openLive } from "../testing/live_client.ts";
import { assertOnceWithin } from "../testing/once_within.ts";
import { TEST_PASSWORD, type TestCaller, type TestSite, testSite } from "../testing/site.ts";
import { waitFor } from "../testing/wait_for.ts";

/** Somebody at work: a program, a browser and an open page. */
async function atWork(site: TestSite) {
  const caller = await site.signIn("operator");
  const { json } = await caller.post("/api/v1/ws/ticket");
  const live = await openLive(site, json.ticket);
  assert.ok(!("refused" in live));
  return { caller, live };
}

Deno.test("what an admin takes ends what somebody does within a second: requests and open pages", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const acts: [string, (user: TestCaller) => ClientRequest][] = [
    ["disable", ({ user_id }) => ({ method: "POST", path: `/api/v1/users/${user_id}/disable` })],
    ["role", ({ user_id }) => ({ method: "PATCH", path: `/api/v1/users/${user_id}`, json: { role: "auditor" } })],
    ["password", ({ user_id }) => ({ method: "POST", path: `/api/v1/users/${user_id}/reset-password` })],
    ["factors", ({ user_id }) => ({ method: "POST", path: `/api/v1/users/${user_id}/reset-factors` })],
    ["sessions", ({ user_id }) => ({ method: "DELETE", path: `/api/v1/users/${user_id}/sessions` })],
    [
      "one session",
      ({ user_id, session_id }) => ({
        method: "DELETE",
        path: `/api/v1/users/${user_id}/sessions/${session_id}`,
      }),
    ],
    ["removal", ({ user_id }) => ({ method: "DELETE", path: `/api/v1/users/${user_id}` })],
  ];
  /** From the order until nothing of it goes on, in milliseconds. */
  const endsAfter = async (what: string, act: (user: TestCaller) => ClientRequest): Promise<number> => {
    const { caller, live } = await atWork(site);
    using _live = live;
    const colleague = await atWork(site);
    using _other = colleague.live;
    assert.equal((await caller.get("/api/v1/hosts")).status, 200);
    const begun = performance.now();
    const answer = await admin.send(act(caller));
    assert.equal(answer.status, 200, `${what}: ${answer.text}`);
    await waitFor(`${what}: the token is refused`, async () => (await caller.get("/api/v1/hosts")).status === 401);
    await live.closed;
    const took = performance.now() - begun;
    assert.equal((await colleague.caller.get("/api/v1/hosts")).status, 200, `${what} of somebody else`);
    return took;
  };
  for (const [what, act] of acts) {
    await assertOnceWithin(1_000, what, () => endsAfter(what, act));
  }
});

Deno.test("a new user, a disabled one and one with a reset password, by their ways in", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const made = await admin.post("/api/v1/users", { username: "Ines", role: "operator", email: "ines@example.org" });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.headers.get("location"), `/api/v1/users/${made.json.id}`);
  assert.equal(made.headers.get("cache-control"), "no-store");
  const signIn = (password: string) => site.anonymous.post("/api/v1/auth/login", { username: "ines", password });
  const first = await signIn(made.json.one_time_password);
  assert.equal(first.status, 200, first.text);
  assert.equal(first.json.user.must_change_password, true);
  const at = `/api/v1/users/${made.json.id}`;
  assert.ok(!(await admin.get(at)).text.includes(made.json.one_time_password));
  const reset = await admin.post(`${at}/reset-password`);
  assert.notEqual(reset.json.one_time_password, made.json.one_time_password);
  assert.equal((await signIn(made.json.one_time_password)).status, 401);
  assert.equal((await signIn(reset.json.one_time_password)).status, 200);
  assert.equal((await admin.post(`${at}/disable`)).json.ended_sessions, 1);
  const off = await signIn(reset.json.one_time_password);
  const wrong = await signIn(TEST_PASSWORD);
  assert.deepEqual([off.status, off.json.error.code], [wrong.status, wrong.json.error.code], "as if it did not exist");
  assert.equal((await admin.post(`${at}/enable`)).json.disabled_at, null);
  const [{ text }] = await site.database.sql`
    select string_agg(convert_from(payload, 'UTF8'), '') as text from audit_log`;
  for (const secret of [made.json.one_time_password, reset.json.one_time_password]) {
    assert.ok(!text.includes(secret), "the audit log holds a password");
    assert.ok(!site.log_lines.some((line) => line.includes(secret)), "the log holds a password");
  }
});

Deno.test("users are for admins and auditors to read: an operator is refused, whomever they ask about", async () => {
  await using site = await testSite();
  const operator = await site.signIn("operator");
  const auditor = await site.signIn("auditor");
  const paths = ["", `/${operator.user_id}`, `/${operator.user_id}/sessions`, `/${auditor.user_id}`];
  for (const path of paths) {
    const refused = await operator.get(`/api/v1/users${path}`);
    assert.equal(refused.json.error.code, "forbidden", path);
    assert.ok(!refused.text.includes(auditor.username));
    assert.equal((await auditor.get(`/api/v1/users${path}`)).status, 200, path);
  }
});

Deno.test("work on more hosts than may be without confirming asks for a proof that is not older than ten minutes", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const { sql } = site.database;
  await site.database.setNow(clock.now());
  const admin = await site.signIn("admin");
  const page = await site.signIn("admin", { kind: "browser" });
  const changed = await admin.send({
    method: "PUT",
    path: "/api/v1/settings/confirm.hosts",
    json: { value: 2 },
  });
  assert.equal(changed.status, 200, changed.text);
  const hosts: string[] = [];
  for (let n = 0; n < 3; n++) {
    const host_id = await addHost(sql);
    await sql`insert into host_patch_data (host_id) values (${host_id})`;
    await sql`insert into host_counters (host_id) values (${host_id})`;
    await sql`insert into host_polls (host_id, kind, next_at) values (${host_id}, 'health', app_now())`;
    await offer(sql, host_id, { name: "openssl", to: "2.0", security: true });
    hosts.push(host_id);
  }
  const group = await addGroup(sql);
  const works: [string, (ids: string[]) => { method: string; path: string; json: unknown }][] = [
    ["a job", (host_ids) => ({ method: "POST", path: "/api/v1/jobs", json: { kind: "dry_run", host_ids } })],
    ["a refresh", (host_ids) => ({ method: "POST", path: "/api/v1/hosts/refresh", json: { host_ids } })],
    ["into a group", (host_ids) => ({ method: "PUT", path: `/api/v1/groups/${group}/hosts`, json: { host_ids } })],
    ["out of it", (host_ids) => ({ method: "DELETE", path: `/api/v1/groups/${group}/hosts`, json: { host_ids } })],
  ];
  clock.advance({ minutes: 10, seconds: 1 });
  await site.database.setNow(clock.now());
  for (const [what, work] of works) {
    const refused = await admin.send(work(hosts));
    assert.equal(refused.status, 403, `${what}: ${refused.text}`);
    assert.equal(refused.json.error.code, "confirmation_required", what);
    assert.match(refused.json.error.message, /3 hosts/, what);
    const few = await admin.send(work([...hosts.slice(0, 2), hosts[0]]));
    assert.ok(few.status < 300, `${what} on two: ${few.text}`);
  }
  const before = await sql`select from patch_jobs`;
  const body = new URLSearchParams([...hosts.map((id) => ["host", id]), ["offer", "openssl 2.0"], ["kind", "apply"]]);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const form = await page.send({ method: "POST", path: "/deploy", body: body.toString(), headers });
  assert.ok(!form.headers.get("location")?.startsWith("/jobs"), form.text);
  assert.equal((await sql`select from patch_jobs`).length, before.length, "a form does no more than the API");
  const denied = await sql`
    select action from audit_log where outcome = 'denied' order by seq`;
  assert.deepEqual(denied.map(({ action }) => action), [
    "job.create",
    "group.add_hosts",
    "group.remove_hosts",
    "job.create",
  ]);
  const fresh = await site.signIn("admin");
  const [, work] = works[0];
  assert.equal((await fresh.send(work(hosts))).status, 201);
});
