-- Figures of the dashboard that do not have to be counted anew each time it is read.

-- The last job of each host that could change it; a dry run decides nothing. Written with the order and never after:
-- what came of the job stands in its own row.
create table host_last_runs (
  host_id uuid primary key references hosts on delete cascade,
  job_id uuid not null,
  -- Of two orders at once the later one is the last, whichever was written first.
  queued_at timestamptz not null
) with (fillfactor = 70);

insert into host_last_runs (host_id, job_id, queued_at)
select distinct on (r.host_id) r.host_id, r.job_id, r.queued_at
from patch_job_hosts r join patch_jobs j on j.id = r.job_id
where j.kind <> 'dry_run'
order by r.host_id, r.queued_at desc, r.job_id desc;

-- Runs that wait for a person while they are their host's last one. State and end are in it so that the rows
-- themselves, which are wide and many, need not be read.
create index patch_job_hosts_bad on patch_job_hosts (host_id, job_id) include (state, ended_at)
  where state in ('failed', 'unknown', 'missed');

-- How many packages were ordered on the host, counted once.
alter table patch_job_hosts add column ordered_patches int not null default 0 check (ordered_patches >= 0);

update patch_job_hosts r set ordered_patches = p.n
from (
  select job_id, host_id, count(*)::int as n from patch_job_patches where origin = 'ordered' group by job_id, host_id
) p
where p.job_id = r.job_id and p.host_id = r.host_id;

-- What came of a job that has ended, over all its hosts, one row for each of their states. Final states never change,
-- so it is written once, with the job's end.
create table patch_job_results (
  job_id uuid not null references patch_jobs on delete cascade,
  state text not null check (state in ('succeeded', 'failed', 'cancelled', 'missed', 'rolled_back', 'unknown')),
  hosts int not null check (hosts > 0),
  -- Packages ordered on these hosts.
  patches int not null check (patches >= 0),
  -- When the last of these hosts ended.
  ended_at timestamptz not null,
  primary key (job_id, state)
);

insert into patch_job_results (job_id, state, hosts, patches, ended_at)
select r.job_id, r.state, count(*), sum(r.ordered_patches), max(r.ended_at)
from patch_jobs j join patch_job_hosts r on r.job_id = j.id
where j.ended_at is not null
group by r.job_id, r.state;

create index host_polls_parked on host_polls (host_id) where parked_reason is not null;

-- The hosts that a viewer may know of, whole, so that what reads them need not look each one up a second time: admins
-- and auditors all; an operator those of their groups and those of no group; an API token what its maker may see,
-- within the token's groups. Every read that a person triggers joins this or visible_hosts().
create function visible_host_rows(viewer uuid) returns setof hosts
language sql stable
as $$
  select h.*
  from hosts h
  where h.removed_at is null
    and exists (
      select
      from who_sees(viewer) who
      where (
          who.role in ('admin', 'auditor')
          or not exists (select from host_groups hg where hg.host_id = h.id)
          or exists (
            select from host_groups hg join user_groups ug on ug.group_id = hg.group_id
            where hg.host_id = h.id and ug.user_id = who.user_id
          )
        )
        and (
          who.group_ids is null
          or exists (select from host_groups hg where hg.host_id = h.id and hg.group_id = any(who.group_ids))
        )
    )
$$;

create or replace function visible_hosts(viewer uuid) returns table (host_id uuid)
language sql stable
as $$ select h.id from visible_host_rows(viewer) h $$;

do $$
begin
  if exists (select from pg_roles where rolname = 'patch_web') then
    grant select, insert, update on host_last_runs to patch_web;
    grant select, insert on patch_job_results to patch_web;
    grant select on host_last_runs, patch_job_results to patch_fleet;
    grant insert on patch_job_results to patch_fleet;
  end if;
end
$$;
