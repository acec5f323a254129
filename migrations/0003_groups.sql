-- Groups can be deleted: their memberships go with them, the hosts and users stay.

do $$
begin
  if exists (select from pg_roles where rolname = 'patch_web') then
    grant delete on groups to patch_web;
  end if;
end
$$;
