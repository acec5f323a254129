import assert from "node:assert/strict";
import { hostSelections } from "../core/views/host_selection.ts";
import { addGroup } from "../testing/job_scenario.ts";
import { testSite } from "../testing/site.ts";
import { addPlannedHost, Past } from "./pages/fleet.ts";
import { updates } from "./pages/updates.ts";

Deno.test("GET status/dashboard: numbers of the caller's hosts, each the total of its list", async () => {
  await using site = await testSite();
  const { sql } = site.database;
  const [ours, theirs] = [await addGroup(sql), await addGroup(sql)];
  const past = new Past(site.database);
  const add = (name: string, address: string, group: string | undefined, plan: object = {}) =>
    addPlannedHost(site.database, past, { name, address, groups: group ? [group] : [], ...plan });
  await add("ours.example", "10.1.1.1", ours, { updates: updates("openssl") });
  await add("free.example", "10.1.1.2", undefined);
  await add("theirs.example", "10.1.1.3", theirs, { silent: { minutes: 90, reason: "connection refused" } });
  await past.at(0);

  for (
    const [caller, hosts, silent] of [
      [await site.signIn("auditor"), 3, 1],
      [await site.signIn("operator", { groups: [ours] }), 2, 0],
      [await site.signIn("operator"), 1, 0],
    ] as const
  ) {
    const { json, status } = await caller.get("/api/v1/status/dashboard");
    assert.equal(status, 200);
    assert.equal(json.hosts, hosts);
    assert.equal(json.needs.silent.hosts, silent);
    assert.equal(json.needs.silent.since === null, silent === 0);
    assert.equal(JSON.stringify(json).includes("theirs"), false, "numbers, no names");
    for (const only of hostSelections) {
      const { total } = (await caller.get(`/api/v1/hosts?only=${only}&limit=1`)).json;
      assert.equal(json.selections[only], total, only);
    }
    const { compliant, not_compliant, stale, percent } = json.compliance;
    assert.equal(compliant + not_compliant + stale, hosts);
    assert.equal(percent, Math.floor(compliant * 1000 / hosts) / 10);
    const points = json.hygiene.parts.reduce((sum: number, part: { points: number | null }) => sum + part.points!, 0);
    assert.equal(json.hygiene.score, Math.floor(points + 1e-9), "every part is counted here");
  }
});

Deno.test("without hosts there is no percent and no score; a filter that does not exist is refused in words", async () => {
  await using site = await testSite();
  const auditor = await site.signIn("auditor");
  const { json } = await auditor.get("/api/v1/status/dashboard");
  assert.deepEqual([json.hosts, json.compliance.percent, json.hygiene.score, json.hygiene.grade], [
    0,
    null,
    null,
    null,
  ]);
  assert.equal(json.polling_seen_at, null);
  const refused = await auditor.get("/api/v1/hosts?only=everything");
  assert.equal(refused.status, 400);
  assert.equal(refused.json.error.details[0].field, "only");
});
