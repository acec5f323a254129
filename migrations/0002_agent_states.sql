-- What the agent can say and do from now on: pinned updates, repair, rollback, restarts that are watched, and
-- renewal of certificates over the agent's own API.

-- Patches -------------------------------------------------------------------------------------------------------

alter table host_patches drop constraint host_patches_state_check;
alter table host_patches add constraint host_patches_state_check
  check (state in ('installable', 'held', 'phased', 'kept_back', 'pinned', 'excluded', 'blocked'));
-- What it would remove; then it is never installed by us.
alter table host_patches add column removes text[] not null default '{}';
alter table host_patches add column reboot_reason text check (length(reboot_reason) <= 512);
alter table host_counters add column pinned int not null default 0;

-- False where the agent does not say whether an update is a security one: that is not the same as "no".
alter table update_offers add column security_known boolean not null default true;
alter table host_counters add column security_unknown int not null default 0;

-- As before; and a host of which nobody knows whether its updates are security ones does not count as compliant.
drop function host_compliance(timestamptz, timestamptz, text, int, boolean, timestamptz, timestamptz);
create function host_compliance(
  received_at timestamptz, index_refreshed_at timestamptz, state text, security int, security_unknown int,
  reboot_required boolean, oldest_report timestamptz, oldest_index timestamptz
) returns text
language sql stable parallel safe
as $$
  select case
    when received_at is null then 'unknown'
    when received_at < oldest_report then 'stale'
    when index_refreshed_at is null or index_refreshed_at < oldest_index then 'stale'
    when state <> 'ok' or security > 0 or reboot_required then 'not_compliant'
    when security_unknown > 0 then 'unknown'
    else 'compliant'
  end
$$;

-- Jobs ----------------------------------------------------------------------------------------------------------

alter table patch_jobs drop constraint patch_jobs_kind_check;
alter table patch_jobs add constraint patch_jobs_kind_check
  check (kind in ('apply', 'dry_run', 'repair', 'rollback', 'reboot'));
alter table patch_jobs drop constraint patch_jobs_reboot_check;
alter table patch_jobs add constraint patch_jobs_reboot_check check (reboot in ('never', 'needed', 'always'));
-- Seconds between the host's warning to its users and its restart.
alter table patch_jobs add column reboot_delay_seconds int not null default 60
  check (reboot_delay_seconds between 0 and 86400);
-- The job that a rollback takes back.
alter table patch_jobs add column original_job_id uuid references patch_jobs;
create index patch_jobs_original on patch_jobs (original_job_id) where original_job_id is not null;

-- New packages that the person saw with the updates; null where the order knows of no such list.
alter table patch_job_hosts add column new_packages text[];
-- The host's own name of the job that a rollback takes back.
alter table patch_job_hosts add column original_agent_job_id text;
alter table patch_job_hosts add column boot_id_after text;
-- Until when a restarting host must be back.
alter table patch_job_hosts add column back_by timestamptz;
-- What the host said of the run at its end, for people: services and kernel that run in an older version, files of
-- configuration that were kept, and whether the run can be taken back.
alter table patch_job_hosts add column report jsonb;

-- How a package stands that failed, in the package manager's words, and the last lines of its script.
alter table patch_job_patches add column package_state text check (length(package_state) <= 128);
alter table patch_job_patches add column output text check (length(output) <= 4096);

-- Certificates --------------------------------------------------------------------------------------------------

-- One row for each host whose certificate is being renewed. The web role holds the CA's key and decides what is due;
-- the fleet role talks to hosts. due (fetch a request) -> requested (sign it) -> signed (bring it) -> installed
-- (retire the old one, then the row goes). manual: this agent cannot; a person renews it, and it is asked once a day.
create table certificate_renewals (
  host_id uuid primary key references hosts on delete cascade,
  state text not null check (state in ('due', 'requested', 'signed', 'installed', 'manual')),
  csr text check (length(csr) <= 16384),
  -- The one that ends, and the one that was issued for the request.
  old_certificate_id uuid not null references certificates,
  certificate_id uuid references certificates,
  certificate_pem text,
  not_after timestamptz,
  attempts int not null default 0,
  next_at timestamptz not null,
  lease_until timestamptz,
  -- Words for people; null when the last step went well.
  error text check (length(error) <= 2000),
  changed_at timestamptz not null
);
create index certificate_renewals_due on certificate_renewals (next_at) where state in ('due', 'signed', 'manual');

-- The list of revoked certificates as the web role last made it: what the fleet role brings to hosts.
create table revocation_list (
  only_row boolean primary key default true check (only_row),
  crl_pem text not null,
  state text not null,
  -- When its content last changed; the same content signed anew is no change.
  changed_at timestamptz not null
);

-- Rights --------------------------------------------------------------------------------------------------------

do $$
begin
  if exists (select from pg_roles where rolname = 'patch_web') then
    grant select, insert, update, delete on certificate_renewals to patch_web;
    grant select, insert, update on revocation_list to patch_web;
  end if;
  if exists (select from pg_roles where rolname = 'patch_fleet') then
    grant update (boot_id_after, back_by, report) on patch_job_hosts to patch_fleet;
    grant update (package_state, output) on patch_job_patches to patch_fleet;
    -- It brings requests and takes certificates; what is due, and what is signed, it cannot say.
    grant select on certificate_renewals, revocation_list to patch_fleet;
    grant update (state, csr, attempts, next_at, lease_until, error, changed_at) on certificate_renewals to patch_fleet;
  end if;
end $$;
