import { dice } from "../../testing/dice.ts";
import { keepJobFigures } from "../../testing/job_figures.ts";
import { uuidv7 } from "../ids.ts";
import type { TestDatabase } from "../../testing/database.ts";
import { addSceneHost, type FleetScene } from "../../testing/fleet_scene.ts";

/** One host as the tables hold it, for counting by hand. Instants in milliseconds. */
export interface PlainHost {
  id: string;
  name: string;
  groups: string[];
  health: string;
  health_since: number;
  reboot_required: boolean;
  simulated: boolean;
  certificate_expires_at: number | null;
  created_at: number;
  received_at: number | null;
  index_refreshed_at: number | null;
  state: string;
  refused: boolean;
  check: { at: number; package_manager: string | null } | null;
  parked: boolean;
  counters: Record<"pending" | "security" | "critical" | "high" | "medium" | "low" | "unknown" | "not_said", number>;
  oldest_security_at: number | null;
  /** Since when each critical update is pending that a vendor calls so. */
  criticals: number[];
  /** Oldest first. */
  runs: { job_id: string; kind: string; state: string; queued_at: number; ended_at: number | null }[];
}

const DAY = 86_400_000;
const HOUR = 3_600_000;

/**
 * Fills the database with hosts of every mixture of conditions, written straight into the tables: the view is tested,
 * not how the rows come about.
 */
export async function mixedHosts(database: TestDatabase, scene: FleetScene, count: number): Promise<PlainHost[]> {
  const { clock, groups } = scene;
  const { sql } = database;
  const roll = dice(7);
  const one = <T>(...of: T[]): T => of[Math.floor(roll() * of.length)];
  const now = clock.now().epochMilliseconds;
  const at = (ms: number | null) => ms === null ? null : Temporal.Instant.fromEpochMilliseconds(ms);
  const hosts: PlainHost[] = [];
  for (let n = 0; n < count; n++) {
    const member = one([], [groups.a], [groups.b], [groups.a, groups.b]);
    const id = await addSceneHost(database, clock, `mixed-${n}`, member);
    const never = roll() < 0.1;
    const security = never ? 0 : one(0, 0, 3, 5);
    const severity = () => never ? 0 : one(0, 0, 0, 2);
    const rated = { critical: severity(), high: severity(), medium: severity(), low: severity() };
    const unknown = never ? 0 : one(0, 4);
    const host: PlainHost = {
      id,
      name: `mixed-${n}.example`,
      groups: member,
      health: never ? "pending" : one("healthy", "healthy", "degraded", "unreachable"),
      health_since: now - Math.floor(roll() * 20 * DAY),
      reboot_required: !never && roll() < 0.2,
      simulated: n % 7 === 0,
      certificate_expires_at: never ? null : now + Math.floor(roll() * 60 * DAY) - 2 * DAY,
      created_at: now - 100 * DAY,
      received_at: never ? null : now - one(60_000, HOUR, 3 * HOUR),
      index_refreshed_at: never ? null : one(null, now - HOUR, now - 30 * HOUR, now - 50 * HOUR, now - 24 * HOUR),
      state: one("ok", "ok", "ok", "interrupted", "broken", "locked"),
      refused: !never && roll() < 0.15,
      check: roll() < 0.5 ? null : {
        at: now - one(30_000, 5 * HOUR),
        package_manager: one(null, "ok", "interrupted", "locked"),
      },
      parked: roll() < 0.08,
      counters: {
        ...rated,
        unknown,
        security,
        not_said: never ? 0 : one(0, 0, 2),
        pending: rated.critical + rated.high + rated.medium + rated.low + unknown + security,
      },
      oldest_security_at: security === 0
        ? null
        : now - one(HOUR, 7 * DAY, 7 * DAY - 1, 20 * DAY, 30 * DAY, 60 * DAY, 90 * DAY, 200 * DAY),
      criticals: [],
      runs: [],
    };
    hosts.push(host);
    const { counters: c } = host;
    await sql`
      update hosts set health = ${host.health}, health_since = ${at(host.health_since)},
        reboot_required = ${host.reboot_required}, simulated = ${host.simulated}, certificate_expires_at = ${
      at(host.certificate_expires_at)
    },
        created_at = ${at(host.created_at)}
      where id = ${id}`;
    await sql`
      update host_patch_data set received_at = ${at(host.received_at)},
        index_refreshed_at = ${at(host.index_refreshed_at)}, state = ${host.state},
        refused_at = ${host.refused ? at(now) : null}
      where host_id = ${id}`;
    await sql`
      update host_counters set pending = ${c.pending}, security = ${c.security}, critical = ${c.critical},
        high = ${c.high}, medium = ${c.medium}, low = ${c.low}, unknown = ${c.unknown},
        security_unknown = ${c.not_said}, oldest_security_at = ${at(host.oldest_security_at)}
      where host_id = ${id}`;
    if (host.check) {
      const { at: seen, package_manager } = host.check;
      const checks = package_manager === null ? {} : { package_manager };
      await sql`
        insert into host_health_data (host_id, received_at, status, checks)
        values (${id}, ${at(seen)}, 'healthy', ${sql.json(checks)})`;
    }
    if (host.parked) await sql`update host_polls set parked_reason = 'x' where host_id = ${id} and kind = 'health'`;
  }
  await addCriticals(database, scene, hosts, roll);
  await addRuns(database, scene, hosts, roll);
  return hosts;
}

/** Critical updates by vendors, and some that only a guess calls so. */
async function addCriticals(database: TestDatabase, { clock }: FleetScene, hosts: PlainHost[], roll: () => number) {
  const { sql } = database;
  const now = clock.now().epochMilliseconds;
  const [{ id: package_id }] = await sql`insert into packages (name) values ('critical-thing') returning id`;
  const offers: Record<string, number> = {};
  for (const source of ["vendor-advisory", "unverified"]) {
    const [{ id }] = await sql`
      insert into update_offers (hash, package_id, version, severity, severity_source, first_seen_at)
      values (${new TextEncoder().encode(source)}, ${package_id}, '2', 'critical', ${source}, ${clock.now()})
      returning id`;
    offers[source] = id;
  }
  for (const host of hosts.filter(({ received_at }) => received_at !== null)) {
    if (roll() < 0.7) continue;
    const source = roll() < 0.7 ? "vendor-advisory" : "unverified";
    const seen = now - Math.floor(roll() * 14 * DAY);
    if (source !== "unverified") {
      host.criticals.push(seen);
      await sql`
        update host_counters set oldest_critical_at = ${
        Temporal.Instant.fromEpochMilliseconds(Math.min(...host.criticals))
      }
        where host_id = ${host.id}`;
    }
    await sql`
      insert into host_patches (host_id, package_id, offer_id, state, first_seen_at)
      values (${host.id}, ${package_id}, ${offers[source]}, 'installable', ${
      Temporal.Instant.fromEpochMilliseconds(seen)
    })`;
  }
}

/** Jobs of one to five hosts, one after another; those whose hosts have all ended have ended themselves. */
async function addRuns(database: TestDatabase, { clock, users }: FleetScene, hosts: PlainHost[], roll: () => number) {
  const { sql } = database;
  const now = clock.now().epochMilliseconds;
  for (let n = 0; n < 30; n++) {
    const job_id = uuidv7(clock);
    const kind = roll() < 0.25 ? "dry_run" : "apply";
    const queued = now - (31 - n) * DAY / 4;
    const queued_at = Temporal.Instant.fromEpochMilliseconds(queued);
    await sql`
      insert into patch_jobs (id, kind, requested_by, requested_at, deadline_at)
      values (${job_id}, ${kind}, ${users.admin.id}, ${queued_at}, ${queued_at})`;
    for (const host of new Set(Array.from({ length: 5 }, () => hosts[Math.floor(roll() * hosts.length)]))) {
      const busy = host.runs.some(({ state }) => state === "running");
      const states = ["succeeded", "failed", "unknown", "missed", "cancelled", "queued", ...busy ? [] : ["running"]];
      const state = states[Math.floor(roll() * states.length)];
      const ended = ["queued", "running"].includes(state) ? null : queued + HOUR;
      host.runs.push({ job_id, kind, state, queued_at: queued, ended_at: ended });
      await sql`
        insert into patch_job_hosts (job_id, host_id, run_id, state, next_at, deadline_at, queued_at, ended_at)
        values (${job_id}, ${host.id}, ${uuidv7(clock)}, ${state}, ${queued_at}, ${queued_at}, ${queued_at},
          ${ended === null ? null : Temporal.Instant.fromEpochMilliseconds(ended)})`;
    }
  }
  await sql`
    update patch_jobs j set ended_at = (select max(r.ended_at) from patch_job_hosts r where r.job_id = j.id)
    where not exists (select from patch_job_hosts r where r.job_id = j.id and r.ended_at is null)`;
  await keepJobFigures(sql);
}
