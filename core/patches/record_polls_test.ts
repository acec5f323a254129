import assert from "node:assert/strict";
import { Health, PackageList, PatchList } from "../../protocol/api.ts";
import { type FakeClock, fakeClock } from "../../testing/fake_clock.ts";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { addSceneHost } from "../../testing/fleet_scene.ts";
import { claimDuePolls } from "../hosts/claim_due_polls.ts";
import type { ClaimedPoll, PollKind } from "../hosts/types.ts";
import { type EndedHealthPoll, recordHealthPolls } from "./record_health_polls.ts";
import { recordReportPoll, recordUnchangedReports } from "./record_report_polls.ts";
import { prepareReport } from "./record_report.ts";

const interval_ms = 300_000;
const result = { ok: true as const, duration_ms: 12 };

/** Hosts with their claimed polls of a kind, by name. */
async function claimed(database: TestDatabase, clock: FakeClock, names: string[], kind: PollKind) {
  await database.setNow(clock.now());
  const ids = new Map<string, string>();
  for (const name of names) ids.set(await addSceneHost(database, clock, name), name);
  const polls = await claimDuePolls(database.fleet, { limit: 100, lease_ms: 60_000 });
  return new Map(polls.filter((poll) => poll.kind === kind).map((poll) => [ids.get(poll.host_id)!, poll]));
}

function healthy(poll: ClaimedPoll, clock: FakeClock, more: Record<string, unknown> = {}): EndedHealthPoll {
  const health = Health.parse({ status: "healthy", ...more });
  return {
    poll,
    interval_ms,
    result,
    outcome: { kind: "health", answer: { health, info: null, received_at: clock.now() } },
  };
}

/** Name to health and whether its poll has ended. */
async function standing(database: TestDatabase, kind: PollKind) {
  const rows = await database.sql`
    select split_part(h.fqdn, '.', 1) as name, h.health, p.last_at is not null as ended, p.lease_until
    from hosts h join host_polls p on p.host_id = h.id and p.kind = ${kind} order by h.fqdn`;
  return Object.fromEntries(rows.map((row) => [row.name, `${row.health} ${row.ended && row.lease_until === null}`]));
}

Deno.test("health polls land together: answers, problems, refusals and silence, each at its own host", async () => {
  await using database = await testDatabase();
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const polls = await claimed(database, clock, ["good", "ill", "refused", "silent"], "health");
  const of = (name: string) => polls.get(name)!;
  const last_cache_update = clock.now().subtract({ hours: 1 }).toString();
  const silent = { kind: "failed" as const, reason: "connection refused" };
  const left = await recordHealthPolls(
    database.fleet,
    [
      healthy(of("good"), clock, { last_cache_update, uptime_seconds: 7, checks: { disk: "ok" } }),
      healthy(of("ill"), clock, { status: "degraded", problems: ["disk is full"] }),
      { poll: of("refused"), interval_ms, result, outcome: { kind: "refused", reason: "not as agreed" } },
      { poll: of("silent"), interval_ms, result: { ...result, ok: false, error: silent.reason }, outcome: silent },
    ],
    { free_only: true },
    clock,
  );
  assert.deepEqual(left, []);
  assert.deepEqual(await standing(database, "health"), {
    good: "healthy true",
    ill: "degraded true",
    refused: "degraded true",
    silent: "pending true",
  });
  const rows = await database.sql`
    select d.host_id, d.problems, d.checks, d.uptime_seconds, d.index_refreshed_at, d.received_at
    from host_health_data d join hosts h on h.id = d.host_id order by h.fqdn`;
  assert.deepEqual(rows.map((row) => [row.host_id, row.problems, row.checks, row.uptime_seconds]), [
    [of("good").host_id, [], { disk: "ok" }, 7],
    [of("ill").host_id, ["disk is full"], {}, null],
  ]);
  assert.deepEqual([String(rows[0].index_refreshed_at), rows[1].index_refreshed_at], ["2026-11-20T09:00:00Z", null]);
  assert.equal(String(rows[0].received_at), String(clock.now()));
  const ends = await database.sql`
    select p.failures, p.last_error, p.last_ok_at is not null as ok from host_polls p join hosts h on h.id = p.host_id
    where p.kind = 'health' order by h.fqdn`;
  assert.deepEqual(ends.map((row) => [row.failures, row.last_error, row.ok]), [
    [0, null, true],
    [0, null, true],
    [0, null, true],
    [1, "connection refused", false],
  ]);
});

Deno.test("who is locked by somebody else, or was removed, is left out and can be landed alone", async () => {
  await using database = await testDatabase();
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const polls = await claimed(database, clock, ["free", "gone", "host", "report"], "health");
  const of = (name: string) => polls.get(name)!;
  await database.sql`update hosts set removed_at = app_now() where id = ${of("gone").host_id}`;
  const ended = [...polls.values()].map((poll) => healthy(poll, clock));
  const left = await database.sql.begin(async (tx) => {
    await tx`select from hosts where id = ${of("host").host_id} for update`;
    await tx`select from host_patch_data where host_id = ${of("report").host_id} for update`;
    return await recordHealthPolls(database.fleet, ended, { free_only: true }, clock);
  });
  const names = left.map(({ poll }) => poll.fqdn.split(".")[0]).sort();
  assert.deepEqual(names, ["gone", "host", "report"]);
  for (const one of left) {
    assert.deepEqual(await recordHealthPolls(database.fleet, [one], { free_only: false }, clock), []);
  }
  assert.deepEqual(await standing(database, "health"), {
    free: "healthy true",
    gone: "pending true",
    host: "healthy true",
    report: "healthy true",
  });
});

Deno.test("reports that say nothing new land together; new, locked and removed ones are left for later", async () => {
  await using database = await testDatabase();
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const polls = await claimed(database, clock, ["changed", "gone", "locked", "same", "unmodified"], "patches");
  const of = (name: string) => polls.get(name)!;
  const report = (version: string, etag = '"1"') =>
    prepareReport({
      patches: PatchList.parse({
        patches: [{ name: "bash", current_version: "1", available_version: version, severity: "unknown" }],
        index_age_seconds: 60,
        state: "ok",
      }),
      packages: PackageList.parse({ packages: [{ name: "bash", version: "1" }] }).packages,
      etags: { patches: etag, packages: etag },
    }, { received_at: clock.now(), requested: true });
  const unmodified = () => {
    const nothing = { patches: null, packages: null, etags: { patches: null, packages: null } };
    return prepareReport(nothing, { received_at: clock.now() });
  };
  const first = [...polls.values()].map((poll) => ({ poll, interval_ms, result, report: report("2") }));
  assert.equal((await recordUnchangedReports(database.fleet, first, clock)).length, 5, "a first report is news");
  assert.equal((await database.sql`select from live_events where kind = 'report'`).length, 0);
  for (const one of first) await recordReportPoll(database.fleet, one, clock);

  await database.sql`update host_polls set next_at = app_now() where kind = 'patches'`;
  await database.sql`update host_patch_data set refused_at = app_now(), refused_reason = 'before'`;
  await database.setNow(clock.advance({ minutes: 5 }));
  const again = await claimDuePolls(database.fleet, { limit: 100, lease_ms: 60_000 });
  await database.sql`update hosts set removed_at = app_now() where id = ${of("gone").host_id}`;
  await database.sql`truncate live_events`;
  const second = again.filter(({ kind }) => kind === "patches").map((poll) => {
    const is = (name: string) => poll.host_id === of(name).host_id;
    return {
      poll,
      interval_ms,
      result,
      report: is("unmodified") ? unmodified() : report(is("changed") ? "3" : "2", '"2"'),
    };
  });
  const left = await database.sql.begin(async (tx) => {
    await tx`select from host_patch_data where host_id = ${of("locked").host_id} for update`;
    return await recordUnchangedReports(database.fleet, second, clock);
  });
  const names = left.map(({ poll }) => poll.fqdn.split(".")[0]).sort();
  assert.deepEqual(names, ["changed", "gone", "locked"]);
  const rows = await database.sql`
    select split_part(h.fqdn, '.', 1) as name, d.received_at, d.patches_etag, d.index_refreshed_at, d.refused_reason,
      d.state, p.lease_until is null as ended
    from host_patch_data d join hosts h on h.id = d.host_id
      join host_polls p on p.host_id = h.id and p.kind = 'patches'
    where split_part(h.fqdn, '.', 1) in ('same', 'unmodified', 'locked') order by 1`;
  const now = String(clock.now());
  assert.deepEqual(
    rows.map((row) => [row.name, String(row.received_at), row.patches_etag, String(row.index_refreshed_at), row.ended]),
    [
      ["locked", "2026-11-20T10:00:00Z", '"1"', "2026-11-20T09:59:00Z", false],
      ["same", now, '"2"', "2026-11-20T10:04:00Z", true],
      ["unmodified", now, '"1"', "2026-11-20T09:59:00Z", true],
    ],
  );
  assert.deepEqual(rows.map((row) => [row.refused_reason, row.state]), [["before", "ok"], [null, "ok"], [null, "ok"]]);
  const told = await database.sql`select topic, data from live_events order by seq`;
  assert.deepEqual(told.map(({ topic, data }) => [topic, data.changed]), [
    [`host:${of("same").host_id}`, false],
    ["hosts", false],
  ], "a person asked for these");
});
