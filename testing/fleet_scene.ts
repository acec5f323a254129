import { Health, PackageList, PatchList, SystemInfo } from "../protocol/api.ts";
import { transaction } from "../core/database/connection.ts";
import { createHost } from "../core/hosts/create_host.ts";
import { createJob } from "../core/jobs/create_job.ts";
import { recordHealth } from "../core/patches/record_health.ts";
import { recordReport } from "../core/patches/record_report.ts";
import { uuidv7 } from "../core/ids.ts";
import type { TestDatabase } from "./database.ts";
import { type FakeClock, fakeClock } from "./fake_clock.ts";
import { addUser, callerContext, type TestUser } from "./job_scenario.ts";

/** A small fleet as the product itself would have made it, with groups that overlap. */
export interface FleetScene {
  clock: FakeClock;
  groups: { a: string; b: string };
  users: Record<"admin" | "auditor" | "operator_a" | "operator_b" | "operator_none" | "disabled", TestUser>;
  /** In group a, in b, in both, in none. */
  hosts: Record<"alpha" | "beta" | "both" | "free", string>;
}

/** Registers a host as the web role. The address counts up. */
export async function addSceneHost(
  database: TestDatabase,
  clock: FakeClock,
  name: string,
  groups: string[] = [],
): Promise<string> {
  const [{ count }] = await database.sql`select count(*)::int from hosts`;
  const address = `10.1.${count >> 8}.${count & 255}`;
  return await transaction(database.web, (tx) =>
    createHost(tx, {
      fqdn: `${name}.example`,
      address,
      port: 12443,
      tls_name: `${name}.example`,
      source: "manual",
      viewer: null,
      granted_group_ids: groups,
      first_poll_at: clock.now(),
    }, clock));
}

/** Lets a host answer as the fleet role: healthy Debian, and the given updates. */
export async function answer(
  database: TestDatabase,
  clock: FakeClock,
  host: string,
  patches: Record<string, unknown>[],
  options: { health?: Record<string, unknown>; info?: Record<string, unknown>; index_age_seconds?: number } = {},
): Promise<void> {
  const received_at = clock.now();
  await transaction(database.fleet, (tx) =>
    recordHealth(tx, host, {
      health: Health.parse({ status: "healthy", version: "0.1.0", agent: { name: "patch-agent" }, ...options.health }),
      info: SystemInfo.parse({
        hostname: "x",
        os: "Debian GNU/Linux 12",
        os_id: "debian",
        os_version: "12",
        ...options.info,
      }),
      received_at,
    }, clock));
  const list = PatchList.parse({
    patches: patches.map((patch) => ({
      current_version: "1",
      available_version: "2",
      severity: "unknown",
      security: false,
      ...patch,
    })),
    index_age_seconds: options.index_age_seconds ?? 60,
    state: "ok",
  });
  const packages = PackageList.parse({
    packages: [...patches, { name: "bash" }].map((p) => ({ name: p.name, version: "1" })),
  });
  await recordReport(database.fleet, host, {
    patches: list,
    packages: packages.packages,
    etags: { patches: null, packages: null },
  }, {
    received_at,
  });
}

/** Four hosts with one update of their own each and a common security update, and users of every kind. */
export async function fleetScene(database: TestDatabase): Promise<FleetScene> {
  const clock = fakeClock();
  await database.setNow(clock.now());
  const { sql } = database;
  const groups = { a: uuidv7(clock), b: uuidv7(clock) };
  await sql`
    insert into groups (id, name, created_at)
    values (${groups.a}, 'group-alpha', ${clock.now()}), (${groups.b}, 'group-beta', ${clock.now()})`;
  const users = {
    admin: await addUser(sql, "admin"),
    auditor: await addUser(sql, "auditor"),
    operator_a: await addUser(sql, "operator", [groups.a]),
    operator_b: await addUser(sql, "operator", [groups.b]),
    operator_none: await addUser(sql, "operator"),
    disabled: await addUser(sql, "admin"),
  };
  await sql`update users set disabled_at = ${clock.now()} where id = ${users.disabled.id}`;
  const hosts = {
    alpha: await addSceneHost(database, clock, "alpha", [groups.a]),
    beta: await addSceneHost(database, clock, "beta", [groups.b]),
    both: await addSceneHost(database, clock, "both", [groups.a, groups.b]),
    free: await addSceneHost(database, clock, "free"),
  };
  for (const [name, host] of Object.entries(hosts)) {
    await answer(database, clock, host, [
      { name: `only-${name}`, size_bytes: 10 },
      {
        name: "openssl",
        arch: "amd64",
        security: true,
        severity: "high",
        severity_source: "vendor-advisory",
        cve_ids: ["CVE-2026-0001"],
        size_bytes: 100,
        requires_reboot: true,
      },
    ]);
  }
  return { clock, groups, users, hosts };
}

/** A job of the admin's on the given hosts, with a log that names its host. */
export async function addSceneJob(database: TestDatabase, scene: FleetScene, hosts: string[]): Promise<string> {
  const { admin } = scene.users;
  const order = { kind: "apply" as const, host_ids: hosts, reason: "monthly round" };
  const { job_id } = await createJob(database.web, admin, order, null, callerContext(admin, scene.clock));
  for (const host of hosts) {
    await database.sql`
      insert into job_logs (job_id, host_id, position, text)
      select ${job_id}, id, n, 'line ' || n || ' of ' || fqdn || E'\n' from hosts, generate_series(0, 2) n where id = ${host}`;
  }
  return job_id;
}
