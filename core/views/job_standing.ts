import type { Db } from "../database/types.ts";
import { type Fragment, rememberedHosts, seesEverything } from "./scope.ts";

/**
 * Which hosts of jobs the viewer may see, as the first tables of a `with`: `sight` says whether it is all of them, and
 * only where it is not are they listed, in `seen`; `simulated` lists hosts that are no real machines.
 */
export function jobSight(db: Db, viewer: string): Fragment {
  return db`
    sight as materialized (select ${seesEverything(db, viewer)} as everything),
    seen as materialized (
      select remembered.host_id from ${rememberedHosts(db, viewer)} remembered where not (select everything from sight)
    ),
    simulated as materialized (select h.id as host_id from hosts h where h.simulated)`;
}

/** True of a row `r` of patch_job_hosts whose host the viewer may see; after {@link jobSight}. */
export function inSight(db: Db): Fragment {
  return db`((select everything from sight) or r.host_id in (select host_id from seen))`;
}

/** True of a job `j` that has a host which the viewer may see; after {@link jobSight}. A job without any is none. */
export function jobInSight(db: Db): Fragment {
  return db`exists (select from patch_job_hosts r where r.job_id = j.id and ${inSight(db)})`;
}

/**
 * How a job `j` stands on the hosts that the viewer may see, after {@link jobSight}: counts (hosts in each state), hosts,
 * patches (ordered installations), progress (percent; a host that ended counts as 100), ended_at (null while one has
 * not), host_name (where it is one host), simulated. What came of an ended job was written down with its end; who sees
 * all of it reads that, everybody else, and of an open job, has the hosts counted.
 */
export function jobStanding(db: Db): Fragment {
  return db`(
    select json_object_agg(t.state, t.hosts) as counts, sum(t.hosts)::int as hosts, sum(t.patches)::int as patches,
      (sum(t.done) / sum(t.hosts))::int as progress,
      case when bool_and(t.ended_at is not null) then max(t.ended_at) end as ended_at,
      case when sum(t.hosts) = 1 then (
        select coalesce(nullif(h.display_name, ''), h.fqdn) from hosts h
        where h.id = (select r.host_id from patch_job_hosts r where r.job_id = j.id and ${inSight(db)} limit 1)
      ) end as host_name,
      exists (
        select from simulated s join patch_job_hosts r on r.host_id = s.host_id where r.job_id = j.id and ${inSight(db)}
      ) as simulated
    from (
      select p.state, p.hosts, p.patches, p.ended_at, 100 * p.hosts as done
      from patch_job_results p
      where p.job_id = j.id and (select everything from sight)
      union all
      select r.state, count(*), sum(r.ordered_patches),
        case when bool_and(r.ended_at is not null) then max(r.ended_at) end,
        sum(case when r.ended_at is not null then 100 else r.progress end)
      from patch_job_hosts r
      where r.job_id = j.id and ${inSight(db)}
        and not ((select everything from sight) and exists (select from patch_job_results p where p.job_id = j.id))
      group by r.state
    ) t
  )`;
}
