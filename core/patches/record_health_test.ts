import assert from "node:assert/strict";
import { Health, SystemInfo } from "../../protocol/api.ts";
import { testDatabase } from "../../testing/database.ts";
import { addSceneHost, answer } from "../../testing/fleet_scene.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { transaction } from "../database/connection.ts";
import { recordHealth } from "./record_health.ts";

Deno.test("what a host says of itself lands bounded and harmless, as the fleet's login", async () => {
  await using database = await testDatabase();
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const host = await addSceneHost(database, clock, "h");
  const health = Health.parse({
    status: "degraded",
    uptime_seconds: 12.7,
    version: "9\u001b[2J",
    last_cache_update: "9999-12-31T00:00:00Z",
    checks: { package_manager: "interrupted", disk: "ok" },
    problems: ["dpkg was interrupted\u0007", "\u001b"],
    agent: { name: "patch-agent", state_id: "s1" },
  });
  const info = SystemInfo.parse({
    hostname: "x",
    os: "Debian\ud800",
    os_id: "Debian",
    kernel: "'; drop table hosts; --",
    boot_time: "-271821-04-20T00:00:00Z",
    boot_id: "b1",
    pending_reboot: false,
    reboot_reasons: ["not due, so not shown"],
  });
  const certificate_expires_at = clock.now().add({ hours: 24 * 60 });
  const judged = await transaction(
    database.fleet,
    (tx) => recordHealth(tx, host, { health, info, received_at: clock.now(), certificate_expires_at }, clock),
  );
  assert.deepEqual([judged?.health, judged?.health_reason], ["degraded", "dpkg was interrupted."]);
  const [row] = await database.sql`select * from hosts`;
  assert.deepEqual(
    [
      row.os_id,
      row.os_name,
      row.kernel,
      row.boot_time,
      row.boot_id,
      row.agent_version,
      row.reboot_required,
      row.reboot_reasons,
    ],
    ["debian", "Debian\ufffd", "'; drop table hosts; --", null, "b1", "9 [2J", false, []],
  );
  assert.equal(String(row.certificate_expires_at), String(certificate_expires_at));
  const [data] = await database.sql`select * from host_health_data`;
  assert.deepEqual([data.checks, data.problems, data.uptime_seconds, data.state_id], [
    { package_manager: "interrupted", disk: "ok" },
    ["dpkg was interrupted"],
    13,
    "s1",
  ]);
  assert.equal(data.index_refreshed_at, null, "an index from the future is of unknown age");
});

Deno.test("health tells the index's age between two reports, never backwards", async () => {
  await using database = await testDatabase();
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const host = await addSceneHost(database, clock, "h");
  const index = async () => (await database.sql`select index_refreshed_at::text as at from host_patch_data`)[0].at;
  const say = (last_cache_update: string | null) =>
    transaction(database.fleet, (tx) => {
      const health = Health.parse({ status: "healthy", last_cache_update });
      return recordHealth(tx, host, { health, info: null, received_at: clock.now() }, clock);
    });
  await say("2026-11-20T09:00:00Z");
  assert.equal(await index(), null, "a host that never reported has no data that could be fresh");
  await answer(database, clock, host, []);
  assert.equal(await index(), "2026-11-20 09:59:00+00");
  clock.advance({ hours: 1 });
  const table: [string | null, string][] = [
    ["2026-11-20T10:30:00Z", "2026-11-20 10:30:00+00"],
    ["2026-11-20T09:00:00Z", "2026-11-20 10:30:00+00"],
    [null, "2026-11-20 10:30:00+00"],
    ["nonsense", "2026-11-20 10:30:00+00"],
    ["2099-01-01T00:00:00Z", "2026-11-20 10:30:00+00"],
  ];
  for (const [said, expected] of table) {
    await say(said);
    assert.equal(await index(), expected, `${said}`);
  }
});

Deno.test("a host whose index is from 2099 is never compliant by that, and the page says what is wrong", async () => {
  await using database = await testDatabase();
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const host = await addSceneHost(database, clock, "h");
  await answer(database, clock, host, []);
  const standing = async () => {
    await database.setNow(clock.now());
    await database.sql`update host_patch_data set received_at = ${clock.now()}`;
    const [row] = await database.sql`
      select host_compliance(d.received_at, d.index_refreshed_at, d.state, 0, 0, false, (select oldest_report()), (select oldest_index())) as state, h.health_reason
      from hosts h join host_patch_data d on d.host_id = h.id`;
    return [row.state, row.health_reason];
  };
  assert.equal((await standing())[0], "compliant");
  for (let day = 1; day <= 3; day++) {
    clock.advance({ hours: 24 });
    const health = Health.parse({ status: "healthy", last_cache_update: "2099-01-01T00:00:00Z" });
    await transaction(
      database.fleet,
      (tx) => recordHealth(tx, host, { health, info: null, received_at: clock.now() }, clock),
    );
  }
  const [state, reason] = await standing();
  assert.equal(state, "stale");
  assert.match(reason, /from the future.*Check the host's clock\./);
});

Deno.test("without system information what is known stays; a removed host's answer is dropped", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const host = await addSceneHost(database, clock, "h");
  await answer(database, clock, host, [], {
    info: { kernel: "6.1", pending_reboot: true, reboot_reasons: ["kernel"] },
  });
  const health = Health.parse({ status: "healthy" });
  const say = () =>
    transaction(
      database.fleet,
      (tx) => recordHealth(tx, host, { health, info: null, received_at: clock.now() }, clock),
    );
  await say();
  const [row] = await database.sql`select kernel, reboot_required, reboot_reasons, agent_version from hosts`;
  assert.deepEqual({ ...row }, {
    kernel: "6.1",
    reboot_required: true,
    reboot_reasons: ["kernel"],
    agent_version: "0.1.0",
  });
  await database.sql`update hosts set removed_at = app_now()`;
  assert.equal(await say(), null);
});
