import assert from "node:assert/strict";
import type { HttpClient } from "../testing/http_client.ts";
import { count, seedLargeFleet } from "./pages/large_fleet.ts";
import { emptySite, scenario } from "./pages/scenario.ts";
import { assertSays, mainWords } from "./pages/words.ts";

/** How many hosts the API's list holds for the same filter, and how many of them have something to install. */
async function listed(client: HttpClient, query: string): Promise<{ hosts: number; able: number; ids: string[] }> {
  const ids: string[] = [];
  let able = 0;
  for (let cursor: string | null = ""; cursor !== null;) {
    const api = new URLSearchParams(query.replace(/\bq=/, "search="));
    api.set("limit", "500");
    if (cursor) api.set("cursor", cursor);
    const { json, status } = await client.get(`/api/v1/hosts?${api}`);
    assert.equal(status, 200, query);
    for (const { id, installable } of json.items) {
      ids.push(id);
      if (installable > 0) able++;
    }
    cursor = json.next;
  }
  return { hosts: ids.length, able, ids };
}

/** What the review of a deployment says of itself. */
async function reviewed(client: HttpClient, query: string) {
  const { status, text } = await client.get(`/deploy?${query}`);
  assert.equal(status, 200, mainWords(text));
  const chosen = /<a class="figure number" href="([^"]+)" data-count="(\d+)">/.exec(text);
  assert.ok(chosen, mainWords(text));
  return {
    text,
    list: chosen[1].replaceAll("&amp;", "&"),
    hosts: Number(chosen[2]),
    ordered: [...text.matchAll(/type="hidden" name="host" value="([^"]+)"/g)].map(([, id]) => id),
  };
}

Deno.test("a figure's hosts can be deployed to: as many as its list holds, for the same eyes only", async () => {
  await using made = await scenario();
  const { site, groups, hosts } = made;
  const admin = await site.signIn("admin", { kind: "browser" });
  const operator = await site.signIn("operator", { kind: "browser", groups: [groups.web] });
  const table = [
    ...["only=job_failed", "only=silent", "only=security_under_7_days", "only=index_over_48_hours", "only=up_to_date"],
    ...["only=severity_high&status=reboot", "only=other_updates&q=WEB-0&os=debian", `only=silent&group=${groups.web}`],
    ...["q=web-0&only=job_failed", "status=security", "all=1"],
  ];
  const numbers = new Set<number>();
  for (const [who, client] of [["admin", admin], ["operator", operator]] as const) {
    for (const query of table) {
      const what = `${who} ${query}`;
      const behind = await listed(client, query.replace("all=1", ""));
      const { list, hosts, ordered, text } = await reviewed(client, query);
      numbers.add(hosts);
      assert.equal(hosts, behind.hosts, what);
      assert.deepEqual(
        Object.fromEntries(new URL(list, site.origin).searchParams),
        Object.fromEntries(new URLSearchParams(query.replace("all=1", ""))),
        "the list is the one of the address",
      );
      assert.equal(ordered.length, behind.able, what);
      assert.ok(ordered.every((id) => behind.ids.includes(id)), what);
      const without = behind.hosts - behind.able;
      if (behind.able > 0 && without > 0) {
        assertSays(text, new RegExp(`of which ${without} (has|have) nothing to install`), what);
      }
    }
  }
  assert.ok(numbers.size > 4, `the fixture says little: ${[...numbers]}`);

  const failed = await reviewed(admin, "only=job_failed");
  assertSays(failed.text, /2 hosts<\/a> \(Last job failed\)/);
  assert.deepEqual(failed.ordered.toSorted(), [hosts.degraded, hosts.disk].sort());
  const foreign = await operator.get("/deploy?only=job_failed");
  for (const word of ["db-01", "db-02", hosts.degraded, hosts.disk]) {
    assert.ok(!foreign.text.includes(word), `an operator reads ${word}`);
  }
});

Deno.test("a figure that is none is refused, and nothing is offered for it", async () => {
  await using made = await scenario();
  const admin = await made.site.signIn("admin", { kind: "browser" });
  for (const query of ["only=everything", "only=%3Cscript%3E", "only=__proto__", "only=silent&health=ill"]) {
    const { status, text } = await admin.get(`/deploy?${query}`);
    assert.equal(status, 400, query);
    assert.doesNotMatch(text, /name="host"|<script>/, query);
  }
});

Deno.test("more hosts than an address can name are ordered by their figure", async () => {
  await using site = await emptySite();
  await seedLargeFleet(site.database, 1_000);
  const admin = await site.signIn("admin", { kind: "browser" });
  const secure = count((n) => n % 4 === 0 && n % 5 !== 0, 1_000);
  assert.equal(secure, 200);
  const pending = count((n) => n % 5 !== 0, 1_000);
  assert.equal(pending, 800);
  const high = await reviewed(admin, "only=severity_high");
  assert.deepEqual([high.hosts, high.ordered.length], [secure, secure]);
  const { text, hosts, ordered } = await reviewed(admin, "only=other_updates");
  assert.deepEqual([hosts, ordered.length], [pending, pending]);
  assertSays(text, /<h1[^>]*>Deploy to 800 hosts/);
  const key = /name="key" value="([^"]+)"/.exec(text)![1];
  const fields = [
    ...[["key", key], ["kind", "dry_run"], ["offer", "tzdata 2.0"]],
    ...ordered.map((id) => ["host", id]),
  ];
  const { status, headers } = await admin.send({
    method: "POST",
    path: "/deploy",
    body: new URLSearchParams(fields).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal(status, 303);
  const job_id = headers.get("location")!.split("/").pop()!;
  const [{ n }] = await site.database.sql`select count(*)::int as n from patch_job_hosts where job_id = ${job_id}`;
  assert.equal(n, pending);
});
