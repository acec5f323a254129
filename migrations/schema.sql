-- The schema after all migrations. Written by scripts/schema.ts; change a migration, not this file.

-- Tables

create table allowed_networks (
  network cidr not null,
  note text default ''::text not null,
  created_at timestamp with time zone not null,
  created_by uuid
);
create table api_tokens (
  id uuid not null,
  user_id uuid not null,
  name text not null,
  hash bytea not null,
  hint text not null,
  scopes text[] not null,
  group_ids uuid[],
  networks cidr[],
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  last_used_address inet,
  revoked_at timestamp with time zone
);
create table audit_checkpoints (
  seq bigint not null,
  hash bytea not null,
  at timestamp with time zone not null,
  key_id text not null,
  signature bytea not null
);
create table audit_head (
  only_row boolean default true not null,
  seq bigint not null,
  hash bytea not null
);
create table audit_log (
  seq bigint not null,
  at timestamp with time zone not null,
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
  previous_hash bytea not null,
  hash bytea not null
);
create table audit_markers (
  seq bigint not null,
  hash bytea not null,
  at timestamp with time zone not null,
  key_id text not null,
  signature bytea not null
);
create table audit_verifications (
  id uuid not null,
  cause text not null,
  asked_by text,
  started_at timestamp with time zone not null,
  beat_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  checked bigint default 0 not null,
  total bigint default 0 not null,
  verdict jsonb
);
create table certificate_renewals (
  host_id uuid not null,
  state text not null,
  csr text,
  old_certificate_id uuid not null,
  certificate_id uuid,
  certificate_pem text,
  not_after timestamp with time zone,
  attempts integer default 0 not null,
  next_at timestamp with time zone not null,
  lease_until timestamp with time zone,
  error text,
  changed_at timestamp with time zone not null
);
create table certificates (
  id uuid not null,
  kind text not null,
  serial text not null,
  fingerprint text not null,
  subject text not null,
  names text[] default '{}'::text[] not null,
  pem text not null,
  host_id uuid,
  not_before timestamp with time zone not null,
  not_after timestamp with time zone not null,
  issued_at timestamp with time zone not null,
  issued_by uuid,
  replaced_by uuid,
  revoked_at timestamp with time zone,
  revoked_reason text
);
create table enrolment_token_groups (
  token_id uuid not null,
  group_id uuid not null
);
create table enrolment_tokens (
  id uuid not null,
  hash bytea not null,
  label text default ''::text not null,
  created_at timestamp with time zone not null,
  created_by uuid,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  revoked_at timestamp with time zone
);
create table enrolments (
  id uuid not null,
  polling_hash bytea not null,
  machine_hash text not null,
  fqdn text not null,
  address inet not null,
  port integer not null,
  hostname text,
  os_details jsonb default '{}'::jsonb not null,
  csr text,
  source_address inet not null,
  token_id uuid,
  state text not null,
  clone_of uuid,
  decided_at timestamp with time zone,
  decided_by uuid,
  host_id uuid,
  certificate_id uuid,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  collected_at timestamp with time zone
);
create table groups (
  id uuid not null,
  name text not null,
  description text default ''::text not null,
  created_at timestamp with time zone not null,
  created_by uuid
);
create table host_counters (
  host_id uuid not null,
  installed integer default 0 not null,
  pending integer default 0 not null,
  installable integer default 0 not null,
  security integer default 0 not null,
  critical integer default 0 not null,
  high integer default 0 not null,
  medium integer default 0 not null,
  low integer default 0 not null,
  unknown integer default 0 not null,
  held integer default 0 not null,
  phased integer default 0 not null,
  kept_back integer default 0 not null,
  excluded integer default 0 not null,
  blocked integer default 0 not null,
  cves integer default 0 not null,
  oldest_security_at timestamp with time zone,
  pinned integer default 0 not null,
  security_unknown integer default 0 not null,
  oldest_critical_at timestamp with time zone
) with (fillfactor=80);
create table host_groups (
  host_id uuid not null,
  group_id uuid not null
);
create table host_health_data (
  host_id uuid not null,
  received_at timestamp with time zone not null,
  status text not null,
  checks jsonb default '{}'::jsonb not null,
  problems text[] default '{}'::text[] not null,
  uptime_seconds bigint,
  index_refreshed_at timestamp with time zone,
  state_id text
) with (fillfactor=70);
create table host_last_runs (
  host_id uuid not null,
  job_id uuid not null,
  queued_at timestamp with time zone not null
) with (fillfactor=70);
create table host_packages (
  host_id uuid not null,
  package_id bigint not null,
  version text not null,
  held boolean default false not null,
  size_bytes bigint,
  source_package text,
  installed_at timestamp with time zone
);
create table host_patch_data (
  host_id uuid not null,
  received_at timestamp with time zone,
  content_hash bytea,
  patches_etag text,
  packages_etag text,
  index_refreshed_at timestamp with time zone,
  index_error text,
  state text default 'ok'::text not null,
  refused_at timestamp with time zone,
  refused_reason text,
  new_contents integer default 0 not null,
  new_contents_at timestamp with time zone
) with (fillfactor=70);
create table host_patches (
  host_id uuid not null,
  package_id bigint not null,
  offer_id bigint not null,
  current_version text,
  state text not null,
  state_reason text,
  phased_percent integer,
  new_dependencies text[] default '{}'::text[] not null,
  first_seen_at timestamp with time zone not null,
  removes text[] default '{}'::text[] not null,
  reboot_reason text
);
create table host_polls (
  host_id uuid not null,
  kind text not null,
  next_at timestamp with time zone not null,
  lease_until timestamp with time zone,
  failures integer default 0 not null,
  last_at timestamp with time zone,
  last_ok_at timestamp with time zone,
  last_duration_ms integer,
  last_error text,
  requested_at timestamp with time zone,
  requested_max_index_age integer,
  parked_reason text
) with (fillfactor=70);
create table hosts (
  id uuid not null,
  fqdn text not null,
  address inet not null,
  port integer not null,
  tls_name text not null,
  display_name text default ''::text not null,
  machine_hash text,
  simulated boolean default false not null,
  source text not null,
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
  boot_time timestamp with time zone,
  health text default 'pending'::text not null,
  health_since timestamp with time zone not null,
  health_reason text,
  not_answering_since timestamp with time zone,
  reboot_required boolean default false not null,
  reboot_reasons text[] default '{}'::text[] not null,
  certificate_expires_at timestamp with time zone,
  notes text default ''::text not null,
  tags text[] default '{}'::text[] not null,
  created_at timestamp with time zone not null,
  created_by uuid,
  removed_at timestamp with time zone,
  removed_by uuid
);
create table identities (
  id uuid not null,
  user_id uuid not null,
  provider text not null,
  subject text not null,
  created_at timestamp with time zone not null
);
create table job_logs (
  job_id uuid not null,
  host_id uuid not null,
  "position" integer not null,
  text text not null
);
create table live_events (
  seq bigint generated always as identity not null,
  at timestamp with time zone not null,
  topic text not null,
  job_id uuid,
  host_id uuid,
  kind text not null,
  data jsonb not null
);
create table login_networks (
  user_id uuid not null,
  network cidr not null,
  last_success_at timestamp with time zone not null
);
create table login_throttle (
  key text not null,
  failures integer not null,
  blocked_until timestamp with time zone not null,
  changed_at timestamp with time zone not null,
  denied_until timestamp with time zone
);
create table outbox (
  id bigint generated always as identity not null,
  kind text not null,
  recipient text not null,
  payload jsonb not null,
  created_at timestamp with time zone not null,
  next_at timestamp with time zone not null,
  attempts integer default 0 not null,
  sent_at timestamp with time zone,
  last_error text
);
create table packages (
  id bigint generated always as identity not null,
  name text not null,
  arch text default ''::text not null
);
create table passkey_challenges (
  hash bytea not null,
  purpose text not null,
  user_id uuid,
  session_id uuid,
  asker text not null,
  expires_at timestamp with time zone not null
);
create table passkeys (
  id uuid not null,
  user_id uuid not null,
  name text not null,
  credential_id bytea not null,
  public_key bytea not null,
  sign_count bigint not null,
  transports text[] default '{}'::text[] not null,
  backed_up boolean not null,
  verifies_user boolean not null,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone
);
create table passwords (
  user_id uuid not null,
  hash text not null,
  must_change boolean default false not null,
  changed_at timestamp with time zone not null
);
create table patch_job_hosts (
  job_id uuid not null,
  host_id uuid not null,
  wave integer default 1 not null,
  run_id uuid not null,
  attempt integer default 1 not null,
  state text not null,
  lease_until timestamp with time zone,
  fence integer default 0 not null,
  next_at timestamp with time zone not null,
  deadline_at timestamp with time zone not null,
  communication_failures integer default 0 not null,
  agent_job_id text,
  agent_state_id text,
  agent_seq integer default 0 not null,
  boot_id_before text,
  progress integer default 0 not null,
  phase text,
  message text default ''::text not null,
  error_code text,
  error text,
  cancel_requested_at timestamp with time zone,
  log_bytes integer default 0 not null,
  log_start integer default 0 not null,
  queued_at timestamp with time zone not null,
  dispatched_at timestamp with time zone,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  new_packages text[],
  original_agent_job_id text,
  boot_id_after text,
  back_by timestamp with time zone,
  report jsonb,
  ordered_patches integer default 0 not null
) with (fillfactor=80);
create table patch_job_patches (
  job_id uuid not null,
  host_id uuid not null,
  name text not null,
  arch text default ''::text not null,
  from_version text,
  to_version text,
  origin text not null,
  action text default 'upgrade'::text not null,
  outcome text default 'pending'::text not null,
  reason text,
  package_state text,
  output text
);
create table patch_job_results (
  job_id uuid not null,
  state text not null,
  hosts integer not null,
  patches integer not null,
  ended_at timestamp with time zone not null
);
create table patch_jobs (
  id uuid not null,
  kind text not null,
  requested_by uuid not null,
  requested_at timestamp with time zone not null,
  reason text default ''::text not null,
  security_only boolean default false not null,
  reboot text default 'never'::text not null,
  deadline_at timestamp with time zone not null,
  idempotency_key text,
  idempotency_hash bytea,
  cancelled_at timestamp with time zone,
  cancelled_by uuid,
  cancel_reason text,
  ended_at timestamp with time zone,
  reboot_delay_seconds integer default 60 not null,
  original_job_id uuid
);
create table recovery_codes (
  user_id uuid not null,
  hash bytea not null,
  created_at timestamp with time zone not null,
  used_at timestamp with time zone
);
create table revocation_list (
  only_row boolean default true not null,
  crl_pem text not null,
  state text not null,
  changed_at timestamp with time zone not null
);
create table schema_migration (
  id integer not null,
  name text not null,
  sum text not null,
  at timestamp with time zone default clock_timestamp() not null
);
create table sessions (
  id uuid not null,
  user_id uuid not null,
  family uuid not null,
  kind text not null,
  current_hash bytea not null,
  previous_hash bytea,
  rotated_at timestamp with time zone not null,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone not null,
  idle_until timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  reauthenticated_at timestamp with time zone not null,
  address inet,
  user_agent text,
  revoked_at timestamp with time zone,
  revoked_reason text,
  stage text default 'full'::text not null,
  methods text[] default '{}'::text[] not null,
  rotation integer default 0 not null,
  sealed_token bytea,
  name text
);
create table signing_keys (
  kid text not null,
  public_jwk jsonb not null,
  sealed bytea not null,
  created_at timestamp with time zone not null,
  signs_until timestamp with time zone not null,
  verifies_until timestamp with time zone not null
);
create table spent_refresh_tokens (
  hash bytea not null,
  session_id uuid not null
);
create table system_config (
  key text not null,
  value jsonb not null,
  changed_at timestamp with time zone not null,
  changed_by uuid
);
create table totp_secrets (
  user_id uuid not null,
  sealed bytea not null,
  created_at timestamp with time zone not null,
  last_step bigint not null
);
create table update_offers (
  id bigint generated always as identity not null,
  hash bytea not null,
  package_id bigint not null,
  version text not null,
  repositories text[] default '{}'::text[] not null,
  security boolean default false not null,
  security_version text,
  severity text not null,
  severity_source text default 'none'::text not null,
  cve_ids text[] default '{}'::text[] not null,
  cve_source text default 'none'::text not null,
  advisory_ids text[] default '{}'::text[] not null,
  size_bytes bigint,
  installed_size_delta_bytes bigint,
  source_package text,
  description text,
  requires_reboot boolean default false not null,
  first_seen_at timestamp with time zone not null,
  security_known boolean default true not null
);
create table user_groups (
  user_id uuid not null,
  group_id uuid not null
);
create table users (
  id uuid not null,
  username text not null,
  display_name text default ''::text not null,
  email text,
  role text not null,
  disabled_at timestamp with time zone,
  created_at timestamp with time zone not null,
  last_login_at timestamp with time zone
);
create table worker_heartbeat (
  role text not null,
  instance uuid not null,
  version text not null,
  started_at timestamp with time zone not null,
  beat_at timestamp with time zone not null,
  loops jsonb default '{}'::jsonb not null
) with (fillfactor=50);
create table ws_tickets (
  hash bytea not null,
  session_id uuid not null,
  user_id uuid not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone
);

-- Constraints

alter table allowed_networks add constraint allowed_networks_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL;
alter table allowed_networks add constraint allowed_networks_note_check CHECK ((length(note) <= 200));
alter table allowed_networks add constraint allowed_networks_pkey PRIMARY KEY (network);
alter table api_tokens add constraint api_tokens_group_ids_check CHECK (((cardinality(group_ids) >= 1) AND (cardinality(group_ids) <= 100)));
alter table api_tokens add constraint api_tokens_hash_check CHECK ((length(hash) = 32));
alter table api_tokens add constraint api_tokens_hash_key UNIQUE (hash);
alter table api_tokens add constraint api_tokens_hint_check CHECK (((length(hint) >= 4) AND (length(hint) <= 12)));
alter table api_tokens add constraint api_tokens_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)));
alter table api_tokens add constraint api_tokens_networks_check CHECK (((cardinality(networks) >= 1) AND (cardinality(networks) <= 100)));
alter table api_tokens add constraint api_tokens_pkey PRIMARY KEY (id);
alter table api_tokens add constraint api_tokens_scopes_check CHECK (((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 32)));
alter table api_tokens add constraint api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table audit_checkpoints add constraint audit_checkpoints_hash_check CHECK ((length(hash) = 32));
alter table audit_checkpoints add constraint audit_checkpoints_pkey PRIMARY KEY (seq);
alter table audit_head add constraint audit_head_hash_check CHECK ((length(hash) = 32));
alter table audit_head add constraint audit_head_only_row_check CHECK (only_row);
alter table audit_head add constraint audit_head_pkey PRIMARY KEY (only_row);
alter table audit_log add constraint audit_log_hash_check CHECK ((length(hash) = 32));
alter table audit_log add constraint audit_log_hash_key UNIQUE (hash);
alter table audit_log add constraint audit_log_pkey PRIMARY KEY (seq);
alter table audit_log add constraint audit_log_previous_hash_check CHECK ((length(previous_hash) = 32));
alter table audit_markers add constraint audit_markers_hash_check CHECK ((length(hash) = 32));
alter table audit_markers add constraint audit_markers_key_id_check CHECK ((length(key_id) <= 64));
alter table audit_markers add constraint audit_markers_pkey PRIMARY KEY (seq);
alter table audit_verifications add constraint audit_verifications_asked_by_check CHECK ((length(asked_by) <= 200));
alter table audit_verifications add constraint audit_verifications_cause_check CHECK ((cause = ANY (ARRAY['asked'::text, 'nightly'::text])));
alter table audit_verifications add constraint audit_verifications_pkey PRIMARY KEY (id);
alter table certificate_renewals add constraint certificate_renewals_certificate_id_fkey FOREIGN KEY (certificate_id) REFERENCES certificates(id);
alter table certificate_renewals add constraint certificate_renewals_csr_check CHECK ((length(csr) <= 16384));
alter table certificate_renewals add constraint certificate_renewals_error_check CHECK ((length(error) <= 2000));
alter table certificate_renewals add constraint certificate_renewals_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id) ON DELETE CASCADE;
alter table certificate_renewals add constraint certificate_renewals_old_certificate_id_fkey FOREIGN KEY (old_certificate_id) REFERENCES certificates(id);
alter table certificate_renewals add constraint certificate_renewals_pkey PRIMARY KEY (host_id);
alter table certificate_renewals add constraint certificate_renewals_state_check CHECK ((state = ANY (ARRAY['due'::text, 'requested'::text, 'signed'::text, 'installed'::text, 'manual'::text])));
alter table certificates add constraint certificates_fingerprint_key UNIQUE (fingerprint);
alter table certificates add constraint certificates_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id);
alter table certificates add constraint certificates_issued_by_fkey FOREIGN KEY (issued_by) REFERENCES users(id) ON DELETE SET NULL;
alter table certificates add constraint certificates_kind_check CHECK ((kind = ANY (ARRAY['root'::text, 'manager_client'::text, 'ui'::text, 'agent'::text])));
alter table certificates add constraint certificates_pkey PRIMARY KEY (id);
alter table certificates add constraint certificates_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES certificates(id);
alter table certificates add constraint certificates_revoked_reason_check CHECK ((length(revoked_reason) <= 500));
alter table certificates add constraint certificates_serial_key UNIQUE (serial);
alter table enrolment_token_groups add constraint enrolment_token_groups_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(id) ON DELETE CASCADE;
alter table enrolment_token_groups add constraint enrolment_token_groups_pkey PRIMARY KEY (token_id, group_id);
alter table enrolment_token_groups add constraint enrolment_token_groups_token_id_fkey FOREIGN KEY (token_id) REFERENCES enrolment_tokens(id) ON DELETE CASCADE;
alter table enrolment_tokens add constraint enrolment_tokens_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL;
alter table enrolment_tokens add constraint enrolment_tokens_hash_key UNIQUE (hash);
alter table enrolment_tokens add constraint enrolment_tokens_label_check CHECK ((length(label) <= 200));
alter table enrolment_tokens add constraint enrolment_tokens_pkey PRIMARY KEY (id);
alter table enrolments add constraint enrolments_certificate_id_fkey FOREIGN KEY (certificate_id) REFERENCES certificates(id);
alter table enrolments add constraint enrolments_clone_of_fkey FOREIGN KEY (clone_of) REFERENCES hosts(id);
alter table enrolments add constraint enrolments_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES users(id) ON DELETE SET NULL;
alter table enrolments add constraint enrolments_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id);
alter table enrolments add constraint enrolments_pkey PRIMARY KEY (id);
alter table enrolments add constraint enrolments_polling_hash_key UNIQUE (polling_hash);
alter table enrolments add constraint enrolments_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'approved'::text, 'denied'::text, 'collected'::text, 'expired'::text])));
alter table enrolments add constraint enrolments_token_id_fkey FOREIGN KEY (token_id) REFERENCES enrolment_tokens(id) ON DELETE SET NULL;
alter table groups add constraint groups_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL;
alter table groups add constraint groups_description_check CHECK ((length(description) <= 1000));
alter table groups add constraint groups_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)));
alter table groups add constraint groups_pkey PRIMARY KEY (id);
alter table host_counters add constraint host_counters_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id) ON DELETE CASCADE;
alter table host_counters add constraint host_counters_pkey PRIMARY KEY (host_id);
alter table host_groups add constraint host_groups_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(id) ON DELETE CASCADE;
alter table host_groups add constraint host_groups_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id) ON DELETE CASCADE;
alter table host_groups add constraint host_groups_pkey PRIMARY KEY (host_id, group_id);
alter table host_health_data add constraint host_health_data_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id) ON DELETE CASCADE;
alter table host_health_data add constraint host_health_data_pkey PRIMARY KEY (host_id);
alter table host_last_runs add constraint host_last_runs_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id) ON DELETE CASCADE;
alter table host_last_runs add constraint host_last_runs_pkey PRIMARY KEY (host_id);
alter table host_packages add constraint host_packages_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id) ON DELETE CASCADE;
alter table host_packages add constraint host_packages_package_id_fkey FOREIGN KEY (package_id) REFERENCES packages(id);
alter table host_packages add constraint host_packages_pkey PRIMARY KEY (host_id, package_id);
alter table host_patch_data add constraint host_patch_data_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id) ON DELETE CASCADE;
alter table host_patch_data add constraint host_patch_data_index_error_check CHECK ((length(index_error) <= 2048));
alter table host_patch_data add constraint host_patch_data_new_contents_check CHECK ((new_contents >= 0));
alter table host_patch_data add constraint host_patch_data_pkey PRIMARY KEY (host_id);
alter table host_patch_data add constraint host_patch_data_refused_reason_check CHECK ((length(refused_reason) <= 2000));
alter table host_patch_data add constraint host_patch_data_state_check CHECK ((state = ANY (ARRAY['ok'::text, 'interrupted'::text, 'broken'::text, 'locked'::text])));
alter table host_patches add constraint host_patches_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id) ON DELETE CASCADE;
alter table host_patches add constraint host_patches_offer_id_fkey FOREIGN KEY (offer_id) REFERENCES update_offers(id);
alter table host_patches add constraint host_patches_package_id_fkey FOREIGN KEY (package_id) REFERENCES packages(id);
alter table host_patches add constraint host_patches_pkey PRIMARY KEY (host_id, package_id);
alter table host_patches add constraint host_patches_reboot_reason_check CHECK ((length(reboot_reason) <= 512));
alter table host_patches add constraint host_patches_state_check CHECK ((state = ANY (ARRAY['installable'::text, 'held'::text, 'phased'::text, 'kept_back'::text, 'pinned'::text, 'excluded'::text, 'blocked'::text])));
alter table host_patches add constraint host_patches_state_reason_check CHECK ((length(state_reason) <= 512));
alter table host_polls add constraint host_polls_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id) ON DELETE CASCADE;
alter table host_polls add constraint host_polls_kind_check CHECK ((kind = ANY (ARRAY['health'::text, 'patches'::text])));
alter table host_polls add constraint host_polls_last_error_check CHECK ((length(last_error) <= 2000));
alter table host_polls add constraint host_polls_parked_reason_check CHECK ((length(parked_reason) <= 2000));
alter table host_polls add constraint host_polls_pkey PRIMARY KEY (host_id, kind);
alter table hosts add constraint hosts_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL;
alter table hosts add constraint hosts_display_name_check CHECK ((length(display_name) <= 200));
alter table hosts add constraint hosts_fqdn_check CHECK (((length(fqdn) >= 1) AND (length(fqdn) <= 253)));
alter table hosts add constraint hosts_health_check CHECK ((health = ANY (ARRAY['pending'::text, 'healthy'::text, 'degraded'::text, 'unreachable'::text])));
alter table hosts add constraint hosts_health_reason_check CHECK ((length(health_reason) <= 2000));
alter table hosts add constraint hosts_machine_hash_check CHECK ((length(machine_hash) <= 128));
alter table hosts add constraint hosts_notes_check CHECK ((length(notes) <= 10000));
alter table hosts add constraint hosts_pkey PRIMARY KEY (id);
alter table hosts add constraint hosts_port_check CHECK (((port >= 1) AND (port <= 65535)));
alter table hosts add constraint hosts_removed_by_fkey FOREIGN KEY (removed_by) REFERENCES users(id) ON DELETE SET NULL;
alter table hosts add constraint hosts_source_check CHECK ((source = ANY (ARRAY['manual'::text, 'enrolment'::text])));
alter table hosts add constraint hosts_tls_name_check CHECK (((length(tls_name) >= 1) AND (length(tls_name) <= 253)));
alter table identities add constraint identities_pkey PRIMARY KEY (id);
alter table identities add constraint identities_provider_subject_key UNIQUE (provider, subject);
alter table identities add constraint identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table job_logs add constraint job_logs_job_id_host_id_fkey FOREIGN KEY (job_id, host_id) REFERENCES patch_job_hosts(job_id, host_id) ON DELETE CASCADE;
alter table job_logs add constraint job_logs_pkey PRIMARY KEY (job_id, host_id, "position");
alter table live_events add constraint live_events_kind_check CHECK ((length(kind) <= 40));
alter table live_events add constraint live_events_pkey PRIMARY KEY (seq);
alter table live_events add constraint live_events_topic_check CHECK ((length(topic) <= 100));
alter table login_networks add constraint login_networks_pkey PRIMARY KEY (user_id, network);
alter table login_networks add constraint login_networks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table login_throttle add constraint login_throttle_pkey PRIMARY KEY (key);
alter table outbox add constraint outbox_last_error_check CHECK ((length(last_error) <= 2000));
alter table outbox add constraint outbox_pkey PRIMARY KEY (id);
alter table packages add constraint packages_name_arch_key UNIQUE (name, arch);
alter table packages add constraint packages_pkey PRIMARY KEY (id);
alter table passkey_challenges add constraint passkey_challenges_hash_check CHECK ((length(hash) = 32));
alter table passkey_challenges add constraint passkey_challenges_pkey PRIMARY KEY (hash);
alter table passkey_challenges add constraint passkey_challenges_purpose_check CHECK ((purpose = ANY (ARRAY['register'::text, 'login'::text, 'factor'::text, 'confirm'::text])));
alter table passkey_challenges add constraint passkey_challenges_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE;
alter table passkey_challenges add constraint passkey_challenges_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table passkeys add constraint passkeys_credential_id_check CHECK ((length(credential_id) <= 1023));
alter table passkeys add constraint passkeys_credential_id_key UNIQUE (credential_id);
alter table passkeys add constraint passkeys_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)));
alter table passkeys add constraint passkeys_pkey PRIMARY KEY (id);
alter table passkeys add constraint passkeys_public_key_check CHECK ((length(public_key) <= 4096));
alter table passkeys add constraint passkeys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table passwords add constraint passwords_pkey PRIMARY KEY (user_id);
alter table passwords add constraint passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table patch_job_hosts add constraint patch_job_hosts_error_check CHECK ((length(error) <= 8192));
alter table patch_job_hosts add constraint patch_job_hosts_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id);
alter table patch_job_hosts add constraint patch_job_hosts_job_id_fkey FOREIGN KEY (job_id) REFERENCES patch_jobs(id) ON DELETE CASCADE;
alter table patch_job_hosts add constraint patch_job_hosts_message_check CHECK ((length(message) <= 4096));
alter table patch_job_hosts add constraint patch_job_hosts_ordered_patches_check CHECK ((ordered_patches >= 0));
alter table patch_job_hosts add constraint patch_job_hosts_pkey PRIMARY KEY (job_id, host_id);
alter table patch_job_hosts add constraint patch_job_hosts_progress_check CHECK (((progress >= 0) AND (progress <= 100)));
alter table patch_job_hosts add constraint patch_job_hosts_run_id_key UNIQUE (run_id);
alter table patch_job_hosts add constraint patch_job_hosts_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'waiting'::text, 'dispatching'::text, 'running'::text, 'verifying'::text, 'rebooting'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text, 'missed'::text, 'rolled_back'::text, 'unknown'::text])));
alter table patch_job_patches add constraint patch_job_patches_action_check CHECK ((action = ANY (ARRAY['upgrade'::text, 'install'::text, 'remove'::text, 'downgrade'::text])));
alter table patch_job_patches add constraint patch_job_patches_job_id_host_id_fkey FOREIGN KEY (job_id, host_id) REFERENCES patch_job_hosts(job_id, host_id) ON DELETE CASCADE;
alter table patch_job_patches add constraint patch_job_patches_origin_check CHECK ((origin = ANY (ARRAY['ordered'::text, 'dependency'::text])));
alter table patch_job_patches add constraint patch_job_patches_outcome_check CHECK ((outcome = ANY (ARRAY['pending'::text, 'applied'::text, 'would_apply'::text, 'failed'::text, 'unchanged'::text])));
alter table patch_job_patches add constraint patch_job_patches_output_check CHECK ((length(output) <= 4096));
alter table patch_job_patches add constraint patch_job_patches_package_state_check CHECK ((length(package_state) <= 128));
alter table patch_job_patches add constraint patch_job_patches_pkey PRIMARY KEY (job_id, host_id, name, arch);
alter table patch_job_patches add constraint patch_job_patches_reason_check CHECK ((length(reason) <= 2048));
alter table patch_job_results add constraint patch_job_results_hosts_check CHECK ((hosts > 0));
alter table patch_job_results add constraint patch_job_results_job_id_fkey FOREIGN KEY (job_id) REFERENCES patch_jobs(id) ON DELETE CASCADE;
alter table patch_job_results add constraint patch_job_results_patches_check CHECK ((patches >= 0));
alter table patch_job_results add constraint patch_job_results_pkey PRIMARY KEY (job_id, state);
alter table patch_job_results add constraint patch_job_results_state_check CHECK ((state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text, 'missed'::text, 'rolled_back'::text, 'unknown'::text])));
alter table patch_jobs add constraint patch_jobs_cancel_reason_check CHECK ((length(cancel_reason) <= 1000));
alter table patch_jobs add constraint patch_jobs_cancelled_by_fkey FOREIGN KEY (cancelled_by) REFERENCES users(id);
alter table patch_jobs add constraint patch_jobs_idempotency_key_check CHECK ((length(idempotency_key) <= 128));
alter table patch_jobs add constraint patch_jobs_kind_check CHECK ((kind = ANY (ARRAY['apply'::text, 'dry_run'::text, 'repair'::text, 'rollback'::text, 'reboot'::text])));
alter table patch_jobs add constraint patch_jobs_original_job_id_fkey FOREIGN KEY (original_job_id) REFERENCES patch_jobs(id);
alter table patch_jobs add constraint patch_jobs_pkey PRIMARY KEY (id);
alter table patch_jobs add constraint patch_jobs_reason_check CHECK ((length(reason) <= 1000));
alter table patch_jobs add constraint patch_jobs_reboot_check CHECK ((reboot = ANY (ARRAY['never'::text, 'needed'::text, 'always'::text])));
alter table patch_jobs add constraint patch_jobs_reboot_delay_seconds_check CHECK (((reboot_delay_seconds >= 0) AND (reboot_delay_seconds <= 86400)));
alter table patch_jobs add constraint patch_jobs_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES users(id);
alter table patch_jobs add constraint patch_jobs_requested_by_idempotency_key_key UNIQUE (requested_by, idempotency_key);
alter table recovery_codes add constraint recovery_codes_hash_check CHECK ((length(hash) = 32));
alter table recovery_codes add constraint recovery_codes_pkey PRIMARY KEY (user_id, hash);
alter table recovery_codes add constraint recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table revocation_list add constraint revocation_list_only_row_check CHECK (only_row);
alter table revocation_list add constraint revocation_list_pkey PRIMARY KEY (only_row);
alter table schema_migration add constraint schema_migration_pkey PRIMARY KEY (id);
alter table sessions add constraint sessions_current_hash_key UNIQUE (current_hash);
alter table sessions add constraint sessions_kind_check CHECK ((kind = ANY (ARRAY['browser'::text, 'api'::text, 'wall'::text])));
alter table sessions add constraint sessions_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)));
alter table sessions add constraint sessions_pkey PRIMARY KEY (id);
alter table sessions add constraint sessions_previous_hash_key UNIQUE (previous_hash);
alter table sessions add constraint sessions_stage_check CHECK ((stage = ANY (ARRAY['factor'::text, 'enrol'::text, 'full'::text])));
alter table sessions add constraint sessions_user_agent_check CHECK ((length(user_agent) <= 400));
alter table sessions add constraint sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table signing_keys add constraint signing_keys_check CHECK ((verifies_until > signs_until));
alter table signing_keys add constraint signing_keys_kid_check CHECK ((length(kid) <= 64));
alter table signing_keys add constraint signing_keys_pkey PRIMARY KEY (kid);
alter table spent_refresh_tokens add constraint spent_refresh_tokens_hash_check CHECK ((length(hash) = 32));
alter table spent_refresh_tokens add constraint spent_refresh_tokens_pkey PRIMARY KEY (hash);
alter table spent_refresh_tokens add constraint spent_refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE;
alter table system_config add constraint system_config_pkey PRIMARY KEY (key);
alter table totp_secrets add constraint totp_secrets_pkey PRIMARY KEY (user_id);
alter table totp_secrets add constraint totp_secrets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table update_offers add constraint update_offers_hash_key UNIQUE (hash);
alter table update_offers add constraint update_offers_package_id_fkey FOREIGN KEY (package_id) REFERENCES packages(id);
alter table update_offers add constraint update_offers_pkey PRIMARY KEY (id);
alter table update_offers add constraint update_offers_severity_check CHECK ((severity = ANY (ARRAY['critical'::text, 'high'::text, 'medium'::text, 'low'::text, 'unknown'::text])));
alter table user_groups add constraint user_groups_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(id) ON DELETE CASCADE;
alter table user_groups add constraint user_groups_pkey PRIMARY KEY (user_id, group_id);
alter table user_groups add constraint user_groups_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table users add constraint users_display_name_check CHECK ((length(display_name) <= 200));
alter table users add constraint users_email_check CHECK ((length(email) <= 320));
alter table users add constraint users_pkey PRIMARY KEY (id);
alter table users add constraint users_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'operator'::text, 'auditor'::text])));
alter table users add constraint users_username_check CHECK ((username ~ '^[a-z0-9][a-z0-9._@+-]{0,63}$'::text));
alter table worker_heartbeat add constraint worker_heartbeat_pkey PRIMARY KEY (role);
alter table worker_heartbeat add constraint worker_heartbeat_role_check CHECK ((role = ANY (ARRAY['web'::text, 'fleet'::text])));
alter table ws_tickets add constraint ws_tickets_pkey PRIMARY KEY (hash);
alter table ws_tickets add constraint ws_tickets_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE;
alter table ws_tickets add constraint ws_tickets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

-- Indexes

CREATE INDEX api_tokens_user ON public.api_tokens USING btree (user_id);
CREATE INDEX audit_log_action ON public.audit_log USING btree (action, seq);
CREATE INDEX audit_log_actor ON public.audit_log USING btree (actor_name, seq);
CREATE INDEX audit_log_at ON public.audit_log USING btree (at);
CREATE INDEX audit_log_object ON public.audit_log USING btree (object_id, seq);
CREATE INDEX audit_verifications_started ON public.audit_verifications USING btree (started_at);
CREATE INDEX certificate_renewals_due ON public.certificate_renewals USING btree (next_at) WHERE (state = ANY (ARRAY['due'::text, 'signed'::text, 'manual'::text]));
CREATE INDEX certificates_host ON public.certificates USING btree (host_id);
CREATE INDEX certificates_revoked ON public.certificates USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);
CREATE INDEX enrolments_pending ON public.enrolments USING btree (created_at) WHERE (state = 'pending'::text);
CREATE INDEX host_groups_group ON public.host_groups USING btree (group_id);
CREATE INDEX host_packages_package ON public.host_packages USING btree (package_id);
CREATE INDEX host_patches_offer ON public.host_patches USING btree (offer_id);
CREATE INDEX host_patches_package ON public.host_patches USING btree (package_id);
CREATE INDEX host_polls_due ON public.host_polls USING btree (next_at) WHERE (parked_reason IS NULL);
CREATE INDEX host_polls_parked ON public.host_polls USING btree (host_id) WHERE (parked_reason IS NOT NULL);
CREATE INDEX hosts_health ON public.hosts USING btree (health) WHERE (removed_at IS NULL);
CREATE INDEX live_events_at ON public.live_events USING btree (at);
CREATE INDEX live_events_topic ON public.live_events USING btree (topic, seq);
CREATE INDEX login_networks_network ON public.login_networks USING btree (network);
CREATE INDEX outbox_due ON public.outbox USING btree (next_at) WHERE (sent_at IS NULL);
CREATE INDEX passkey_challenges_asker ON public.passkey_challenges USING btree (asker, expires_at);
CREATE INDEX passkey_challenges_expiry ON public.passkey_challenges USING btree (expires_at);
CREATE INDEX passkeys_user ON public.passkeys USING btree (user_id);
CREATE INDEX patch_job_hosts_bad ON public.patch_job_hosts USING btree (host_id, job_id) INCLUDE (state, ended_at) WHERE (state = ANY (ARRAY['failed'::text, 'unknown'::text, 'missed'::text]));
CREATE INDEX patch_job_hosts_due ON public.patch_job_hosts USING btree (next_at) WHERE (state = ANY (ARRAY['queued'::text, 'waiting'::text, 'dispatching'::text, 'running'::text, 'verifying'::text, 'rebooting'::text]));
CREATE INDEX patch_job_hosts_host ON public.patch_job_hosts USING btree (host_id, queued_at DESC);
CREATE INDEX patch_jobs_original ON public.patch_jobs USING btree (original_job_id) WHERE (original_job_id IS NOT NULL);
CREATE INDEX patch_jobs_recent ON public.patch_jobs USING btree (requested_at DESC);
CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at);
CREATE INDEX sessions_user ON public.sessions USING btree (user_id) WHERE (revoked_at IS NULL);
CREATE INDEX spent_refresh_tokens_session ON public.spent_refresh_tokens USING btree (session_id);
CREATE INDEX update_offers_cves ON public.update_offers USING gin (cve_ids);
CREATE INDEX update_offers_package ON public.update_offers USING btree (package_id);
CREATE INDEX user_groups_group ON public.user_groups USING btree (group_id);
CREATE UNIQUE INDEX enrolments_machine ON public.enrolments USING btree (machine_hash, address, port) WHERE (state = 'pending'::text);
CREATE UNIQUE INDEX groups_name ON public.groups USING btree (lower((name COLLATE "und-x-icu")) COLLATE "C");
CREATE UNIQUE INDEX hosts_address ON public.hosts USING btree (address, port) WHERE (removed_at IS NULL);
CREATE UNIQUE INDEX hosts_fqdn ON public.hosts USING btree (lower(fqdn)) WHERE (removed_at IS NULL);
CREATE UNIQUE INDEX hosts_machine ON public.hosts USING btree (machine_hash) WHERE (removed_at IS NULL);
CREATE UNIQUE INDEX patch_job_hosts_running ON public.patch_job_hosts USING btree (host_id) WHERE (state = ANY (ARRAY['dispatching'::text, 'running'::text, 'verifying'::text, 'rebooting'::text]));
CREATE UNIQUE INDEX users_username ON public.users USING btree (username);

-- Functions

CREATE OR REPLACE FUNCTION public.app_now()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ select coalesce(nullif(current_setting('app.now', true), '')::timestamptz, clock_timestamp()) $function$;
CREATE OR REPLACE FUNCTION public.audit_append(payload bytea)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
end $function$;
CREATE OR REPLACE FUNCTION public.audit_prune(through bigint, signed_at timestamp with time zone, key_id text, signature bytea)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  mark bytea;
  removed bigint;
begin
  perform set_config('app.now', '', true);
  select hash into mark from public.audit_log where seq = through;
  if mark is null then
    raise exception 'there is no audit row %', through;
  end if;
  if exists (
    select from public.audit_log where seq <= through and at >= public.app_now() - interval '180 days'
  ) then
    raise exception 'audit rows younger than 180 days stay' using errcode = 'insufficient_privilege';
  end if;
  insert into public.audit_markers (seq, hash, at, key_id, signature)
  values (through, mark, signed_at, key_id, signature);
  delete from public.audit_log where seq <= through;
  get diagnostics removed = row_count;
  delete from public.audit_checkpoints where seq < through;
  return removed;
end $function$;
CREATE OR REPLACE FUNCTION public.events_append(events jsonb)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  last bigint;
begin
  perform pg_advisory_xact_lock(7204510336001);
  with added as (
    insert into live_events (at, topic, job_id, host_id, kind, data)
    select app_now(), e.topic, e.job_id, e.host_id, e.kind, e.data
    from rows from (
      jsonb_to_recordset(events) as (topic text, job_id uuid, host_id uuid, kind text, data jsonb)
    ) with ordinality as e (topic, job_id, host_id, kind, data, place)
    order by e.place
    returning seq
  )
  select max(seq) into last from added;
  perform pg_notify('event', json_build_object('seq', last)::text);
end $function$;
CREATE OR REPLACE FUNCTION public.host_compliance(received_at timestamp with time zone, index_refreshed_at timestamp with time zone, state text, security integer, security_unknown integer, reboot_required boolean, oldest_report timestamp with time zone, oldest_index timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select case
    when received_at is null then 'unknown'
    when received_at < oldest_report then 'stale'
    when index_refreshed_at is null or index_refreshed_at < oldest_index then 'stale'
    when state <> 'ok' or security > 0 or reboot_required then 'not_compliant'
    when security_unknown > 0 then 'unknown'
    else 'compliant'
  end
$function$;
CREATE OR REPLACE FUNCTION public.oldest_index()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ select app_now() - interval '48 hours' $function$;
CREATE OR REPLACE FUNCTION public.oldest_report()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ select app_now() - interval '2 hours' $function$;
CREATE OR REPLACE FUNCTION public.visible_host_rows(viewer uuid)
 RETURNS SETOF hosts
 LANGUAGE sql
 STABLE
AS $function$
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
$function$;
CREATE OR REPLACE FUNCTION public.visible_hosts(viewer uuid)
 RETURNS TABLE(host_id uuid)
 LANGUAGE sql
 STABLE
AS $function$ select h.id from visible_host_rows(viewer) h $function$;
CREATE OR REPLACE FUNCTION public.who_sees(viewer uuid)
 RETURNS TABLE(user_id uuid, role text, group_ids uuid[])
 LANGUAGE sql
 STABLE
AS $function$
  select u.id, u.role, null::uuid[] from users u where u.id = viewer and u.disabled_at is null
  union all
  select u.id, u.role, t.group_ids from api_tokens t join users u on u.id = t.user_id
  where t.id = viewer and t.revoked_at is null and t.expires_at > app_now() and u.disabled_at is null
$function$;

-- Rights

grant delete, insert, select on table host_groups to patch_web;
grant delete, insert, select on table live_events to patch_fleet;
grant delete, insert, select on table user_groups to patch_web;
grant delete, insert, select, update on table allowed_networks to patch_web;
grant delete, insert, select, update on table api_tokens to patch_web;
grant delete, insert, select, update on table certificate_renewals to patch_web;
grant delete, insert, select, update on table groups to patch_web;
grant delete, insert, select, update on table host_packages to patch_fleet;
grant delete, insert, select, update on table host_patches to patch_fleet;
grant delete, insert, select, update on table host_polls to patch_web;
grant delete, insert, select, update on table identities to patch_web;
grant delete, insert, select, update on table login_networks to patch_web;
grant delete, insert, select, update on table login_throttle to patch_web;
grant delete, insert, select, update on table packages to patch_fleet;
grant delete, insert, select, update on table passkey_challenges to patch_web;
grant delete, insert, select, update on table passkeys to patch_web;
grant delete, insert, select, update on table passwords to patch_web;
grant delete, insert, select, update on table recovery_codes to patch_web;
grant delete, insert, select, update on table sessions to patch_web;
grant delete, insert, select, update on table signing_keys to patch_web;
grant delete, insert, select, update on table spent_refresh_tokens to patch_web;
grant delete, insert, select, update on table totp_secrets to patch_web;
grant delete, insert, select, update on table update_offers to patch_fleet;
grant delete, insert, select, update on table users to patch_web;
grant delete, insert, select, update on table ws_tickets to patch_web;
grant execute on function app_now() to public;
grant execute on function audit_append(bytea) to patch_fleet;
grant execute on function audit_append(bytea) to patch_web;
grant execute on function audit_prune(bigint,timestamp with time zone,text,bytea) to patch_web;
grant execute on function events_append(jsonb) to public;
grant execute on function host_compliance(timestamp with time zone,timestamp with time zone,text,integer,integer,boolean,timestamp with time zone,timestamp with time zone) to public;
grant execute on function oldest_index() to public;
grant execute on function oldest_report() to public;
grant execute on function visible_host_rows(uuid) to public;
grant execute on function visible_hosts(uuid) to public;
grant execute on function who_sees(uuid) to public;
grant insert, select on table audit_checkpoints to patch_web;
grant insert, select on table live_events to patch_web;
grant insert, select on table patch_job_patches to patch_fleet;
grant insert, select on table patch_job_results to patch_fleet;
grant insert, select on table patch_job_results to patch_web;
grant insert, select, update on table audit_verifications to patch_web;
grant insert, select, update on table certificates to patch_web;
grant insert, select, update on table enrolment_token_groups to patch_web;
grant insert, select, update on table enrolment_tokens to patch_web;
grant insert, select, update on table enrolments to patch_web;
grant insert, select, update on table host_counters to patch_fleet;
grant insert, select, update on table host_counters to patch_web;
grant insert, select, update on table host_health_data to patch_fleet;
grant insert, select, update on table host_last_runs to patch_web;
grant insert, select, update on table host_patch_data to patch_fleet;
grant insert, select, update on table host_patch_data to patch_web;
grant insert, select, update on table host_polls to patch_fleet;
grant insert, select, update on table hosts to patch_web;
grant insert, select, update on table job_logs to patch_fleet;
grant insert, select, update on table outbox to patch_fleet;
grant insert, select, update on table outbox to patch_web;
grant insert, select, update on table patch_job_hosts to patch_web;
grant insert, select, update on table patch_job_patches to patch_web;
grant insert, select, update on table patch_jobs to patch_web;
grant insert, select, update on table revocation_list to patch_web;
grant insert, select, update on table system_config to patch_web;
grant insert, select, update on table worker_heartbeat to patch_fleet;
grant insert, select, update on table worker_heartbeat to patch_web;
grant select on table audit_head to patch_web;
grant select on table audit_log to patch_web;
grant select on table audit_markers to patch_web;
grant select on table certificate_renewals to patch_fleet;
grant select on table certificates (host_id) to patch_fleet;
grant select on table certificates (not_after) to patch_fleet;
grant select on table certificates (revoked_at) to patch_fleet;
grant select on table certificates (serial) to patch_fleet;
grant select on table groups to patch_fleet;
grant select on table host_groups to patch_fleet;
grant select on table host_health_data to patch_web;
grant select on table host_last_runs to patch_fleet;
grant select on table host_packages to patch_web;
grant select on table host_patches to patch_web;
grant select on table hosts to patch_fleet;
grant select on table job_logs to patch_web;
grant select on table packages to patch_web;
grant select on table patch_job_hosts to patch_fleet;
grant select on table patch_jobs to patch_fleet;
grant select on table revocation_list to patch_fleet;
grant select on table schema_migration to patch_fleet;
grant select on table schema_migration to patch_web;
grant select on table schema_migration to public;
grant select on table system_config to patch_fleet;
grant select on table update_offers to patch_web;
grant update on table certificate_renewals (attempts) to patch_fleet;
grant update on table certificate_renewals (changed_at) to patch_fleet;
grant update on table certificate_renewals (csr) to patch_fleet;
grant update on table certificate_renewals (error) to patch_fleet;
grant update on table certificate_renewals (lease_until) to patch_fleet;
grant update on table certificate_renewals (next_at) to patch_fleet;
grant update on table certificate_renewals (state) to patch_fleet;
grant update on table hosts (agent_name) to patch_fleet;
grant update on table hosts (agent_version) to patch_fleet;
grant update on table hosts (architecture) to patch_fleet;
grant update on table hosts (boot_id) to patch_fleet;
grant update on table hosts (boot_time) to patch_fleet;
grant update on table hosts (certificate_expires_at) to patch_fleet;
grant update on table hosts (health) to patch_fleet;
grant update on table hosts (health_reason) to patch_fleet;
grant update on table hosts (health_since) to patch_fleet;
grant update on table hosts (kernel) to patch_fleet;
grant update on table hosts (not_answering_since) to patch_fleet;
grant update on table hosts (os_id) to patch_fleet;
grant update on table hosts (os_name) to patch_fleet;
grant update on table hosts (os_version) to patch_fleet;
grant update on table hosts (package_manager) to patch_fleet;
grant update on table hosts (reboot_reasons) to patch_fleet;
grant update on table hosts (reboot_required) to patch_fleet;
grant update on table hosts (simulated) to patch_fleet;
grant update on table hosts (virtualization) to patch_fleet;
grant update on table patch_job_hosts (agent_job_id) to patch_fleet;
grant update on table patch_job_hosts (agent_seq) to patch_fleet;
grant update on table patch_job_hosts (agent_state_id) to patch_fleet;
grant update on table patch_job_hosts (attempt) to patch_fleet;
grant update on table patch_job_hosts (back_by) to patch_fleet;
grant update on table patch_job_hosts (boot_id_after) to patch_fleet;
grant update on table patch_job_hosts (boot_id_before) to patch_fleet;
grant update on table patch_job_hosts (communication_failures) to patch_fleet;
grant update on table patch_job_hosts (dispatched_at) to patch_fleet;
grant update on table patch_job_hosts (ended_at) to patch_fleet;
grant update on table patch_job_hosts (error) to patch_fleet;
grant update on table patch_job_hosts (error_code) to patch_fleet;
grant update on table patch_job_hosts (fence) to patch_fleet;
grant update on table patch_job_hosts (lease_until) to patch_fleet;
grant update on table patch_job_hosts (log_bytes) to patch_fleet;
grant update on table patch_job_hosts (log_start) to patch_fleet;
grant update on table patch_job_hosts (message) to patch_fleet;
grant update on table patch_job_hosts (next_at) to patch_fleet;
grant update on table patch_job_hosts (phase) to patch_fleet;
grant update on table patch_job_hosts (progress) to patch_fleet;
grant update on table patch_job_hosts (report) to patch_fleet;
grant update on table patch_job_hosts (run_id) to patch_fleet;
grant update on table patch_job_hosts (started_at) to patch_fleet;
grant update on table patch_job_hosts (state) to patch_fleet;
grant update on table patch_job_patches (action) to patch_fleet;
grant update on table patch_job_patches (outcome) to patch_fleet;
grant update on table patch_job_patches (output) to patch_fleet;
grant update on table patch_job_patches (package_state) to patch_fleet;
grant update on table patch_job_patches (reason) to patch_fleet;
grant update on table patch_jobs (ended_at) to patch_fleet;
grant usage on schema public to patch_fleet;
grant usage on schema public to patch_web;
grant usage on schema public to public;
