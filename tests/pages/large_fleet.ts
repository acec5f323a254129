import type { TestDatabase } from "../../testing/database.ts";
import { addGroup } from "../../testing/job_scenario.ts";

/** What {@link seedLargeFleet} made, to be compared with what pages say. */
export interface LargeFleet {
  hosts: number;
  /** A tenth of the hosts: node-0010, node-0020 and so on. */
  group: string;
}

/**
 * Hosts `node-0001.example.org` and on, reported just now. Every fifth has nothing to install, every fourth has
 * security updates, every 25th is tagged edge, every 50th does not answer, every third is a Debian.
 */
export async function seedLargeFleet({ sql }: TestDatabase, hosts = 2_500): Promise<LargeFleet> {
  const group = await addGroup(sql);
  await sql`
    insert into hosts (id, fqdn, address, port, tls_name, source, os_id, os_name, os_version, tags, health, health_since,
      health_reason, not_answering_since, created_at)
    select gen_random_uuid(), 'node-' || lpad(n::text, 4, '0') || '.example.org', '10.64.0.0'::inet + n, 12443, 'x',
      'manual',
      case when n % 3 = 0 then 'debian' else 'ubuntu' end,
      case when n % 3 = 0 then 'Debian GNU/Linux' else 'Ubuntu' end,
      case when n % 3 = 0 then '12' else '24.04' end,
      case when n % 25 = 0 then '{edge}'::text[] else '{}' end,
      case when n % 50 = 0 then 'unreachable' else 'healthy' end, app_now() - interval '3 hours',
      case when n % 50 = 0 then 'no answer within 10 s' end,
      case when n % 50 = 0 then app_now() - interval '3 hours' end, app_now()
    from generate_series(1, ${hosts}::int) n`;
  await sql`
    insert into host_patch_data (host_id, received_at, index_refreshed_at) select id, app_now(), app_now() from hosts`;
  await sql`
    insert into host_polls (host_id, kind, next_at)
    select h.id, kind, app_now() + interval '1 hour' from hosts h cross join unnest('{health,patches}'::text[]) kind`;
  await sql`
    insert into host_groups (host_id, group_id)
    select id, ${group} from hosts where substr(fqdn, 6, 4)::int % 10 = 0`;
  await sql`insert into packages (name, arch) values ('openssl', 'amd64'), ('tzdata', 'all')`;
  await sql`
    insert into update_offers (hash, package_id, version, security, severity, first_seen_at)
    select int8send(id), id, '2.0', name = 'openssl', case name when 'openssl' then 'high' else 'unknown' end, app_now()
    from packages`;
  await sql`
    insert into host_patches (host_id, package_id, offer_id, current_version, state, first_seen_at)
    select h.id, o.package_id, o.id, '1.0', 'installable', app_now()
    from hosts h join update_offers o
      on substr(h.fqdn, 6, 4)::int % 5 <> 0 and (not o.security or substr(h.fqdn, 6, 4)::int % 4 = 0)`;
  await sql`
    insert into host_counters (host_id, pending, installable, security, high)
    select h.id, count(p.host_id), count(p.host_id), count(*) filter (where o.security), count(*) filter (where o.security)
    from hosts h left join host_patches p on p.host_id = h.id left join update_offers o on o.id = p.offer_id
    group by h.id`;
  await sql`analyze hosts, host_counters, host_patch_data, host_patches`;
  return { hosts, group };
}

/** How many of the numbers from 1 to 2,500 a rule is true for. */
export function count(rule: (number: number) => boolean, hosts = 2_500): number {
  return Array.from({ length: hosts }, (_, index) => index + 1).filter(rule).length;
}
