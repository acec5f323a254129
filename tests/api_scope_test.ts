import assert from "node:assert/strict";
import { examples, makeEnrolment, makeHost, makeJob } from "../testing/api_examples.ts";
import { addGroup } from "../testing/job_scenario.ts";
import { type TestSite, testSite } from "../testing/site.ts";

/** From now on all hosts that there are belong to one group. */
async function putAllInto(site: TestSite, group_id: string): Promise<void> {
  await site.database.sql`
    insert into host_groups (host_id, group_id) select id, ${group_id} from hosts on conflict do nothing`;
}

/** Operations about one host, one job or named hosts: what is out of scope is not there. */
const ABOUT_HOSTS = Object.keys(examples).filter((name) =>
  // For admins alone, who see every host.
  name !== "DELETE /api/v1/hosts/:id/groups" &&
  (/ \/api\/v1\/(hosts|jobs)\/:id/.test(name) || /POST \/api\/v1\/(jobs|jobs\/preview|hosts\/refresh)$/.test(name))
);

Deno.test("what belongs to somebody else's group answers exactly as what does not exist", async () => {
  await using site = await testSite();
  const [ours, theirs] = [await addGroup(site.database.sql), await addGroup(site.database.sql)];
  const operator = await site.signIn("operator", { groups: [ours] });
  const colleague = await site.signIn("operator", { groups: [theirs] });
  assert.ok(ABOUT_HOSTS.length >= 16, String(ABOUT_HOSTS.length));
  for (const name of ABOUT_HOSTS) {
    const request = await examples[name].request(site);
    await putAllInto(site, theirs);
    const foreign = await operator.send(request);
    assert.equal(foreign.status, 404, `${name}: ${foreign.status} ${foreign.text.slice(0, 200)}`);
    const unknown = JSON.parse(
      JSON.stringify(request).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "01a1fd45-997f-785d-89ae-7faf93555909"),
    );
    const nothing = await operator.send(unknown);
    assert.deepEqual(
      { ...foreign.json.error, request_id: "" },
      { ...nothing.json.error, request_id: "" },
      `${name}: the answer tells that it exists`,
    );
    const allowed = await colleague.send(request);
    assert.equal(allowed.status, examples[name].status, `${name} as a colleague: ${allowed.text.slice(0, 200)}`);
  }
});

Deno.test("lists, numbers and facets count what the caller may see", async () => {
  await using site = await testSite();
  const [ours, theirs] = [await addGroup(site.database.sql), await addGroup(site.database.sql)];
  const auditor = await site.signIn("auditor");
  const foreign = await makeJob(site, "running");
  await putAllInto(site, theirs);
  const free = await makeHost(site);
  const operator = await site.signIn("operator", { groups: [ours] });
  const hosts = (await operator.get("/api/v1/hosts")).json;
  assert.deepEqual(hosts.items.map(({ id }: { id: string }) => id), [free]);
  assert.deepEqual([hosts.total, hosts.facets.ungrouped, hosts.facets.health.pending], [1, 1, 1]);
  assert.ok(!JSON.stringify(hosts).includes(theirs), "nor the group's id");
  const fleet = (await operator.get("/api/v1/status/fleet")).json;
  assert.deepEqual([fleet.hosts, fleet.pending, fleet.running], [1, 1, 0]);
  assert.deepEqual((await operator.get("/api/v1/jobs")).json, { items: [], next: null, total: 0 });
  const everything = (await auditor.get("/api/v1/jobs")).json;
  assert.deepEqual(everything.items.map(({ id }: { id: string }) => id), [foreign.job_id]);
});

Deno.test("a list of named hosts with one that is foreign does nothing at all", async () => {
  await using site = await testSite();
  const [ours, theirs] = [await addGroup(site.database.sql), await addGroup(site.database.sql)];
  const foreign = await makeHost(site);
  await putAllInto(site, theirs);
  const mine = await makeHost(site);
  const operator = await site.signIn("operator", { groups: [ours] });
  const host_ids = [mine, foreign];
  for (const [path, body] of [["/jobs", { kind: "apply", host_ids }], ["/hosts/refresh", { host_ids }]] as const) {
    assert.equal((await operator.post(`/api/v1${path}`, body)).json.error.code, "host_not_found");
  }
  assert.equal((await operator.get("/api/v1/jobs")).json.total, 0);
  const { polls } = (await operator.get(`/api/v1/hosts/${mine}`)).json;
  assert.ok(polls.every(({ requested }: { requested: boolean }) => !requested));
});

Deno.test("pages of a list: every item once, the cursor belongs to its order", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const made = new Set<string>();
  for (let i = 0; i < 7; i++) made.add(await makeHost(site));
  const seen: string[] = [];
  let cursor = "";
  do {
    const { json } = await admin.get(`/api/v1/hosts?limit=3&sort=-name${cursor && `&cursor=${cursor}`}`);
    assert.equal(json.total, 7);
    seen.push(...json.items.map(({ id }: { id: string }) => id));
    cursor = json.next ?? "";
    if (cursor) assert.equal((await admin.get(`/api/v1/hosts?sort=health&cursor=${cursor}`)).status, 400);
  } while (cursor && seen.length < 20);
  assert.deepEqual([seen.length, new Set(seen)], [7, made]);
});

Deno.test("registering: a name is resolved, duplicates and nonsense store nothing", async () => {
  const names: Record<string, string[]> = { "web1.example": ["192.0.2.7", "2001:db8::7"], "loop.example": ["0.0.0.0"] };
  await using site = await testSite({
    resolve: (name) =>
      name === "down.example" ? Promise.reject(new Error("SERVFAIL")) : Promise.resolve(names[name] ?? []),
  });
  const admin = await site.signIn("admin");
  const made = await admin.post("/api/v1/hosts", { address: "WEB1.example." });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.headers.get("location"), `/api/v1/hosts/${made.json.id}`);
  assert.deepEqual(made.json, {
    id: made.json.id,
    fqdn: "web1.example",
    address: "192.0.2.7",
    port: 12_443,
    tls_name: "web1.example",
  });
  const refusals: [Record<string, unknown>, number, string][] = [
    [{ address: "web1.example" }, 409, "host_exists"],
    [{ address: "::ffff:192.0.2.7" }, 409, "host_exists"],
    [{ address: "unknown.example" }, 422, "address_unresolvable"],
    [{ address: "down.example" }, 422, "address_unresolvable"],
    [{ address: "loop.example" }, 422, "address_unresolvable"],
    [{ address: "https://web2.example" }, 400, "validation_failed"],
    [{ address: "web2.example:443" }, 400, "validation_failed"],
    [{ address: "300.1.1.1" }, 400, "validation_failed"],
    [{ address: "224.0.0.1" }, 400, "validation_failed"],
    [{ address: "192.0.2.9", port: 0 }, 400, "validation_failed"],
    [{ address: "192.0.2.9", group_ids: ["01a1fd45-997f-785d-89ae-7faf93555909"] }, 400, "validation_failed"],
  ];
  for (const [body, status, code] of refusals) {
    const answer = await admin.post("/api/v1/hosts", body);
    assert.deepEqual([answer.status, answer.json.error.code], [status, code], JSON.stringify(body));
  }
  assert.equal((await admin.get("/api/v1/hosts")).json.total, 1);
  assert.equal((await admin.get("/api/v1/audit?action=host.create")).json.total, 1);
});

Deno.test("an auditor reads and decides nothing", async () => {
  await using site = await testSite();
  const auditor = await site.signIn("auditor");
  const id = await makeEnrolment(site);
  assert.equal((await auditor.get("/api/v1/enrolments")).json.total, 1);
  for (const verb of ["approve", "deny"]) {
    assert.equal((await auditor.post(`/api/v1/enrolments/${id}/${verb}`)).status, 403);
  }
  assert.equal((await auditor.get("/api/v1/enrolments")).json.total, 1);
});
