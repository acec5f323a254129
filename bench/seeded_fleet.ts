import { connect } from "../core/database/connection.ts";
import { SUPERUSER } from "../core/database/embedded.ts";
import { keepJobFigures } from "../testing/job_figures.ts";
import type { Db } from "../core/database/types.ts";

/** What a fleet has that was written straight into the tables. */
export interface FleetSize {
  hosts: number;
  /** Pending on each host. */
  patches: number;
  /** Installed on each host; 0 is as good where nothing reads them. */
  packages: number;
  /** Jobs that each host took part in; one in twenty failed. */
  jobs: number;
}

/** As the specification says, without the installed packages. */
export const READ_SIZE = { patches: 40, packages: 0, jobs: 40 };

/** Packages that each of the newest jobs ordered on a host; older ones say nothing of theirs. */
const ORDERED = 10;
const DETAILED_JOBS = 8;

/**
 * Fills an empty database with a fleet that has been looked after for weeks: rows of the shape that reports, polls and
 * jobs leave, without their work, so that reading is measured at any size within seconds.
 * @param admin id of a user, who ordered the jobs
 */
export async function seedFleet(at: { socket: string; name: string }, admin: string, size: FleetSize): Promise<void> {
  const sql = await connect({ socket: at.socket, user: SUPERUSER, database: at.name, max: 1, statement_timeout_ms: 0 });
  try {
    // A million rows that are right by construction need not be looked up one by one.
    await sql`set session_replication_role = replica`;
    await insertFleet(sql, admin, size);
    await sql`vacuum analyze`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function insertFleet(sql: Db, admin: string, { hosts, patches, packages, jobs }: FleetSize): Promise<void> {
  // Fixed: two runs read the same rows.
  await sql`select setseed(0.25)`;
  await sql`insert into packages (name, arch) select 'package-' || n, 'amd64' from generate_series(1, 2000) n`;
  await sql`
    insert into update_offers
      (hash, package_id, version, repositories, security, severity, severity_source, cve_ids, size_bytes, description,
       first_seen_at)
    select sha256(('offer ' || p.id)::bytea), p.id, '1.0-2', '{stable-security/main}', p.id % 3 = 0,
      (array['critical', 'high', 'high', 'medium', 'medium', 'low', 'unknown', 'unknown'])[1 + p.id % 8],
      'vendor-advisory', case when p.id % 3 = 0 then array['CVE-2026-' || 10000 + p.id] else '{}' end, 100000,
      'A library of things that other things need', app_now() - interval '70 days'
    from packages p`;
  await sql`
    insert into hosts
      (id, fqdn, address, port, tls_name, source, os_id, os_name, os_version, health, health_since, health_reason,
       reboot_required, certificate_expires_at, created_at)
    select gen_random_uuid(), 'host-' || n || '.example.org', '10.0.0.0'::inet + n, 12443, 'host-' || n, 'enrolment',
      'debian', 'Debian GNU/Linux', '13', case when n % 20 = 0 then 'unreachable' else 'healthy' end,
      app_now() - n * interval '1 minute', case when n % 20 = 0 then 'The host did not answer within 5 s.' end,
      n % 9 = 0, app_now() + (n % 90) * interval '1 day', app_now() - interval '90 days'
    from generate_series(1, ${hosts}::int) n`;
  await sql`
    insert into host_patches (host_id, package_id, offer_id, current_version, state, first_seen_at)
    select h.id, o.package_id, o.id, '1.0-1', 'installable', app_now() - random() * interval '60 days'
    from (select id, row_number() over (order by fqdn) as n from hosts) h
    cross join generate_series(1, ${patches}::int) i
    join update_offers o on o.package_id = 1 + (i * 13 + h.n % 50 * 7) % 2000`;
  await sql`
    insert into host_packages (host_id, package_id, version, size_bytes)
    select h.id, 1 + (i * 3 + h.n) % 2000, '1.0-' || h.n % 5, 1000000
    from (select id, row_number() over (order by fqdn) as n from hosts) h
    cross join generate_series(1, ${packages}::int) i`;
  await sql`
    insert into host_counters
      (host_id, installed, pending, installable, security, critical, high, medium, low, unknown, cves,
       oldest_security_at, oldest_critical_at)
    select hp.host_id, ${packages}::int, count(*), count(*), count(*) filter (where o.security),
      count(*) filter (where o.severity = 'critical'), count(*) filter (where o.severity = 'high'),
      count(*) filter (where o.severity = 'medium'), count(*) filter (where o.severity = 'low'),
      count(*) filter (where o.severity = 'unknown'), count(*) filter (where o.security),
      min(hp.first_seen_at) filter (where o.security), min(hp.first_seen_at) filter (where o.severity = 'critical')
    from host_patches hp join update_offers o on o.id = hp.offer_id group by hp.host_id`;
  await sql`
    insert into host_patch_data (host_id, received_at, content_hash, index_refreshed_at)
    select id, app_now(), sha256(id::text::bytea) || sha256(id::text::bytea), app_now() - random() * interval '50 hours'
    from hosts`;
  await sql`
    insert into host_health_data (host_id, received_at, status, checks)
    select id, app_now(), 'healthy', '{"package_manager": "ok", "disk": "ok", "index": "ok"}' from hosts`;
  await sql`
    insert into host_polls (host_id, kind, next_at, last_at, last_ok_at)
    select id, kind, app_now() + random() * interval '1 hour', app_now(), app_now()
    from hosts, (values ('health'), ('patches')) kinds (kind)`;
  await sql`
    insert into patch_jobs (id, kind, requested_by, requested_at, deadline_at, ended_at)
    select gen_random_uuid(), case when n % 10 = 9 then 'dry_run' else 'apply' end, ${admin},
      app_now() - n * interval '1 day', app_now(), app_now() - n * interval '1 day'
    from generate_series(1, ${jobs}::int) n`;
  await sql`
    insert into patch_job_hosts
      (job_id, host_id, run_id, state, next_at, deadline_at, queued_at, started_at, ended_at, progress)
    select j.id, h.id, gen_random_uuid(), case when random() < 0.05 then 'failed' else 'succeeded' end, app_now(),
      app_now(), j.requested_at, j.requested_at, j.requested_at + interval '5 minutes', 100
    from patch_jobs j, hosts h order by j.requested_at, h.id`;
  await sql`
    insert into patch_job_patches (job_id, host_id, name, from_version, to_version, origin, outcome)
    select r.job_id, r.host_id, 'package-' || n, '1.0-1', '1.0-2', 'ordered', 'applied'
    from (select id from patch_jobs order by requested_at desc limit ${DETAILED_JOBS}) j
    join patch_job_hosts r on r.job_id = j.id, generate_series(1, ${ORDERED}::int) n`;
  await keepJobFigures(sql);
}
