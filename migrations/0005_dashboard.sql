-- Since when the oldest pending update is known that a vendor calls critical, beside the oldest security one: the
-- dashboard and the list behind its figure read it of every host, and looked through the pending updates for it.
alter table host_counters add column oldest_critical_at timestamptz;

update host_counters c set oldest_critical_at = (
  select min(hp.first_seen_at)
  from host_patches hp join update_offers o on o.id = hp.offer_id
  where hp.host_id = c.host_id and o.severity = 'critical' and o.severity_source not in ('unverified', 'none')
);
