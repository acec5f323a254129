import type { Db } from "../core/database/types.ts";

/** Figures of jobs that are kept, counted anew from the rows that they are about. */
const COUNTED = {
  host_last_runs: `
    select distinct on (r.host_id) r.host_id, r.job_id, r.queued_at
    from patch_job_hosts r join patch_jobs j on j.id = r.job_id
    where j.kind <> 'dry_run'
    order by r.host_id, r.queued_at desc, r.job_id desc`,
  patch_job_results: `
    select r.job_id, r.state, count(*)::int as hosts,
      (
        select count(*)::int from patch_job_patches p join patch_job_hosts of using (job_id, host_id)
        where p.job_id = r.job_id and of.state = r.state and p.origin = 'ordered'
      ) as patches,
      max(r.ended_at) as ended_at
    from patch_job_hosts r join patch_jobs j on j.id = r.job_id
    where j.ended_at is not null
    group by r.job_id, r.state`,
  ordered_patches: `
    select r.job_id, r.host_id, count(p.name)::int as ordered_patches
    from patch_job_hosts r
    left join patch_job_patches p on p.job_id = r.job_id and p.host_id = r.host_id and p.origin = 'ordered'
    group by r.job_id, r.host_id`,
};

/** Kept figures that are not what counting says, each as a line; none when all is well. */
export async function wrongJobFigures(db: Db): Promise<string[]> {
  const wrong: string[] = [];
  for (
    const [name, kept] of [
      ["host_last_runs", "select host_id, job_id, queued_at from host_last_runs"],
      ["patch_job_results", "select job_id, state, hosts, patches, ended_at from patch_job_results"],
      ["ordered_patches", "select job_id, host_id, ordered_patches from patch_job_hosts"],
    ] as const
  ) {
    const rows = await db.unsafe(`
      with kept as (${kept}), counted as (${COUNTED[name]})
      select 'kept' as what, to_json(k) as row from (select * from kept except select * from counted) k
      union all
      select 'counted', to_json(c) from (select * from counted except select * from kept) c`);
    wrong.push(...rows.map(({ what, row }) => `${name}, only ${what}: ${JSON.stringify(row)}`));
  }
  return wrong;
}

/** Writes what the use cases would have written beside jobs that a test put straight into the tables. */
export async function keepJobFigures(db: Db): Promise<void> {
  await db.unsafe(`
    update patch_job_hosts r set ordered_patches = c.ordered_patches
    from (${COUNTED.ordered_patches}) c
    where c.job_id = r.job_id and c.host_id = r.host_id and c.ordered_patches <> r.ordered_patches`);
  await db.unsafe(`
    insert into host_last_runs (host_id, job_id, queued_at) ${COUNTED.host_last_runs}
    on conflict (host_id) do update set job_id = excluded.job_id, queued_at = excluded.queued_at`);
  await db.unsafe(`
    insert into patch_job_results (job_id, state, hosts, patches, ended_at) ${COUNTED.patch_job_results}
    on conflict (job_id, state) do nothing`);
}
