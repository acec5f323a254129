import assert from "node:assert/strict";
import postgres from "postgres";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { fleetScene } from "../../testing/fleet_scene.ts";
import { keepJobFigures } from "../../testing/job_figures.ts";
import type { Sql } from "../database/types.ts";
import { lastEvent } from "../live/read_events.ts";
import { readDashboard } from "./dashboard.ts";
import { mixedHosts, type PlainHost } from "./dashboard_fixture_test.ts";
import { hostNeeds, SILENT_SHOWN } from "./dashboard_hosts.ts";
import { JOBS_SHOWN } from "./dashboard_jobs.ts";
import { pendingEnrolments } from "./enrolments.ts";
import { type HostSelection, hostSelections } from "./host_selection.ts";
import { jobList } from "./list_jobs.ts";
import { deployPreview } from "./deploy_preview.ts";
import { listHosts } from "./list_hosts.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Every selection in plain words of a program, from the rows alone. */
function countByHand(now: number): Record<HostSelection, (host: PlainHost) => boolean> {
  const last = ({ runs }: PlainHost) => runs.filter(({ kind }) => kind !== "dry_run").at(-1)?.state;
  const security = (from: number, to: number) => ({ oldest_security_at: at }: PlainHost) =>
    at !== null && now - at >= from && now - at < to;
  const index = (from: number, to: number) => ({ index_refreshed_at: at }: PlainHost) =>
    at !== null && now - at >= from && now - at < to;
  const fresh = ({ received_at, index_refreshed_at }: PlainHost) =>
    received_at !== null && now - received_at <= 2 * HOUR && index_refreshed_at !== null &&
    now - index_refreshed_at <= 48 * HOUR;
  return {
    job_failed: (host) => last(host) === "failed",
    job_unknown: (host) => last(host) === "unknown",
    job_missed: (host) => last(host) === "missed",
    package_database: ({ state, check, received_at }) => {
      const later = check !== null && (received_at === null || check.at > received_at);
      return ["interrupted", "broken"].includes(later ? check.package_manager ?? state : state);
    },
    refused: ({ refused }) => refused,
    silent: ({ health }) => health === "unreachable",
    parked: ({ parked }) => parked,
    certificate: ({ certificate_expires_at: at }) => at !== null && at < now + 14 * DAY,
    // Not compliant is fresh, too; "unknown" is a host that does not say which updates are security ones.
    up_to_date: (host) => host.counters.pending === 0 && fresh(host) && !isUnknown(host),
    other_updates: ({ counters: c }) => c.pending - c.security - c.not_said > 0,
    security_unknown: ({ counters }) => counters.not_said > 0,
    severity_critical: ({ counters }) => counters.critical > 0,
    severity_high: ({ counters }) => counters.high > 0,
    severity_medium: ({ counters }) => counters.medium > 0,
    severity_low: ({ counters }) => counters.low > 0,
    severity_unknown: ({ counters }) => counters.unknown > 0,
    unrated: ({ counters: c }) => c.security > 0 && c.critical + c.high + c.medium + c.low === 0,
    critical_over_7_days: ({ criticals }) => criticals.some((at) => now - at >= 7 * DAY),
    security_under_7_days: security(-Infinity, 7 * DAY),
    security_7_to_30_days: security(7 * DAY, 30 * DAY),
    security_30_to_90_days: security(30 * DAY, 90 * DAY),
    security_over_90_days: security(90 * DAY, Infinity),
    index_under_24_hours: index(-Infinity, 24 * HOUR),
    index_24_to_48_hours: index(24 * HOUR, 48 * HOUR),
    index_over_48_hours: index(48 * HOUR, Infinity),
    index_unknown: ({ index_refreshed_at }) => index_refreshed_at === null,
  };
}

function isUnknown({ state, counters, reboot_required }: PlainHost): boolean {
  return state === "ok" && counters.security === 0 && !reboot_required && counters.not_said > 0;
}

/** The scene with eighty mixed hosts; those of the scene itself are removed, so that all rows are known. */
async function mixedScene(database: TestDatabase) {
  const scene = await fleetScene(database);
  await database.sql`update hosts set removed_at = app_now() where id = any(${Object.values(scene.hosts)}::uuid[])`;
  const hosts = await mixedHosts(database, scene, 80);
  return { scene, hosts, now: scene.clock.now().epochMilliseconds };
}

Deno.test("every number is the one that counting by hand gives, and the list behind it holds as many", async (t) => {
  await using database = await testDatabase();
  const { scene, hosts, now } = await mixedScene(database);
  const by_hand = countByHand(now);
  const { a, b } = scene.groups;
  const sees: [keyof typeof scene.users, (host: PlainHost) => boolean][] = [
    ["admin", () => true],
    ["auditor", () => true],
    ["operator_a", ({ groups }) => groups.length === 0 || groups.includes(a)],
    ["operator_b", ({ groups }) => groups.length === 0 || groups.includes(b)],
    ["operator_none", ({ groups }) => groups.length === 0],
    ["disabled", () => false],
  ];
  for (const [who, may_see] of sees) {
    await t.step(who, async () => {
      const viewer = scene.users[who].id;
      const seen = hosts.filter(may_see);
      const { fleet, hosts: view } = await readDashboard(database.web, viewer);
      assert.equal(fleet.hosts, seen.length);
      for (const only of hostSelections) {
        const expected = seen.filter(by_hand[only]);
        if (who === "admin") {
          assert.ok(expected.length > 0 && expected.length < hosts.length, `the fixture says nothing of ${only}`);
        }
        assert.equal(view.selections[only], expected.length, only);
        const { total, items, facets } = await listHosts(database.web, viewer, { only, limit: 500 });
        assert.equal(total, expected.length, only);
        assert.deepEqual(items.map(({ id }) => id).sort(), expected.map(({ id }) => id).sort(), only);
        assert.equal(Object.values(facets.health).reduce((sum, n) => sum + n, 0), total, `facets of ${only}`);
        const deploy = await deployPreview(database.web, viewer, { filter: { only } });
        assert.deepEqual(deploy.hosts.map(({ id }) => id), items.map(({ id }) => id), `deploy to ${only}`);
      }
      const sum = (pick: (host: PlainHost) => number) => seen.reduce((total, host) => total + pick(host), 0);
      assert.equal(view.updates_security_unknown, sum(({ counters }) => counters.not_said));
      assert.equal(view.reported, seen.filter(({ received_at }) => received_at !== null).length);
      const worst = (host: PlainHost) =>
        (["critical", "high", "medium", "low"] as const).find((s) => host.counters[s] > 0);
      for (const severity of ["critical", "high", "medium", "low"] as const) {
        assert.equal(view[`worst_${severity}`], seen.filter((host) => worst(host) === severity).length, severity);
      }
      const newest = Math.max(...seen.map(({ received_at }) => received_at ?? -Infinity));
      assert.equal(view.newest_report_at?.epochMilliseconds ?? -Infinity, newest);
    });
  }
});

Deno.test("what needs a person: since when, and on which host first", async () => {
  await using database = await testDatabase();
  const { scene, hosts, now } = await mixedScene(database);
  const by_hand = countByHand(now);
  const { hosts: view } = await readDashboard(database.web, scene.users.admin.id);
  const since = (name: typeof hostNeeds[number], host: PlainHost): number => {
    if (name.startsWith("job_")) return host.runs.filter(({ kind }) => kind !== "dry_run").at(-1)!.ended_at!;
    if (name === "certificate") return host.certificate_expires_at!;
    const accepted = host.received_at ?? host.created_at;
    if (name === "refused") return accepted;
    if (name === "package_database" && host.health !== "degraded") return accepted;
    return host.health_since;
  };
  for (const name of hostNeeds) {
    const those = hosts.filter(by_hand[name]).map((host) => ({ host, at: since(name, host) }));
    const first = those.toSorted((x, y) => x.at - y.at || (x.host.id < y.host.id ? -1 : 1))[0];
    const need = view.needs[name];
    assert.equal(need.hosts, those.length, name);
    assert.equal(need.since!.epochMilliseconds, first.at, name);
    const job_id = name.startsWith("job_") ? first.host.runs.findLast(({ kind }) => kind !== "dry_run")!.job_id : null;
    assert.deepEqual(need.first, { host_id: first.host.id, name: first.host.name, job_id }, name);
  }
  const silent = hosts.filter(by_hand.silent).toSorted((x, y) => x.health_since - y.health_since);
  assert.ok(silent.length > SILENT_SHOWN);
  assert.deepEqual(view.silent.map(({ id }) => id), silent.slice(0, SILENT_SHOWN).map(({ id }) => id));
});

Deno.test("a failed job waits for a person until something is ordered; a dry run decides nothing", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { sql } = database;
  const viewer = scene.users.admin.id;
  const host = scene.hosts.alpha;
  const order = async (kind: string, state: string) => {
    const now = scene.clock.advance({ minutes: 1 });
    await sql`
      with job as (
        insert into patch_jobs (id, kind, requested_by, requested_at, deadline_at)
        values (gen_random_uuid(), ${kind}, ${viewer}, ${now}, ${now}) returning id
      )
      insert into patch_job_hosts (job_id, host_id, run_id, state, next_at, deadline_at, queued_at, ended_at)
      select id, ${host}, gen_random_uuid(), ${state}, ${now}, ${now}, ${now}, ${state === "queued" ? null : now}
      from job`;
    await keepJobFigures(sql);
    const { needs } = (await readDashboard(database.web, viewer)).hosts;
    return [needs.job_failed.hosts, needs.job_unknown.hosts, needs.job_missed.hosts];
  };
  assert.deepEqual(await order("dry_run", "failed"), [0, 0, 0], "a dry run that failed changed nothing");
  assert.deepEqual(await order("apply", "failed"), [1, 0, 0]);
  assert.deepEqual(await order("dry_run", "succeeded"), [1, 0, 0]);
  assert.deepEqual(await order("apply", "queued"), [0, 0, 0], "somebody has decided");
  assert.deepEqual(await order("apply", "unknown"), [0, 1, 0]);
  assert.deepEqual(await order("reboot", "missed"), [0, 0, 1]);
  assert.deepEqual(await order("repair", "succeeded"), [0, 0, 0]);
});

Deno.test("jobs under way first, then the newest, as the list of jobs has them", async () => {
  await using database = await testDatabase();
  const { scene, hosts } = await mixedScene(database);
  const { a } = scene.groups;
  for (
    const [who, may_see] of [
      ["admin", () => true],
      ["auditor", () => true],
      ["operator_a", ({ groups }) => groups.length === 0 || groups.includes(a)],
      ["operator_none", ({ groups }) => groups.length === 0],
      ["disabled", () => false],
    ] as [keyof typeof scene.users, (host: PlainHost) => boolean][]
  ) {
    const viewer = scene.users[who].id;
    const { jobs } = await readDashboard(database.web, viewer);
    const runs = hosts.filter(may_see).flatMap((host) => host.runs.map((run) => ({ ...run, host })));
    for (const job of jobs.items) {
      const of = runs.filter(({ job_id }) => job_id === job.id);
      const counts: Record<string, number> = {};
      for (const { state } of of) counts[state] = (counts[state] ?? 0) + 1;
      assert.deepEqual(
        [job.counts, job.hosts, job.simulated, job.host_name],
        [counts, of.length, of.some(({ host }) => host.simulated), of.length === 1 ? of[0].host.name : null],
        who,
      );
    }
    const open = await jobList(database.web, viewer, { state: "open", limit: 200 });
    const ended = await jobList(database.web, viewer, { state: "ended", limit: 200 });
    assert.equal(jobs.open, open.total, who);
    const expected = [...open.items, ...ended.items].slice(0, JOBS_SHOWN);
    const told = ({ id, state, counts, hosts, patches, progress, ended_at }: typeof expected[number]) => ({
      id,
      state,
      counts,
      hosts,
      patches,
      progress,
      ended_at: ended_at?.toString() ?? null,
    });
    assert.deepEqual(
      jobs.items.map((job) => told(job as unknown as typeof expected[number])),
      expected.map(told),
      who,
    );
    for (const job of jobs.items) assert.equal(job.host_name !== null, job.hosts === 1, "one host is named");
  }
});

Deno.test("machines that wait are those of the viewer's queue", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { sql } = database;
  const token = async (group: string | null) => {
    const [{ id }] = await sql`
      insert into enrolment_tokens (id, hash, created_at, expires_at)
      values (gen_random_uuid(), decode(md5(random()::text), 'hex'), app_now(), app_now() + interval '1 day')
      returning id`;
    if (group) await sql`insert into enrolment_token_groups (token_id, group_id) values (${id}, ${group})`;
    return id;
  };
  let address = 0;
  const ask = async (token_id: string | null, minutes: number, clone_of: string | null = null, state = "pending") => {
    await sql`
      insert into enrolments (id, polling_hash, machine_hash, fqdn, address, port, source_address, token_id, state,
        clone_of, created_at, expires_at)
      values (gen_random_uuid(), decode(md5(random()::text), 'hex'), 'm', 'x.example',
        ${`10.9.9.${++address}`}, 12443, '10.9.9.9', ${token_id}, ${state}, ${clone_of},
        app_now() - make_interval(mins => ${minutes}), app_now() + make_interval(mins => ${60 - minutes}))`;
  };
  await ask(null, 10);
  await ask(await token(scene.groups.a), 20, scene.hosts.alpha);
  await ask(await token(scene.groups.b), 30);
  await ask(null, 90);
  await ask(null, 5, null, "denied");
  for (
    const [who, waiting, clones, minutes] of [
      ["admin", 3, 1, 30],
      ["operator_a", 2, 1, 20],
      ["operator_b", 2, 0, 30],
      ["operator_none", 1, 0, 10],
      ["disabled", 0, 0, null],
    ] as const
  ) {
    const viewer = scene.users[who].id;
    const { enrolments } = await readDashboard(database.web, viewer);
    const since = minutes === null ? null : scene.clock.now().subtract({ minutes });
    assert.deepEqual([enrolments.waiting, enrolments.clones], [waiting, clones], who);
    assert.equal(enrolments.since?.toString(), since?.toString(), who);
    assert.equal((await pendingEnrolments(database.web, viewer)).length, waiting, who);
  }
});

Deno.test("a fleet without hosts has no score; old data lowers it by itself", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const viewer = scene.users.admin.id;
  const fresh = await readDashboard(database.web, viewer);
  assert.equal(fresh.hosts.fleet_beat_at, null);
  assert.deepEqual(
    fresh.hygiene.parts.map(({ points }) => points),
    [0, 20, 8, 10, 10, 10],
    "a security update of high severity on each host",
  );
  await database.setNow(scene.clock.advance({ hours: 24 * 8 }));
  const old = await readDashboard(database.web, viewer);
  assert.deepEqual(old.hygiene.parts.map(({ points }) => points), [0, 12.5, 8, 10, 10, 0]);
  await database.sql`update hosts set removed_at = app_now()`;
  const none = await readDashboard(database.web, viewer);
  assert.deepEqual([none.fleet.hosts, none.hygiene.score, none.hosts.silent], [0, null, []]);
});

Deno.test("the page's reads are four statements", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const statements: string[] = [];
  const counting = postgres({
    path: database.socket,
    database: database.name,
    user: "patch_web",
    max: 1,
    fetch_types: false,
    types: database.web.options.types as never,
    debug: (_connection, text) => void statements.push(text),
  }) as unknown as Sql;
  try {
    await lastEvent(counting);
    await readDashboard(counting, scene.users.admin.id);
    assert.equal(statements.length, 4, statements.map((text) => text.trim().slice(0, 60)).join("\n"));
  } finally {
    await counting.end();
  }
});
