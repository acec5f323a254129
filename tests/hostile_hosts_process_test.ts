import assert from "node:assert/strict";
import { askEverybody, type HostileBed, makeHostileBed } from "../testing/hostile_bed.ts";
import { HOSTILITIES, type Hostility, LARGEST } from "../testing/hostile_hosts.ts";
import { waitFor } from "../testing/wait_for.ts";

const ROUNDS = 2;
/** What the fleet role may need beyond what it needs at rest, in MiB, at any moment: see docs/hostile-hosts.md. */
const MOST_ABOVE_REST = 550;
/** And what may remain a round later. */
const MOST_GROWTH = 150;

const NAMES = [
  "1 GiB that is announced",
  "1 GiB in chunks",
  "1 GiB as health",
  "a compressed bomb",
  "JSON 10,000 levels deep",
  "four million values",
  "900,000 empty objects",
  "wrong values without end",
  "a package name of 10 MB",
  "headers that never end",
  "another host's certificate",
  "a page instead of JSON",
  "100,000 packages",
  "50,000 packages that no host ever had",
];
const chosen: Hostility[] = [
  ...NAMES.map((name) => HOSTILITIES.find((one) => one.name === name)!),
  ...Array.from({ length: 6 }, () => LARGEST),
];

const megabytes = async (pid: number, what: "VmRSS" | "VmHWM") => {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Math.round(Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(status)![1]) / 1024);
};

/** Asks everybody, and waits until everybody was asked. */
async function round(bed: HostileBed): Promise<number> {
  const { sql } = bed.database;
  const began = performance.now();
  const [{ now }] = await sql`select app_now() as now`;
  await askEverybody(bed.database);
  await waitFor("everybody to be asked", async () => {
    const [{ open }] = await sql`
      select count(*)::int as open from host_polls where lease_until is not null or last_at is null or last_at < ${now}`;
    return open === 0;
  }, { deadline_ms: 120_000, every_ms: 200 });
  return Math.round(performance.now() - began);
}

Deno.test({
  name: "20 hostile hosts and 20 honest ones: the honest are answered in time, and the fleet role stays small",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using bed = await makeHostileBed(chosen, 20);
    const { sql } = bed.database;
    const pid = bed.fleet.pid("fleet");
    const rest = await megabytes(pid, "VmRSS");
    const after: number[] = [];
    for (let number = 1; number <= ROUNDS; number++) {
      const ms = await round(bed);
      after.push(await megabytes(pid, "VmRSS"));
      const honest = await sql`
        select h.health, h.health_reason, d.refused_reason, p.failures, p.last_duration_ms, p.kind,
          (select count(*)::int from host_packages where host_id = h.id) as packages
        from hosts h join host_patch_data d on d.host_id = h.id join host_polls p on p.host_id = h.id
        where h.id = any(${bed.honest}::uuid[])`;
      const slowest = Math.max(...honest.map((row) => row.last_duration_ms));
      console.log(
        `round ${number}: ${ms} ms, RSS ${after.at(-1)} MiB (rest ${rest}, peak ${await megabytes(pid, "VmHWM")}), ` +
          `slowest poll of an honest host ${slowest} ms`,
      );
      assert.equal(honest.length, 40);
      for (const row of honest) {
        assert.deepEqual([row.health, row.refused_reason, row.failures], ["healthy", null, 0], row.health_reason);
        assert.ok(row.packages > 50);
        assert.ok(
          row.last_duration_ms < 10_000,
          `a ${row.kind} poll of an honest host took ${row.last_duration_ms} ms`,
        );
      }
    }
    for (const [index, { name, end }] of chosen.entries()) {
      const [row] = await sql`
        select h.health, h.health_reason, d.refused_reason from hosts h join host_patch_data d on d.host_id = h.id
        where h.id = ${bed.hostile[index]}`;
      if (end.refused) assert.match(row.refused_reason ?? "(nothing)", end.refused, name);
      else assert.equal(row.refused_reason, null, name);
      const [{ updates }] = await sql`
        select count(*)::int as updates from host_patches where host_id = ${bed.hostile[index]}`;
      assert.equal(updates, end.stored[1], name);
      if (end.reason) assert.match(row.health_reason ?? "(nothing)", end.reason, name);
    }
    const peak = await megabytes(pid, "VmHWM");
    assert.ok(peak - rest < MOST_ABOVE_REST, `${peak} MiB at most, ${rest} at rest`);
    assert.ok(after.at(-1)! - after[0] < MOST_GROWTH, `RSS after each round: ${after.join(", ")} MiB`);
    assert.deepEqual(await bed.fleet.errors(), []);
  },
});
