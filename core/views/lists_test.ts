import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { addSceneHost, addSceneJob, answer, type FleetScene, fleetScene } from "../../testing/fleet_scene.ts";
import { AppError } from "../errors.ts";
import { recordRefusal } from "../patches/record_refusal.ts";
import { deployPreview } from "./deploy_preview.ts";
import { fleetSummary } from "./fleet_summary.ts";
import { hostDetail } from "./host_detail.ts";
import { hostJobs } from "./host_jobs.ts";
import { hostPackages } from "./host_packages.ts";
import { hostPatches } from "./host_patches.ts";
import { jobHostDetail, jobHostLog, jobHosts } from "./job_hosts.ts";
import { jobDetail, jobList } from "./list_jobs.ts";
import { HostSort, hostSorts, listHosts } from "./list_hosts.ts";
import type { Page } from "./page.ts";

/** Reads a list to its end and proves that no page repeats or skips anything. */
async function drain<T>(read: (cursor: string | null) => Promise<Page<T>>, key: (item: T) => string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<T> = await read(cursor);
    assert.ok(page.items.length > 0 || page.total === 0);
    items.push(...page.items);
    cursor = page.next;
    if (cursor === null) assert.equal(items.length, page.total);
    assert.ok(items.length <= page.total);
  } while (cursor !== null);
  assert.equal(new Set(items.map(key)).size, items.length, "nothing twice");
  return items;
}

/** The scene and hosts of every condition. */
async function mixedFleet(database: TestDatabase): Promise<FleetScene> {
  const scene = await fleetScene(database);
  const { clock } = scene;
  const clean = await addSceneHost(database, clock, "clean");
  await answer(database, clock, clean, [], { info: { os: "Rocky Linux", os_id: "rocky" } });
  const old = await addSceneHost(database, clock, "old-index");
  await answer(database, clock, old, [], { index_age_seconds: 49 * 3600 });
  const boot = await addSceneHost(database, clock, "reboot");
  await answer(database, clock, boot, [], { info: { pending_reboot: true }, health: { agent: { simulated: true } } });
  const sick = await addSceneHost(database, clock, "sick_100%");
  await answer(database, clock, sick, [{ name: "held", held: true }], {
    health: { status: "degraded", problems: ["Disk full."] },
  });
  await recordRefusal(database.fleet, sick, "larger than 16 MiB", clock);
  await addSceneHost(database, clock, "new");
  return scene;
}

Deno.test("every order in every direction, page by page", async () => {
  await using database = await testDatabase();
  const scene = await mixedFleet(database);
  const viewer = scene.users.admin.id;
  for (const sort of hostSorts) {
    const up = await drain((cursor) => listHosts(database.web, viewer, { sort, limit: 2, cursor }), (host) => host.id);
    const down = await drain(
      (cursor) => listHosts(database.web, viewer, { sort: HostSort.parse(`-${sort}`), limit: 3, cursor }),
      (host) => host.id,
    );
    assert.deepEqual(down.map((host) => host.id).reverse(), up.map((host) => host.id), sort);
    assert.equal(up.length, 9);
    if (sort === "name") {
      assert.deepEqual(up.map((host) => host.name), up.map((host) => host.name).sort());
    }
    if (sort === "health") assert.deepEqual([up[0].health, up.at(-1)!.health], ["degraded", "healthy"]);
    if (sort === "security") assert.deepEqual([up[0].security, up.at(-1)!.security], [0, 1]);
    if (sort === "last_seen") assert.equal(up[0].last_seen, null);
  }
});

Deno.test("filters, and numbers that agree with what the filter then shows", async () => {
  await using database = await testDatabase();
  const scene = await mixedFleet(database);
  const viewer = scene.users.admin.id;
  const names = async (query: Parameters<typeof listHosts>[2]) =>
    (await listHosts(database.web, viewer, query)).items.map((host) => host.name.replace(".example", ""));
  const updated = ["alpha", "beta", "both", "free"];
  const table: [Parameters<typeof listHosts>[2], string[]][] = [
    [{ status: "pending" }, [...updated, "sick_100%"]],
    [{ status: "security" }, updated],
    [{ status: "compliant" }, ["clean", "sick_100%"]],
    [{ status: "not_compliant" }, [...updated, "reboot"]],
    [{ status: "stale" }, ["new", "old-index"]],
    [{ status: "reboot" }, ["reboot"]],
    [{ health: "degraded" }, ["sick_100%"]],
    [{ health: "pending" }, ["new"]],
    [{ os: "rocky" }, ["clean"]],
    [{ os: "unknown" }, ["new"]],
    [{ group: scene.groups.a }, ["alpha", "both"]],
    [{ group: "none", status: "security" }, ["free"]],
    [{ search: "ALPHA" }, ["alpha"]],
    [{ search: "10.1.0.0" }, ["alpha"]],
    [{ search: "%" }, ["sick_100%"]],
    [{ search: "_" }, ["sick_100%"]],
    [{ search: "\\" }, []],
    [{ search: "' or true --" }, []],
    [{ search: "rocky" }, ["clean"]],
  ];
  for (const [query, expected] of table) assert.deepEqual(await names(query), expected, JSON.stringify(query));
  for (const filter of [{}, { status: "security" as const }, { search: "a" }, { group: scene.groups.b }]) {
    const { facets, total } = await listHosts(database.web, viewer, filter);
    const size = async (more: object) => (await listHosts(database.web, viewer, { ...filter, ...more })).total;
    assert.equal(total, await size({}));
    for (const [health, n] of Object.entries(facets.health)) assert.equal(n, await size({ health }), health);
    for (const [status, n] of Object.entries(facets.status)) assert.equal(n, await size({ status }), status);
    for (const { os, count } of facets.os) assert.equal(count, await size({ os }), os);
    for (const { id, count } of facets.groups) assert.equal(count, await size({ group: id }), id);
    assert.equal(facets.ungrouped, await size({ group: "none" }));
  }
});

Deno.test("queries that are refused", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const viewer = scene.users.admin.id;
  const list = (query: object) => listHosts(database.web, viewer, query as never);
  const { next } = await list({ limit: 1 });
  const table: [object, string][] = [
    [{ limit: 0 }, "validation_failed"],
    [{ limit: 501 }, "validation_failed"],
    [{ sort: "id; drop table hosts" }, "validation_failed"],
    [{ status: "all" }, "validation_failed"],
    [{ health: "dead" }, "validation_failed"],
    [{ group: "x" }, "validation_failed"],
    [{ search: "a\u0000" }, "validation_failed"],
    [{ search: "x".repeat(201) }, "validation_failed"],
    [{ cursor: "x" }, "bad_request"],
    [{ cursor: next, sort: "-name" }, "bad_request"],
  ];
  for (const [query, code] of table) {
    await assert.rejects(() => list(query), (error: AppError) => error.code === code, JSON.stringify(query));
  }
});

Deno.test("old data turns stale by itself; silence never counts as compliant", async () => {
  await using database = await testDatabase();
  const scene = await mixedFleet(database);
  const viewer = scene.users.admin.id;
  const now = await fleetSummary(database.web, viewer);
  assert.deepEqual([now.compliant, now.not_compliant, now.stale, now.hosts], [2, 5, 2, 9]);
  assert.deepEqual([now.simulated, now.degraded, now.waiting, now.refused, now.reboot_required], [1, 1, 1, 1, 1]);
  await database.setNow(scene.clock.advance({ hours: 2, seconds: 1 }));
  const later = await fleetSummary(database.web, viewer);
  assert.deepEqual([later.compliant, later.not_compliant, later.stale], [0, 0, 9]);
});

Deno.test("a host's page: facts, refusal, polls, updates by importance, packages", async () => {
  await using database = await testDatabase();
  const scene = await mixedFleet(database);
  const viewer = scene.users.admin.id;
  const [{ id }] = (await listHosts(database.web, viewer, { search: "sick" })).items;
  const detail = await hostDetail(database.web, viewer, id);
  assert.deepEqual([detail.health, detail.health_reason, detail.problems, detail.refused_reason], [
    "degraded",
    "Disk full.",
    ["Disk full."],
    "larger than 16 MiB",
  ]);
  assert.deepEqual(detail.polls.map((poll) => [poll.kind, poll.requested, poll.in_progress]), [
    ["health", false, false],
    ["patches", false, false],
  ]);
  const host = scene.hosts.alpha;
  await answer(database, scene.clock, host, [
    { name: "a-guess", severity: "critical" },
    { name: "b-low", severity: "low", severity_source: "vendor-advisory", size_bytes: 5 },
    { name: "c-high", severity: "high", severity_source: "vendor-advisory", size_bytes: 7, cve_ids: ["CVE-2026-7777"] },
    { name: "d-secure", security: true, held: true },
  ]);
  const patches = (query: object) =>
    drain((cursor) => hostPatches(database.web, viewer, host, { ...query, limit: 1, cursor }), (row) => row.name)
      .then((rows) => rows.map((row) => row.name));
  assert.deepEqual(await patches({}), ["d-secure", "c-high", "b-low", "a-guess"]);
  assert.deepEqual(await patches({ sort: "name" }), ["a-guess", "b-low", "c-high", "d-secure"]);
  assert.deepEqual((await patches({ sort: "size" })).slice(0, 2), ["c-high", "b-low"]);
  assert.deepEqual(await patches({ search: "2026-7777" }), ["c-high"]);
  assert.deepEqual(await patches({ security: true }), ["d-secure"]);
  assert.deepEqual(await patches({ state: "held" }), ["d-secure"]);
  assert.deepEqual(await patches({ state: "blocked" }), []);
  const packages = (query: object) =>
    drain((cursor) => hostPackages(database.web, viewer, host, { ...query, limit: 2, cursor }), (row) => row.name);
  assert.deepEqual((await packages({})).map((row) => row.name), ["a-guess", "b-low", "bash", "c-high", "d-secure"]);
  assert.deepEqual((await packages({ search: "bas" })).map((row) => [row.version, row.available_version]), [[
    "1",
    null,
  ]]);
  assert.deepEqual((await packages({ upgradable: false })).map((row) => row.name), ["bash"]);
});

Deno.test("what Deploy would do: totals, packages, hosts and what stays", async () => {
  await using database = await testDatabase();
  const scene = await mixedFleet(database);
  const viewer = scene.users.admin.id;
  const { alpha, beta } = scene.hosts;
  const chosen = await deployPreview(database.web, viewer, { host_ids: [alpha, beta, alpha] });
  assert.deepEqual(chosen.totals, {
    hosts: 2,
    hosts_with_patches: 2,
    patches: 4,
    security: 2,
    size_bytes: 220,
    hosts_needing_reboot: 2,
    hosts_running: 0,
  });
  assert.deepEqual(chosen.packages.map((row) => [row.name, row.version, row.hosts, row.from_versions]), [
    ["openssl", "2", 2, ["1"]],
    ["only-alpha", "2", 1, ["1"]],
    ["only-beta", "2", 1, ["1"]],
  ]);
  const secure = await deployPreview(database.web, viewer, { security_only: true });
  assert.deepEqual([secure.totals.hosts, secure.totals.hosts_with_patches, secure.totals.patches], [9, 4, 4]);
  const one = await deployPreview(database.web, viewer, { packages: ["only-alpha", "no-such"] });
  assert.deepEqual([one.totals.patches, one.packages.length], [1, 1]);
  const except = [{ name: "only-beta", version: "2" }, { name: "openssl", version: "1" }];
  const rest = await deployPreview(database.web, viewer, { host_ids: [alpha, beta], except });
  assert.deepEqual(rest.packages.map(({ name }) => name), ["openssl", "only-alpha"], "another version is none of them");
  assert.deepEqual(rest.hosts.map(({ patches }) => patches), [2, 1]);
  const held = await deployPreview(database.web, viewer, { filter: { search: "sick" } });
  assert.deepEqual([held.totals.patches, held.hosts[0].not_installable], [0, 1]);
  assert.deepEqual(held.left_out, [{ name: "held", state: "held", reason: null, hosts: 1 }]);
  for (
    const bad of [
      { host_ids: [alpha], filter: {} },
      { host_ids: ["x"] },
      { packages: [""] },
      { except: [{ name: "openssl" }] },
      {
        filter: { status: "x" },
      },
      { filter: { grup: "none" } },
      { hosts: [alpha] },
    ]
  ) {
    await assert.rejects(
      () => deployPreview(database.web, viewer, bad as never),
      (error: AppError) => error.code === "validation_failed",
      JSON.stringify(bad),
    );
  }
});

Deno.test("jobs: newest first, state and progress from their hosts, log in pieces", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const viewer = scene.users.admin.id;
  const { alpha, beta, free } = scene.hosts;
  const ids: string[] = [];
  for (const hosts of [[alpha], [beta], [alpha, beta, free]]) {
    scene.clock.advance({ seconds: 1 });
    await database.setNow(scene.clock.now());
    ids.push(await addSceneJob(database, scene, hosts));
  }
  const jobs = await drain((cursor) => jobList(database.web, viewer, { limit: 2, cursor }), (job) => job.id);
  assert.deepEqual(jobs.map((job) => job.id), [...ids].reverse());
  const last = ids[2];
  await database.sql`
    update patch_job_hosts set state = case when host_id = ${free} then 'failed' else 'succeeded' end, progress = 100,
      ended_at = app_now() where job_id = ${last} and host_id <> ${beta}`;
  await database
    .sql`update patch_job_hosts set state = 'running', progress = 40 where job_id = ${last} and host_id = ${beta}`;
  const job = await jobDetail(database.web, viewer, last);
  assert.deepEqual([job.state, job.counts, job.progress, job.patches, job.ended_at], [
    "running",
    { failed: 1, running: 1, succeeded: 1 },
    80,
    6,
    null,
  ]);
  const order = await drain(
    (cursor) => jobHosts(database.web, viewer, last, { limit: 1, cursor }),
    (row) => row.host_id,
  );
  assert.deepEqual(order.map((row) => row.state), ["failed", "running", "succeeded"], "what needs a person first");
  assert.equal((await jobHosts(database.web, viewer, last, { state: "failed" })).total, 1);
  const [running] = (await listHosts(database.web, viewer, { search: "beta" })).items;
  assert.deepEqual(running.running_job, { job_id: last, state: "running", progress: 40 });
  const preview = await deployPreview(database.web, viewer, { host_ids: [beta] });
  assert.deepEqual([preview.totals.hosts_running, preview.hosts[0].running_job], [1, last]);
  assert.equal((await fleetSummary(database.web, viewer)).running, 1);
  await database
    .sql`update patch_job_hosts set state = 'succeeded', ended_at = app_now() where job_id = ${last} and host_id = ${beta}`;
  const ended = await jobDetail(database.web, viewer, last);
  assert.deepEqual([ended.state, ended.progress, ended.ended_at?.toString()], [
    "failed",
    100,
    scene.clock.now().toString(),
  ]);
  assert.deepEqual((await jobList(database.web, viewer, { state: "ended" })).items.map((row) => row.id), [last]);
  assert.deepEqual((await jobList(database.web, viewer, { state: "open" })).total, 2);
  const host = await jobHostDetail(database.web, viewer, last, alpha);
  assert.deepEqual(host.packages.map((row) => [row.name, row.from_version, row.to_version, row.origin]), [
    ["only-alpha", "1", "2", "ordered"],
    ["openssl", "1", "2", "ordered"],
  ]);
  assert.deepEqual((await hostJobs(database.web, viewer, alpha)).items.map((row) => row.job_id), [last, ids[0]]);
  const log = await jobHostLog(database.web, viewer, last, alpha);
  assert.equal(log.text, "line 0 of alpha.example\nline 1 of alpha.example\nline 2 of alpha.example\n");
  assert.deepEqual([log.next, log.more, log.ended], [3, false, true]);
  assert.deepEqual(await jobHostLog(database.web, viewer, last, alpha, 3), {
    text: "",
    next: 3,
    more: false,
    ended: true,
  });
  assert.equal((await jobHostLog(database.web, viewer, ids[1], beta)).ended, false);
  await database.sql`
    insert into job_logs (job_id, host_id, position, text) select ${last}, ${alpha}, n, n || ' ' from generate_series(3, 250) n`;
  const first = await jobHostLog(database.web, viewer, last, alpha, 0);
  assert.deepEqual([first.next, first.more], [200, true]);
  assert.match((await jobHostLog(database.web, viewer, last, alpha, first.next)).text, /^200 201 .* 250 $/);
});
