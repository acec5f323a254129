-- Events of a transaction are appended together, as its last statement: the lock that keeps their numbers in the order of
-- commits is held by every writer in turn, so it must not be held while anything else is done.
drop function event_append(text, uuid, uuid, text, jsonb);

-- Objects with topic, job_id, host_id, kind and data, in the order in which they are to be told. One notification for
-- all: it says that there is something to read, and readers read on from where they were.
create function events_append(events jsonb) returns void
language plpgsql
as $$
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
end $$;
