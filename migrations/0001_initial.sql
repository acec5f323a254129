-- The first schema. Forward only: a later change is a new file. Instants are timestamptz, names of things that a
-- person or another machine refers to are UUIDv7 made by the program, growing sequences are bigint identities.

-- Login roles are the wall between the web role and the fleet role (SET ROLE is none). They belong to the whole
-- server, so they may exist already; a database user who may not make roles works with one role for everything,
-- and `serve` says what that gives up.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['patch_owner', 'patch_web', 'patch_fleet'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I login', wanted);
      exception
        when insufficient_privilege then
          raise notice 'role % is missing and may not be made by this user', wanted;
        when duplicate_object or unique_violation then null; -- another start was faster
      end;
    end if;
  end loop;
end $$;

-- The present, for leases and due times. A test sets app.now in its own connection; nobody else does. Marked stable
-- so that an index on a due time can serve `next_at <= app_now()`.
create function app_now() returns timestamptz
language sql stable parallel safe
as $$ select coalesce(nullif(current_setting('app.now', true), '')::timestamptz, clock_timestamp()) $$;

-- Run-time settings ---------------------------------------------------------------------------------------------

create table system_config (
  key text primary key,
  value jsonb not null,
  changed_at timestamptz not null,
  changed_by uuid
);

-- People --------------------------------------------------------------------------------------------------------

create table users (
  id uuid primary key,
  username text not null check (username ~ '^[a-z0-9][a-z0-9._@+-]{0,63}$'),
  display_name text not null default '' check (length(display_name) <= 200),
  email text check (length(email) <= 320),
  role text not null check (role in ('admin', 'operator', 'auditor')),
  disabled_at timestamptz,
  created_at timestamptz not null,
  last_login_at timestamptz
);
create unique index users_username on users (username);

-- Ways in by a provider. A local account has none.
create table identities (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  provider text not null,
  subject text not null,
  created_at timestamptz not null,
  unique (provider, subject)
);

create table passwords (
  user_id uuid primary key references users on delete cascade,
  hash text not null,
  must_change boolean not null default false,
  changed_at timestamptz not null
);

-- A session is known by the hash of its present token. The hash before it is honoured for 30 s after a rotation
-- (two tabs), and later proves that a token was copied: then the whole family ends.
create table sessions (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  family uuid not null,
  kind text not null check (kind in ('browser', 'api')),
  current_hash bytea not null unique,
  previous_hash bytea unique,
  rotated_at timestamptz not null,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  idle_until timestamptz not null,
  expires_at timestamptz not null,
  reauthenticated_at timestamptz,
  address inet,
  user_agent text check (length(user_agent) <= 400),
  revoked_at timestamptz,
  revoked_reason text
);
create index sessions_user on sessions (user_id) where revoked_at is null;
create index sessions_expiry on sessions (expires_at);

-- Failed logins by account and by address: a growing pause, never a lock for ever.
create table login_throttle (
  key text primary key,
  failures int not null,
  blocked_until timestamptz not null,
  changed_at timestamptz not null
);

create table ws_tickets (
  hash bytea primary key,
  session_id uuid not null references sessions on delete cascade,
  user_id uuid not null references users on delete cascade,
  expires_at timestamptz not null,
  used_at timestamptz
);

-- Hosts and groups ----------------------------------------------------------------------------------------------

create table hosts (
  id uuid primary key,
  fqdn text not null check (length(fqdn) between 1 and 253),
  address inet not null,
  port int not null check (port between 1 and 65535),
  -- What its certificate must be for: the name, or the address when it was registered by address.
  tls_name text not null check (length(tls_name) between 1 and 253),
  display_name text not null default '' check (length(display_name) <= 200),
  machine_hash text check (length(machine_hash) <= 128),
  simulated boolean not null default false,
  source text not null check (source in ('manual', 'enrolment')),
  os_id text,
  os_name text,
  os_version text,
  kernel text,
  architecture text,
  package_manager text,
  virtualization text,
  agent_name text,
  agent_version text,
  boot_id text,
  boot_time timestamptz,
  health text not null default 'pending' check (health in ('pending', 'healthy', 'degraded', 'unreachable')),
  health_since timestamptz not null,
  -- Words that a person can act on; null when healthy.
  health_reason text check (length(health_reason) <= 2000),
  -- Set by the first failed poll, before the host counts as unreachable.
  not_answering_since timestamptz,
  reboot_required boolean not null default false,
  reboot_reasons text[] not null default '{}',
  certificate_expires_at timestamptz,
  notes text not null default '' check (length(notes) <= 10000),
  tags text[] not null default '{}',
  created_at timestamptz not null,
  created_by uuid references users on delete set null,
  removed_at timestamptz,
  removed_by uuid references users on delete set null
);
create unique index hosts_address on hosts (address, port) where removed_at is null;
create unique index hosts_fqdn on hosts (lower(fqdn)) where removed_at is null;
create unique index hosts_machine on hosts (machine_hash) where removed_at is null;
create index hosts_health on hosts (health) where removed_at is null;

create table groups (
  id uuid primary key,
  name text not null check (length(name) between 1 and 100),
  description text not null default '' check (length(description) <= 1000),
  created_at timestamptz not null,
  created_by uuid references users on delete set null
);
create unique index groups_name on groups (lower(name));

create table host_groups (
  host_id uuid not null references hosts on delete cascade,
  group_id uuid not null references groups on delete cascade,
  primary key (host_id, group_id)
);
create index host_groups_group on host_groups (group_id);

create table user_groups (
  user_id uuid not null references users on delete cascade,
  group_id uuid not null references groups on delete cascade,
  primary key (user_id, group_id)
);
create index user_groups_group on user_groups (group_id);

-- The hosts that a viewer may know of: admins and auditors all; an operator those of their groups and those of no
-- group. Every read that a person triggers joins this.
create function visible_hosts(viewer uuid) returns table (host_id uuid)
language sql stable
as $$
  select h.id
  from hosts h
  where h.removed_at is null
    and exists (
      select from users u
      where u.id = viewer and u.disabled_at is null
        and (
          u.role in ('admin', 'auditor')
          or not exists (select from host_groups hg where hg.host_id = h.id)
          or exists (
            select from host_groups hg join user_groups ug on ug.group_id = hg.group_id
            where hg.host_id = h.id and ug.user_id = viewer
          )
        )
    )
$$;

-- Certificates and enrolment ------------------------------------------------------------------------------------

create table certificates (
  id uuid primary key,
  kind text not null check (kind in ('root', 'manager_client', 'ui', 'agent')),
  serial text not null unique,
  fingerprint text not null unique,
  subject text not null,
  names text[] not null default '{}',
  pem text not null,
  host_id uuid references hosts,
  not_before timestamptz not null,
  not_after timestamptz not null,
  issued_at timestamptz not null,
  issued_by uuid references users on delete set null,
  replaced_by uuid references certificates,
  revoked_at timestamptz,
  revoked_reason text check (length(revoked_reason) <= 500)
);
create index certificates_host on certificates (host_id);
create index certificates_revoked on certificates (revoked_at) where revoked_at is not null;

create table enrolment_tokens (
  id uuid primary key,
  hash bytea not null unique,
  label text not null default '' check (length(label) <= 200),
  created_at timestamptz not null,
  created_by uuid references users on delete set null,
  expires_at timestamptz not null,
  used_at timestamptz,
  revoked_at timestamptz
);
create table enrolment_token_groups (
  token_id uuid not null references enrolment_tokens on delete cascade,
  group_id uuid not null references groups on delete cascade,
  primary key (token_id, group_id)
);

create table enrolments (
  id uuid primary key,
  polling_hash bytea not null unique,
  machine_hash text not null,
  fqdn text not null,
  address inet not null,
  port int not null,
  hostname text,
  os_details jsonb not null default '{}',
  csr text,
  source_address inet not null,
  token_id uuid references enrolment_tokens on delete set null,
  state text not null check (state in ('pending', 'approved', 'denied', 'collected', 'expired')),
  -- A second machine with a known machine hash waits and is marked.
  clone_of uuid references hosts,
  decided_at timestamptz,
  decided_by uuid references users on delete set null,
  host_id uuid references hosts,
  certificate_id uuid references certificates,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  collected_at timestamptz
);
create index enrolments_pending on enrolments (created_at) where state = 'pending';
create unique index enrolments_machine on enrolments (machine_hash, address, port) where state = 'pending';

-- Polling and reports -------------------------------------------------------------------------------------------

-- When each host is asked next. Narrow and updated at every poll: room is left for updates in place.
create table host_polls (
  host_id uuid not null references hosts on delete cascade,
  kind text not null check (kind in ('health', 'patches')),
  next_at timestamptz not null,
  lease_until timestamptz,
  failures int not null default 0,
  last_at timestamptz,
  last_ok_at timestamptz,
  last_duration_ms int,
  last_error text check (length(last_error) <= 2000),
  -- A person or a job asked for fresh data; answered when last_ok_at is later.
  requested_at timestamptz,
  -- The largest age of the package index that the request accepts, in seconds; null takes it as it is.
  requested_max_index_age int,
  -- A row that breaks the loop is parked here and shown, and the loop goes on.
  parked_reason text check (length(parked_reason) <= 2000),
  primary key (host_id, kind)
) with (fillfactor = 70);
create index host_polls_due on host_polls (next_at) where parked_reason is null;

create table host_health_data (
  host_id uuid primary key references hosts on delete cascade,
  received_at timestamptz not null,
  status text not null,
  checks jsonb not null default '{}',
  problems text[] not null default '{}',
  uptime_seconds bigint,
  index_refreshed_at timestamptz,
  state_id text
) with (fillfactor = 70);

create table host_patch_data (
  host_id uuid primary key references hosts on delete cascade,
  -- The last report that was accepted.
  received_at timestamptz,
  -- SHA-256 of the normalised patches, then that of the packages: unchanged content writes no rows.
  content_hash bytea,
  patches_etag text,
  packages_etag text,
  index_refreshed_at timestamptz,
  index_error text check (length(index_error) <= 2048),
  state text not null default 'ok' check (state in ('ok', 'interrupted', 'broken', 'locked')),
  -- The last report that was refused, and why; null once a later one was accepted.
  refused_at timestamptz,
  refused_reason text check (length(refused_reason) <= 2000)
) with (fillfactor = 70);

-- Packages are stored once for the fleet; hosts refer to them.
create table packages (
  id bigint generated always as identity primary key,
  name text not null,
  arch text not null default '',
  unique (name, arch)
);

create table host_packages (
  host_id uuid not null references hosts on delete cascade,
  package_id bigint not null references packages,
  version text not null,
  held boolean not null default false,
  size_bytes bigint,
  source_package text,
  installed_at timestamptz,
  primary key (host_id, package_id)
);
create index host_packages_package on host_packages (package_id);

-- What a repository offers, once for the fleet, known by the hash of everything below.
create table update_offers (
  id bigint generated always as identity primary key,
  hash bytea not null unique,
  package_id bigint not null references packages,
  version text not null,
  repositories text[] not null default '{}',
  security boolean not null default false,
  security_version text,
  severity text not null check (severity in ('critical', 'high', 'medium', 'low', 'unknown')),
  severity_source text not null default 'none',
  cve_ids text[] not null default '{}',
  cve_source text not null default 'none',
  advisory_ids text[] not null default '{}',
  size_bytes bigint,
  installed_size_delta_bytes bigint,
  source_package text,
  description text,
  requires_reboot boolean not null default false,
  first_seen_at timestamptz not null
);
create index update_offers_package on update_offers (package_id);
create index update_offers_cves on update_offers using gin (cve_ids);

-- The updates that are pending on a host, with why each is or is not installed by the next apply.
create table host_patches (
  host_id uuid not null references hosts on delete cascade,
  package_id bigint not null references packages,
  offer_id bigint not null references update_offers,
  -- Null when the agent cannot say.
  current_version text,
  state text not null check (state in ('installable', 'held', 'phased', 'kept_back', 'excluded', 'blocked')),
  state_reason text check (length(state_reason) <= 512),
  phased_percent int,
  new_dependencies text[] not null default '{}',
  first_seen_at timestamptz not null,
  primary key (host_id, package_id)
);
create index host_patches_offer on host_patches (offer_id);
create index host_patches_package on host_patches (package_id);

-- Kept with the difference when a report lands; fleet numbers are sums over it.
create table host_counters (
  host_id uuid primary key references hosts on delete cascade,
  installed int not null default 0,
  pending int not null default 0,
  installable int not null default 0,
  security int not null default 0,
  critical int not null default 0,
  high int not null default 0,
  medium int not null default 0,
  low int not null default 0,
  unknown int not null default 0,
  held int not null default 0,
  phased int not null default 0,
  kept_back int not null default 0,
  excluded int not null default 0,
  blocked int not null default 0,
  cves int not null default 0,
  oldest_security_at timestamptz
) with (fillfactor = 80);

-- Compliant: last report at most 2 h and package index at most 48 h old, no pending security patch, no reboot due.
-- Old data is its own third state: silence never counts as success. The limits are handed in, as
-- `(select oldest_report())` and `(select oldest_index())`: worked out in here they are worked out for every host, and
-- took half of the time of a list of 2,500 (measured).
create function host_compliance(
  received_at timestamptz, index_refreshed_at timestamptz, state text, security int, reboot_required boolean,
  oldest_report timestamptz, oldest_index timestamptz
) returns text
language sql stable parallel safe
as $$
  select case
    when received_at is null then 'unknown'
    when received_at < oldest_report then 'stale'
    when index_refreshed_at is null or index_refreshed_at < oldest_index then 'stale'
    when state <> 'ok' or security > 0 or reboot_required then 'not_compliant'
    else 'compliant'
  end
$$;
create function oldest_report() returns timestamptz
language sql stable parallel safe
as $$ select app_now() - interval '2 hours' $$;
create function oldest_index() returns timestamptz
language sql stable parallel safe
as $$ select app_now() - interval '48 hours' $$;

-- Jobs ----------------------------------------------------------------------------------------------------------

create table patch_jobs (
  id uuid primary key,
  kind text not null check (kind in ('apply', 'dry_run', 'rollback')),
  requested_by uuid not null references users,
  requested_at timestamptz not null,
  reason text not null default '' check (length(reason) <= 1000),
  security_only boolean not null default false,
  reboot text not null default 'never' check (reboot in ('never', 'needed')),
  deadline_at timestamptz not null,
  -- The first wave's size and the share of failures that stops the rest belong to later work.
  idempotency_key text check (length(idempotency_key) <= 128),
  idempotency_hash bytea,
  cancelled_at timestamptz,
  cancelled_by uuid references users,
  cancel_reason text check (length(cancel_reason) <= 1000),
  -- Set with the last host's final state; a job's state is derived from its hosts.
  ended_at timestamptz,
  unique (requested_by, idempotency_key)
);
create index patch_jobs_recent on patch_jobs (requested_at desc);

create table patch_job_hosts (
  job_id uuid not null references patch_jobs on delete cascade,
  host_id uuid not null references hosts,
  wave int not null default 1,
  -- The idempotency key that the host remembers. A communication retry repeats it; a new attempt has a new one.
  run_id uuid not null unique,
  attempt int not null default 1,
  state text not null check (
    state in (
      'queued', 'waiting', 'dispatching', 'running', 'verifying', 'rebooting',
      'succeeded', 'failed', 'cancelled', 'missed', 'rolled_back', 'unknown'
    )
  ),
  -- Whoever holds the lease works on the row; the fence tells a late writer that the row went on without it.
  lease_until timestamptz,
  fence int not null default 0,
  next_at timestamptz not null,
  deadline_at timestamptz not null,
  communication_failures int not null default 0,
  agent_job_id text,
  agent_state_id text,
  agent_seq int not null default 0,
  boot_id_before text,
  progress int not null default 0 check (progress between 0 and 100),
  phase text,
  message text not null default '' check (length(message) <= 4096),
  error_code text,
  error text check (length(error) <= 8192),
  cancel_requested_at timestamptz,
  -- Bytes of output consumed over all attempts, and where the present attempt's output begins among them.
  log_bytes int not null default 0,
  log_start int not null default 0,
  queued_at timestamptz not null,
  dispatched_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  primary key (job_id, host_id)
) with (fillfactor = 80);
-- One at a time on a host, whatever the scheduler believes.
create unique index patch_job_hosts_running on patch_job_hosts (host_id)
  where state in ('dispatching', 'running', 'verifying', 'rebooting');
create index patch_job_hosts_due on patch_job_hosts (next_at)
  where state in ('queued', 'waiting', 'dispatching', 'running', 'verifying', 'rebooting');
create index patch_job_hosts_host on patch_job_hosts (host_id, queued_at desc);

-- What was ordered for each host, and what came of it.
create table patch_job_patches (
  job_id uuid not null,
  host_id uuid not null,
  name text not null,
  arch text not null default '',
  from_version text,
  to_version text,
  -- ordered: what the person chose. dependency: came along. In a dry run the outcome is what would happen.
  origin text not null check (origin in ('ordered', 'dependency')),
  action text not null default 'upgrade' check (action in ('upgrade', 'install', 'remove', 'downgrade')),
  outcome text not null default 'pending' check (outcome in ('pending', 'applied', 'would_apply', 'failed', 'unchanged')),
  reason text check (length(reason) <= 2048),
  primary key (job_id, host_id, name, arch),
  foreign key (job_id, host_id) references patch_job_hosts on delete cascade
);

-- What the package manager said, at most 1 MiB a host; the position orders the pieces.
create table job_logs (
  job_id uuid not null,
  host_id uuid not null,
  position int not null,
  text text not null,
  primary key (job_id, host_id, position),
  foreign key (job_id, host_id) references patch_job_hosts on delete cascade
);

-- What open pages are told. Sequence numbers come out in commit order, because event_append() holds a lock until
-- its transaction ends: a reader who has seen 7 never misses a 6 that commits later.
create table live_events (
  seq bigint generated always as identity primary key,
  at timestamptz not null,
  topic text not null check (length(topic) <= 100),
  job_id uuid,
  host_id uuid,
  kind text not null check (length(kind) <= 40),
  data jsonb not null
);
create index live_events_topic on live_events (topic, seq);
create index live_events_at on live_events (at);

create function event_append(topic text, job_id uuid, host_id uuid, kind text, data jsonb) returns bigint
language plpgsql
as $$
declare
  added bigint;
begin
  perform pg_advisory_xact_lock(7204510336001);
  insert into live_events (at, topic, job_id, host_id, kind, data)
  values (app_now(), event_append.topic, event_append.job_id, event_append.host_id, event_append.kind, event_append.data)
  returning seq into added;
  perform pg_notify('event', json_build_object('seq', added)::text);
  return added;
end $$;

-- Mail and whatever else leaves later: written with the change it tells of, sent by somebody else.
create table outbox (
  id bigint generated always as identity primary key,
  kind text not null,
  recipient text not null,
  payload jsonb not null,
  created_at timestamptz not null,
  next_at timestamptz not null,
  attempts int not null default 0,
  sent_at timestamptz,
  last_error text check (length(last_error) <= 2000)
);
create index outbox_due on outbox (next_at) where sent_at is null;

-- Audit ---------------------------------------------------------------------------------------------------------

-- Version 1 is frozen with its first row: hash = SHA-256('patch-manager/audit/v1' || 0 || int8 seq || previous hash
-- || payload), payload = the stored bytes of canonical JSON (RFC 8785). The other columns are copies for searching.
create table audit_log (
  seq bigint primary key,
  at timestamptz not null,
  actor_kind text not null,
  actor_id text,
  actor_name text,
  address text,
  request_id text,
  action text not null,
  object_kind text,
  object_id text,
  outcome text not null,
  payload bytea not null,
  previous_hash bytea not null check (length(previous_hash) = 32),
  hash bytea not null unique check (length(hash) = 32)
);
create index audit_log_at on audit_log (at);
create index audit_log_action on audit_log (action, at);
create index audit_log_object on audit_log (object_id, at);

create table audit_head (
  only_row boolean primary key default true check (only_row),
  seq bigint not null,
  hash bytea not null check (length(hash) = 32)
);
insert into audit_head (seq, hash) values (0, decode(repeat('00', 32), 'hex'));

create table audit_checkpoints (
  seq bigint primary key,
  hash bytea not null check (length(hash) = 32),
  at timestamptz not null,
  key_id text not null,
  signature bytea not null
);

-- The only way to write audit, and the last statement of the transaction that it proves (it holds the head's lock
-- until commit). Runs with the owner's rights: the roles may call it and touch nothing.
create function audit_append(payload bytea) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  head public.audit_head%rowtype;
  entry jsonb := convert_from(payload, 'UTF8')::jsonb;
  next_seq bigint;
  next_hash bytea;
begin
  if length(payload) > 16384 then
    raise exception 'audit payload is % bytes, at most 16384 are taken', length(payload);
  end if;
  -- A fleet role that was taken over must not be able to write that an admin did something. session_user is the login,
  -- which neither this function's rights nor SET ROLE change.
  if session_user = 'patch_fleet' and (entry -> 'actor' ->> 'kind') is distinct from 'system' then
    raise exception 'the fleet role writes audit rows of the system only' using errcode = 'insufficient_privilege';
  end if;
  select * into strict head from public.audit_head for update;
  next_seq := head.seq + 1;
  next_hash := sha256(convert_to('patch-manager/audit/v1', 'UTF8') || '\x00'::bytea || int8send(next_seq) || head.hash || payload);
  insert into public.audit_log
    (seq, at, actor_kind, actor_id, actor_name, address, request_id, action, object_kind, object_id, outcome,
     payload, previous_hash, hash)
  values
    (next_seq, (entry ->> 'time')::timestamptz, entry -> 'actor' ->> 'kind', entry -> 'actor' ->> 'id',
     entry -> 'actor' ->> 'name', entry ->> 'address', entry ->> 'request_id', entry ->> 'action',
     entry -> 'object' ->> 'kind', entry -> 'object' ->> 'id', entry ->> 'outcome', payload, head.hash, next_hash);
  update public.audit_head set seq = next_seq, hash = next_hash;
  return next_seq;
end $$;

-- Liveness ------------------------------------------------------------------------------------------------------

create table worker_heartbeat (
  role text primary key check (role in ('web', 'fleet')),
  instance uuid not null,
  version text not null,
  started_at timestamptz not null,
  beat_at timestamptz not null,
  loops jsonb not null default '{}'
) with (fillfactor = 50);

-- Rights --------------------------------------------------------------------------------------------------------

-- Table by table. The fleet role talks to machines that may be hostile: it reads no user, password, session, key or
-- token, and writes only what it learns from hosts.
revoke execute on function audit_append(bytea) from public;
do $$
begin
  if exists (select from pg_roles where rolname = 'patch_web') then
    grant usage on schema public to patch_web;
    grant select on
      schema_migration, system_config, users, identities, passwords, sessions, login_throttle, ws_tickets, hosts, groups,
      host_groups, user_groups, certificates, enrolment_tokens, enrolment_token_groups, enrolments, host_polls,
      host_health_data, host_patch_data, packages, host_packages, update_offers, host_patches, host_counters,
      patch_jobs, patch_job_hosts, patch_job_patches, job_logs, live_events, outbox, audit_log, audit_head,
      audit_checkpoints, worker_heartbeat
      to patch_web;
    grant insert, update on
      system_config, users, identities, passwords, sessions, login_throttle, ws_tickets, hosts, groups, certificates,
      enrolment_tokens, enrolment_token_groups, enrolments, host_polls, host_patch_data, host_counters, patch_jobs,
      patch_job_hosts, patch_job_patches, outbox, worker_heartbeat
      to patch_web;
    grant insert, delete on host_groups, user_groups to patch_web;
    grant delete on sessions, login_throttle, ws_tickets, host_polls to patch_web;
    grant insert on live_events, audit_checkpoints to patch_web;
    grant execute on function audit_append(bytea) to patch_web;
  end if;
  if exists (select from pg_roles where rolname = 'patch_fleet') then
    grant usage on schema public to patch_fleet;
    grant select on
      schema_migration, system_config, hosts, groups, host_groups, host_polls, host_health_data, host_patch_data,
      packages, host_packages, update_offers, host_patches, host_counters, patch_jobs, patch_job_hosts,
      patch_job_patches, job_logs, live_events, outbox, worker_heartbeat
      to patch_fleet;
    -- Of certificates it needs only what tells that one is revoked.
    grant select (serial, host_id, not_after, revoked_at) on certificates to patch_fleet;
    grant insert, update on
      host_polls, host_health_data, host_patch_data, packages, host_packages, update_offers, host_patches,
      host_counters, job_logs, outbox, worker_heartbeat
      to patch_fleet;
    -- Of jobs it writes what came of them; it can give a job to nobody else.
    grant update (ended_at) on patch_jobs to patch_fleet;
    grant update (
      run_id, attempt, state, lease_until, fence, next_at, communication_failures, agent_job_id, agent_state_id,
      agent_seq, boot_id_before, progress, phase, message, error_code, error, log_bytes, log_start, dispatched_at,
      started_at, ended_at
    ) on patch_job_hosts to patch_fleet;
    grant insert on patch_job_patches to patch_fleet;
    grant update (action, outcome, reason) on patch_job_patches to patch_fleet;
    grant update (
      simulated, os_id, os_name, os_version, kernel, architecture, package_manager, virtualization, agent_name,
      agent_version, boot_id, boot_time, health, health_since, health_reason, not_answering_since, reboot_required,
      reboot_reasons, certificate_expires_at
    ) on hosts to patch_fleet;
    grant delete on host_packages, host_patches, live_events, update_offers, packages to patch_fleet;
    grant insert on live_events to patch_fleet;
    grant execute on function audit_append(bytea) to patch_fleet;
  end if;
end $$;
