-- The fleet role talks to machines that may be hostile. What it writes about jobs is what came of them, and what it
-- writes into the audit log is what our own loops did: a fleet role that was taken over must not be able to give a
-- job to somebody else, or to write that an admin did something.

create or replace function audit_append(payload bytea) returns bigint
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
  -- session_user is the login, which neither this function's rights nor SET ROLE change.
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

do $$
begin
  if exists (select from pg_roles where rolname = 'patch_fleet') then
    revoke update on patch_jobs, patch_job_hosts, patch_job_patches from patch_fleet;
    grant update (ended_at) on patch_jobs to patch_fleet;
    grant update (
      run_id, attempt, state, lease_until, fence, next_at, communication_failures, agent_job_id, agent_state_id,
      agent_seq, boot_id_before, progress, phase, message, error_code, error, log_bytes, log_start, dispatched_at,
      started_at, ended_at
    ) on patch_job_hosts to patch_fleet;
    grant update (action, outcome, reason) on patch_job_patches to patch_fleet;
  end if;
end $$;
