import assert from "node:assert/strict";
import { fakeClock } from "../testing/fake_clock.ts";
import { giveFactor, makeApiToken } from "../testing/api_tokens.ts";
import { makeGroup, makeHost, makeJob } from "../testing/api_examples.ts";
import { type TestCaller, type TestSite, testSite } from "../testing/site.ts";

const order = (more: Record<string, unknown> = {}) => ({
  name: "nightly",
  scopes: ["read"],
  expires_in_days: 30,
  ...more,
});

async function maker(site: TestSite, role: "admin" | "operator" | "auditor", groups: string[] = []) {
  const caller = await site.signIn(role, { groups });
  await giveFactor(site, caller.user_id);
  return caller;
}

/** Rows of the audit log about tokens, oldest first. */
async function rows({ database }: TestSite, action: string) {
  const found = await database.sql`
    select convert_from(payload, 'UTF8')::jsonb as row from audit_log
    where convert_from(payload, 'UTF8')::jsonb ->> 'action' = ${action} order by seq`;
  return found.map(({ row }) => row);
}

Deno.test("orders for tokens that are refused, each with the reason", async (t) => {
  await using site = await testSite();
  const admin = await maker(site, "admin");
  const auditor = await maker(site, "auditor");
  const { group_id, host_id } = await makeGroup(site);
  for (
    const [what, who, sent, field, words] of [
      ["no name", admin, order({ name: " " }), "name", /empty/],
      ["a long name", admin, order({ name: "x".repeat(101) }), "name", /100/],
      ["writing that turns round", admin, order({ name: "a\u202eb" }), "name", /control/],
      ["control characters", admin, order({ name: "a\u0007b" }), "name", /control/],
      ["no scope", admin, order({ scopes: [] }), "scopes", /at least one/],
      ["an unknown scope", admin, order({ scopes: ["root"] }), "scopes.0", /none of the scopes/],
      ["a scope above the role", auditor, order({ scopes: ["host"] }), "scopes", /for operators/],
      ["too short", admin, order({ expires_in_days: 0 }), "expires_in_days", /less than 1 day/],
      ["too long", admin, order({ expires_in_days: 367 }), "expires_in_days", /more than 366 days/],
      ["half a day", admin, order({ expires_in_days: 1.5 }), "expires_in_days", /whole number/],
      ["no expiry", admin, { name: "x", scopes: ["read"] }, "expires_in_days", /./],
      ["an empty list of groups", admin, order({ group_ids: [] }), "group_ids", /leave it out/],
      ["a group that is none", admin, order({ group_ids: [host_id] }), "group_ids", /no such group/],
      [
        "groups with what has none",
        admin,
        order({ scopes: ["user"], group_ids: [group_id] }),
        "scopes",
        /limited to groups/,
      ],
      ["host bits", admin, order({ networks: ["10.1.2.3/8"] }), "networks.0", /host bits/],
      ["no network", admin, order({ networks: ["10.1"] }), "networks.0", /not complete/],
      ["an unknown field", admin, order({ forever: true }), "forever", /no such field/],
    ] as [string, TestCaller, unknown, string, RegExp][]
  ) {
    await t.step(what, async () => {
      const { status, json } = await who.post("/api/v1/tokens", sent);
      assert.equal(status, 400, JSON.stringify(json));
      const { details } = json.error;
      assert.equal(details[0].field, field, JSON.stringify(details));
      assert.match(details[0].problem, words);
    });
  }
  assert.deepEqual((await admin.get("/api/v1/tokens")).json.items, []);
});

Deno.test("a token is shown once, kept as its hash, and does in its maker's name what its scopes say", async () => {
  await using site = await testSite();
  const admin = await maker(site, "admin");
  const made = await admin.post("/api/v1/tokens", order({ scopes: ["read", "host"] }));
  assert.equal(made.status, 201);
  assert.match(made.json.token, /^lpm_[A-Za-z0-9_-]{43}$/);
  const twice = await admin.post("/api/v1/tokens", order());
  assert.match(twice.json.error.details[0].problem, /this name already/);
  const stored = await site.database.sql`select row_to_json(t)::text as text from api_tokens t`;
  assert.ok(!stored[0].text.includes(made.json.token.slice(12)), "only the first characters are kept");
  const listed = (await admin.get("/api/v1/tokens")).json.items[0];
  assert.deepEqual([listed.name, listed.state, listed.last_used_at], ["nightly", "good", null]);
  assert.ok(!JSON.stringify(listed).includes(made.json.token));

  const program = site.client({ authorization: `Bearer ${made.json.token}` });
  assert.equal((await program.get("/api/v1/hosts")).status, 200);
  assert.equal((await program.get("/api/v1/auth/me")).json.username, admin.username);
  const host = await program.post("/api/v1/hosts", { address: "10.1.1.9" });
  assert.equal(host.status, 201, JSON.stringify(host.json));
  const [row] = await rows(site, "host.create");
  assert.deepEqual([row.actor.id, row.details.token_id, row.details.token_name], [
    admin.user_id,
    made.json.id,
    "nightly",
  ]);
  assert.deepEqual(Object.keys(row).sort(), [
    ...["action", "actor", "address", "details", "object", "outcome", "request_id", "time"],
  ], "the frozen shape of a row");
  const [{ created_by }] = await site.database.sql`select created_by from hosts where id = ${host.json.id}`;
  assert.equal(created_by, admin.user_id);

  const [created] = await rows(site, "api_token.create");
  assert.deepEqual([created.object.name, created.outcome, created.details.scopes], ["nightly", "success", [
    "read",
    "host",
  ]]);
  assert.ok(
    !site.log_lines.join("\n").includes(made.json.token) &&
      !JSON.stringify(await rows(site, "api_token.create")).includes(made.json.token),
  );
  const used = (await admin.get("/api/v1/tokens")).json.items[0];
  assert.equal(used.last_used_address, "127.0.0.1");
});

Deno.test("a token cannot do what its scopes do not say; what it tried to change is a row", async () => {
  await using site = await testSite();
  const admin = await maker(site, "admin");
  const { client, id } = await makeApiToken(site, admin.user_id, { scopes: ["read"] });
  for (
    const [method, path, code, json] of [
      ["POST", "/api/v1/hosts", "token_scope_missing", { address: "10.1.1.9" }],
      ["GET", "/api/v1/audit", "token_scope_missing", undefined],
      ["POST", "/api/v1/tokens", "token_not_allowed", order()],
      ["GET", "/api/v1/tokens", "token_not_allowed", undefined],
      ["POST", "/api/v1/auth/password", "token_not_allowed", { current_password: "x", new_password: "y" }],
      ["POST", "/api/v1/auth/logout", "token_not_allowed", undefined],
      ["POST", "/api/v1/ws/ticket", "token_not_allowed", undefined],
      ["GET", "/hosts", "token_not_allowed", undefined],
    ] as [string, string, string, unknown][]
  ) {
    const answer = await client.send({ method, path, json, headers: { accept: "application/json" } });
    assert.equal(answer.status, 403, `${method} ${path}`);
    assert.equal(answer.json.error.code, code, `${method} ${path}`);
  }
  const denied = (await rows(site, "host.create")).concat(await rows(site, "api_token.create"));
  assert.deepEqual(denied.map(({ outcome, details }) => [outcome, details.token_id]), [["denied", id], ["denied", id]]);
  const [missing] = (await client.post("/api/v1/hosts", {})).json.error.details;
  assert.match(missing.problem, /"host" is missing/);
});

Deno.test("a token that is no good: one answer for all, and a row that says which", async () => {
  const clock = fakeClock("2026-11-21T12:00:00Z");
  await using site = await testSite({ clock });
  const admin = await maker(site, "admin");
  const good = await makeApiToken(site, admin.user_id);
  const elsewhere = await makeApiToken(site, admin.user_id, { networks: ["10.0.0.0/8", "2001:db8::/32"] });
  const here = await makeApiToken(site, admin.user_id, { networks: ["127.0.0.0/8"] });
  const expired = await makeApiToken(site, admin.user_id, { expires_in_days: -1 });
  const revoked = await makeApiToken(site, admin.user_id);
  assert.equal((await admin.delete(`/api/v1/tokens/${revoked.id}`)).status, 200);
  const unknown = site.client({ authorization: `Bearer lpm_${"A".repeat(43)}` });
  const cut = site.client({ authorization: `Bearer ${good.token.slice(0, -1)}` });
  const answers = new Set<string>();
  for (const client of [elsewhere.client, expired.client, revoked.client, unknown, cut]) {
    const { status, json, headers } = await client.get("/api/v1/hosts");
    assert.equal(status, 401);
    assert.match(headers.get("www-authenticate") ?? "", /^Bearer/);
    delete json.error.request_id;
    answers.add(JSON.stringify(json));
  }
  assert.equal(answers.size, 1, "a stranger does not learn which");
  const found = await rows(site, "api_token.use");
  assert.deepEqual(found.map(({ details }) => details.why), [
    ...["foreign_address", "expired", "revoked", "unknown", "unknown"],
  ]);
  assert.deepEqual(found.map(({ outcome, actor }) => `${outcome} ${actor.kind}`), Array(5).fill("failure anonymous"));
  assert.equal(found[0].object.id, elsewhere.id);
  for (const client of [good.client, here.client]) assert.equal((await client.get("/api/v1/hosts")).status, 200);
  // What is open to everybody stays open.
  assert.equal((await unknown.get("/api/v1/ca/root.crt")).status, 200);
});

Deno.test("strangers cannot fill the audit log with tokens, nor keep those that are good from working", async () => {
  const clock = fakeClock("2026-11-21T12:00:00Z");
  await using site = await testSite({ clock });
  const admin = await maker(site, "admin");
  const good = await makeApiToken(site, admin.user_id);
  const unknown = site.client({ authorization: `Bearer lpm_${"B".repeat(43)}` });
  const statuses: number[] = [];
  for (let i = 0; i < 30; i++) statuses.push((await unknown.get("/api/v1/hosts")).status);
  assert.deepEqual(statuses, [...Array(11).fill(401), ...Array(19).fill(429)]);
  assert.equal((await rows(site, "api_token.use")).length, 11);
  const wait = await unknown.get("/api/v1/hosts");
  assert.equal(wait.headers.get("retry-after"), "1");
  assert.equal((await good.client.get("/api/v1/hosts")).status, 200);
  clock.advance({ seconds: 2 });
  assert.equal((await unknown.get("/api/v1/hosts")).status, 401);
  assert.equal((await rows(site, "api_token.use")).length, 12);
});

Deno.test("never more rights than the maker has at the moment of use", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const { group_id, host_id } = await makeGroup(site);
  const operator = await maker(site, "operator", [group_id]);
  const { client } = await makeApiToken(site, operator.user_id, { scopes: ["read", "host"] });
  const reads = async () => (await client.get(`/api/v1/hosts/${host_id}`)).status;
  assert.equal(await reads(), 200);
  await sql`delete from user_groups where user_id = ${operator.user_id}`;
  assert.equal(await reads(), 404, "out of the group");
  await sql`insert into user_groups (user_id, group_id) values (${operator.user_id}, ${group_id})`;
  assert.equal(await reads(), 200);
  await sql`update users set role = 'auditor' where id = ${operator.user_id}`;
  const refused = await client.send({ method: "PATCH", path: `/api/v1/hosts/${host_id}`, json: { notes: "x" } });
  assert.equal(refused.json.error.code, "forbidden", "demoted");
  await sql`update passwords set must_change = true where user_id = ${operator.user_id}`;
  assert.equal((await client.get("/api/v1/hosts")).json.error.code, "password_change_required");
  await sql`update passwords set must_change = false where user_id = ${operator.user_id}`;
  await sql`delete from totp_secrets where user_id = ${operator.user_id}`;
  assert.equal((await client.get("/api/v1/hosts")).json.error.code, "factor_enrolment_required");
  await giveFactor(site, operator.user_id);
  await sql`update users set disabled_at = app_now() where id = ${operator.user_id}`;
  assert.equal((await client.get("/api/v1/hosts")).status, 401, "disabled");
  assert.equal((await rows(site, "api_token.use"))[0].details.why, "maker_disabled");
});

Deno.test("a token that is limited to groups sees and does nothing else, in lists, counts, jobs and names", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const mine = await makeGroup(site);
  const other = await makeGroup(site);
  const ungrouped = await makeHost(site);
  const admin = await maker(site, "admin");
  const { client } = await makeApiToken(site, admin.user_id, { groups: [mine.group_id] });
  const hosts = (await client.get("/api/v1/hosts")).json;
  assert.deepEqual([hosts.total, hosts.items[0].id], [1, mine.host_id]);
  assert.equal((await client.get("/api/v1/status/fleet")).json.hosts, 1);
  for (const id of [other.host_id, ungrouped]) {
    assert.equal((await client.get(`/api/v1/hosts/${id}`)).status, 404);
    assert.equal((await client.delete(`/api/v1/hosts/${id}`)).status, 404);
    const order = { kind: "apply", host_ids: [id], security_only: true };
    assert.equal((await client.post("/api/v1/jobs", order)).status, 404);
  }
  assert.deepEqual((await client.get("/api/v1/groups")).json.items.map(({ id }: { id: string }) => id), [
    mine.group_id,
  ]);
  assert.equal((await client.get(`/api/v1/groups/${other.group_id}`)).status, 404);
  // A job that also touches hosts of others is theirs in part: numbers of the rest are not told.
  const { job_id, host_id } = await makeJob(site, "failed");
  assert.equal((await client.get(`/api/v1/jobs/${job_id}`)).status, 404);
  await sql`insert into host_groups (host_id, group_id) values (${host_id}, ${mine.group_id})`;
  assert.equal((await client.get(`/api/v1/jobs/${job_id}`)).status, 200);
  // What belongs to no host is closed to it, whatever its scopes.
  for (const path of ["/api/v1/audit", "/api/v1/settings", "/api/v1/allowed-networks"]) {
    assert.equal((await client.get(path)).json.error.code, "token_scope_missing", path);
  }
  assert.equal((await client.post("/api/v1/groups", { name: "more" })).json.error.code, "token_scope_missing");
  // Nothing comes into being that it could not see.
  const nowhere = await client.post("/api/v1/hosts", { address: "10.1.1.9" });
  assert.match(nowhere.json.error.details[0].problem, /limited to groups/);
  const foreign = await client.post("/api/v1/hosts", { address: "10.1.1.9", group_ids: [other.group_id] });
  assert.equal(foreign.status, 400);
  const fine = await client.post("/api/v1/hosts", { address: "10.1.1.9", group_ids: [mine.group_id] });
  assert.equal(fine.status, 201, JSON.stringify(fine.json));
  const commands = await client.post("/api/v1/enrolment-tokens", { count: 1 });
  assert.match(commands.json.error.details[0].problem, /limited to groups/);
  assert.equal((await client.post("/api/v1/enrolment-tokens", { count: 1, group_ids: [mine.group_id] })).status, 201);
  // The group goes, and with it everything that the token saw.
  await sql`delete from groups where id = ${mine.group_id}`;
  assert.equal((await client.get("/api/v1/hosts")).json.total, 0);
});

Deno.test("revoking: one's own, an admin anybody's, nobody else; the next request is refused", async () => {
  await using site = await testSite();
  const operator = await maker(site, "operator");
  const other = await maker(site, "operator");
  const admin = await maker(site, "admin");
  const first = await makeApiToken(site, operator.user_id);
  const second = await makeApiToken(site, operator.user_id);
  assert.equal((await other.delete(`/api/v1/tokens/${first.id}`)).status, 404);
  assert.equal((await other.get(`/api/v1/tokens?user_id=${operator.user_id}`)).status, 403);
  assert.equal((await admin.get(`/api/v1/tokens?user_id=${operator.user_id}`)).json.total, 2);
  assert.equal((await admin.get("/api/v1/tokens?user_id=all")).json.total, 2);
  assert.equal((await admin.get("/api/v1/tokens?user_id=me")).status, 400);
  assert.equal((await first.client.get("/api/v1/hosts")).status, 200);
  const both = await Promise.all([operator, operator].map((who) => who.delete(`/api/v1/tokens/${first.id}`)));
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 404], "of two at once one revokes");
  assert.equal((await first.client.get("/api/v1/hosts")).status, 401);
  assert.equal((await admin.delete(`/api/v1/tokens/${second.id}`)).status, 200);
  assert.equal((await second.client.get("/api/v1/hosts")).status, 401);
  const found = await rows(site, "api_token.revoke");
  assert.deepEqual(
    found.filter(({ outcome }) => outcome === "success").map(({ actor, object }) => [actor.id, object.id]),
    [
      [operator.user_id, first.id],
      [admin.user_id, second.id],
    ],
  );
});

Deno.test("the last use is written down at most once a minute", async () => {
  const clock = fakeClock("2026-11-21T12:00:00Z");
  await using site = await testSite({ clock });
  const admin = await maker(site, "admin");
  const { client, id } = await makeApiToken(site, admin.user_id);
  const last = async () => {
    const [row] = await site.database.sql`select last_used_at from api_tokens where id = ${id}`;
    return row.last_used_at.toString();
  };
  const uses: string[] = [];
  for (const seconds of [0, 30, 30, 1]) {
    clock.advance({ seconds });
    assert.equal((await client.get("/api/v1/hosts")).status, 200);
    uses.push(await last());
  }
  assert.deepEqual(uses, [
    ...["2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z", "2026-11-21T12:01:01Z"],
  ]);
});
