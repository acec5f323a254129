import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { addSceneJob, type FleetScene, fleetScene } from "../../testing/fleet_scene.ts";
import type { Sql } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import { deployPreview } from "./deploy_preview.ts";
import { enrolmentTokens, pendingEnrolments } from "./enrolments.ts";
import { fleetSummary } from "./fleet_summary.ts";
import { hostDetail } from "./host_detail.ts";
import { hostJobs } from "./host_jobs.ts";
import { hostPackages } from "./host_packages.ts";
import { hostPatches } from "./host_patches.ts";
import { jobHostDetail, jobHostLog, jobHosts } from "./job_hosts.ts";
import { jobDetail, jobList } from "./list_jobs.ts";
import { listHosts } from "./list_hosts.ts";

type Who = keyof FleetScene["users"];
type Which = keyof FleetScene["hosts"];

/** The one truth that every view is held to. */
const maySee: Record<Who, Which[]> = {
  admin: ["alpha", "beta", "both", "free"],
  auditor: ["alpha", "beta", "both", "free"],
  operator_a: ["alpha", "both", "free"],
  operator_b: ["beta", "both", "free"],
  operator_none: ["free"],
  disabled: [],
};
const everyHost: Which[] = ["alpha", "beta", "both", "free"];

/** Views of many hosts: every answer is searched for words of hosts that the viewer must not know of. */
const listViews: [string, (sql: Sql, viewer: string, job: string) => Promise<unknown>][] = [
  ["listHosts", (sql, viewer) => listHosts(sql, viewer, {})],
  ["listHosts by search", (sql, viewer) => listHosts(sql, viewer, { search: "example" })],
  ["listHosts by package state", (sql, viewer) => listHosts(sql, viewer, { status: "security", sort: "-pending" })],
  ["fleetSummary", (sql, viewer) => fleetSummary(sql, viewer)],
  ["deployPreview of all", (sql, viewer) => deployPreview(sql, viewer, {})],
  ["deployPreview of a filter", (sql, viewer) => deployPreview(sql, viewer, { filter: { search: "a" } })],
  ["jobList", (sql, viewer) => jobList(sql, viewer)],
  ["jobHosts", (sql, viewer, job) => jobHosts(sql, viewer, job)],
  ["jobDetail", (sql, viewer, job) => jobDetail(sql, viewer, job)],
  ["pendingEnrolments", (sql, viewer) => pendingEnrolments(sql, viewer)],
  ["enrolmentTokens", (sql, viewer) => enrolmentTokens(sql, viewer)],
];

/** Views of one host: outside the scope it does not exist. */
const hostViews: [string, string, (sql: Sql, viewer: string, host: string, job: string) => Promise<unknown>][] = [
  ["hostDetail", "host_not_found", (sql, viewer, host) => hostDetail(sql, viewer, host)],
  ["hostPatches", "host_not_found", (sql, viewer, host) => hostPatches(sql, viewer, host)],
  ["hostPackages", "host_not_found", (sql, viewer, host) => hostPackages(sql, viewer, host)],
  ["hostJobs", "host_not_found", (sql, viewer, host) => hostJobs(sql, viewer, host)],
  ["deployPreview", "host_not_found", (sql, viewer, host) => deployPreview(sql, viewer, { host_ids: [host] })],
  ["jobHostDetail", "job_not_found", (sql, viewer, host, job) => jobHostDetail(sql, viewer, job, host)],
  ["jobHostLog", "job_not_found", (sql, viewer, host, job) => jobHostLog(sql, viewer, job, host)],
];

Deno.test("nobody learns of a host outside their groups from any view, as the web's login", async (t) => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const job = await addSceneJob(database, scene, Object.values(scene.hosts));
  await addWaiting(database.sql, scene);
  for (const [who, seen] of Object.entries(maySee) as [Who, Which[]][]) {
    const viewer = scene.users[who].id;
    const hidden = everyHost.filter((name) => !seen.includes(name));
    for (const [name, view] of listViews) {
      await t.step(`${name} as ${who}`, async () => {
        const needsJob = name === "jobHosts" || name === "jobDetail";
        if (needsJob && seen.length === 0) return await refused(() => view(database.web, viewer, job), "job_not_found");
        const text = JSON.stringify(await view(database.web, viewer, job));
        for (const other of hidden) {
          assert.ok(!text.includes(scene.hosts[other]), `${name} shows the id of ${other}`);
          assert.ok(!text.includes(`${other}.example`), `${name} shows the name of ${other}`);
          assert.ok(!text.includes(`only-${other}`), `${name} shows a package of ${other}`);
        }
        if (who.startsWith("operator")) {
          const foreign = who === "operator_a" ? ["group-beta"] : who === "operator_b" ? ["group-alpha"] : ["group-"];
          for (const group of foreign) assert.ok(!text.includes(group), `${name} shows ${group}`);
        }
      });
    }
    for (const [name, code, view] of hostViews) {
      await t.step(`${name} as ${who}`, async () => {
        for (const host of seen) await view(database.web, viewer, scene.hosts[host], job);
        for (const host of hidden) await refused(() => view(database.web, viewer, scene.hosts[host], job), code);
        // What does not exist answers the same as what is hidden.
        for (const id of [uuidv7(), "x", "", "' or true --", scene.hosts.alpha + "x"]) {
          const wanted = name === "deployPreview" && id.length !== 36 ? "validation_failed" : code;
          await refused(() => view(database.web, viewer, id, job), wanted);
        }
      });
    }
  }
});

Deno.test("numbers are of the viewer's hosts only", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const job = await addSceneJob(database, scene, Object.values(scene.hosts));
  for (const [who, seen] of Object.entries(maySee) as [Who, Which[]][]) {
    const viewer = scene.users[who].id;
    const n = seen.length;
    const fleet = await fleetSummary(database.web, viewer);
    assert.deepEqual([fleet.hosts, fleet.pending, fleet.security, fleet.healthy], [n, 2 * n, n, n], who);
    const list = await listHosts(database.web, viewer, {});
    assert.deepEqual(list.items.map((host) => host.fqdn), seen.map((name) => `${name}.example`), who);
    assert.deepEqual([list.total, list.facets.health.healthy, list.facets.status.security], [n, n, n], who);
    const preview = await deployPreview(database.web, viewer, {});
    assert.deepEqual([preview.totals.hosts, preview.totals.patches], [n, 2 * n], who);
    assert.equal(preview.packages.find((row) => row.name === "openssl")?.hosts ?? 0, n, who);
    const jobs = await jobList(database.web, viewer);
    assert.equal(jobs.total, n === 0 ? 0 : 1, who);
    if (n === 0) continue;
    const detail = await jobDetail(database.web, viewer, job);
    assert.deepEqual(
      [detail.hosts, detail.counts, detail.patches, detail.state],
      [n, { queued: n }, 2 * n, "queued"],
      who,
    );
    assert.deepEqual(jobs.items, [detail], who);
    const hosts = await jobHosts(database.web, viewer, job);
    assert.deepEqual(
      [hosts.total, hosts.items.map((row) => row.name)],
      [n, seen.map((name) => `${name}.example`)],
      who,
    );
  }
});

Deno.test("a removed host is gone from every view but the history of its jobs", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const job = await addSceneJob(database, scene, [scene.hosts.alpha, scene.hosts.beta]);
  await database.sql`update hosts set removed_at = app_now() where id = ${scene.hosts.alpha}`;
  const { admin, operator_a, operator_b } = scene.users;
  assert.equal((await listHosts(database.web, admin.id, {})).total, 3);
  assert.equal((await fleetSummary(database.web, admin.id)).hosts, 3);
  await refused(() => hostDetail(database.web, admin.id, scene.hosts.alpha), "host_not_found");
  await refused(() => deployPreview(database.web, admin.id, { host_ids: [scene.hosts.alpha] }), "host_not_found");
  const names = async (viewer: string) =>
    (await jobHosts(database.web, viewer, job)).items.map((row) => [row.fqdn, row.removed]);
  assert.deepEqual(await names(admin.id), [["alpha.example", true], ["beta.example", false]]);
  assert.deepEqual(await names(operator_a.id), [["alpha.example", true]]);
  assert.deepEqual(await names(operator_b.id), [["beta.example", false]]);
});

async function refused(view: () => Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(async () => await view(), (error: Error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}

/** A machine that waits with a token of group a and one that is a copy of alpha. */
async function addWaiting(sql: Sql, scene: FleetScene): Promise<void> {
  const now = scene.clock.now();
  const token = uuidv7();
  const bytes = () => crypto.getRandomValues(new Uint8Array(32));
  await sql`
    insert into enrolment_tokens (id, hash, label, created_at, expires_at)
    values (${token}, ${bytes()}, 'for only-alpha', ${now}, ${now.add({ hours: 1 })})`;
  await sql`insert into enrolment_token_groups (token_id, group_id) values (${token}, ${scene.groups.a})`;
  for (const [fqdn, token_id] of [["only-alpha.example", token], ["anybody.example", null]] as const) {
    await sql`
      insert into enrolments (id, polling_hash, machine_hash, fqdn, address, port, source_address, token_id, state,
        clone_of, created_at, expires_at)
      values (${uuidv7()}, ${bytes()}, ${fqdn}, ${fqdn}, '10.9.9.9', 12443, '10.9.9.9', ${token_id}, 'pending',
        ${scene.hosts.alpha}, ${now}, ${now.add({ hours: 1 })})`;
  }
}
