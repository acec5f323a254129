-- What proves the audit log beyond its own chain: markers of what was removed by age, and what verifications found.

-- People search by actor, action and object, newest first, which is by sequence number.
drop index audit_log_action;
drop index audit_log_object;
create index audit_log_action on audit_log (action, seq);
create index audit_log_object on audit_log (object_id, seq);
create index audit_log_actor on audit_log (actor_name, seq);

-- A marker stands for rows that were removed by age: the chain goes on after the row `seq` with the hash `hash`. It is
-- signed like a checkpoint, so that nobody can put one of their own in the place of rows that they removed.
create table audit_markers (
  seq bigint primary key,
  hash bytea not null check (length(hash) = 32),
  at timestamptz not null,
  key_id text not null check (length(key_id) <= 64),
  signature bytea not null
);

-- Runs of the verification, with how far they are.
create table audit_verifications (
  id uuid primary key,
  cause text not null check (cause in ('asked', 'nightly')),
  asked_by text check (length(asked_by) <= 200),
  started_at timestamptz not null,
  beat_at timestamptz not null,
  ended_at timestamptz,
  checked bigint not null default 0,
  total bigint not null default 0,
  verdict jsonb
);
create index audit_verifications_started on audit_verifications (started_at);

-- The only way to remove audit rows: from the start of the chain, none younger than 180 days, and a marker takes their
-- place. The signature cannot be looked at here; the verification does, and a marker that is not ours breaks the chain.
-- app.now is emptied for the transaction, because a caller that may set it could make any row old.
create function audit_prune(through bigint, signed_at timestamptz, key_id text, signature bytea) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
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
end $$;

revoke execute on function audit_prune(bigint, timestamptz, text, bytea) from public;
do $$
begin
  if exists (select from pg_roles where rolname = 'patch_web') then
    grant select on audit_markers to patch_web;
    grant select, insert, update on audit_verifications to patch_web;
    grant execute on function audit_prune(bigint, timestamptz, text, bytea) to patch_web;
  end if;
end $$;
