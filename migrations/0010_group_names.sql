-- Names of groups are one where only their capitals differ, and capitals are those of Unicode: lower() alone follows
-- the locale of the database, which in C knows A to Z only, so that "ŻÓŁW" and "żółw" could both exist.
-- What is compared is bytes, so that a newer ICU on the machine never puts the index in another order.

-- Of names that are one from now on the oldest group keeps it; the others carry their id until somebody renames them.
update groups g set name = left(g.name, 60) || ' ' || g.id
where exists (
  select from groups o
  where lower(o.name collate "und-x-icu") collate "C" = lower(g.name collate "und-x-icu") collate "C"
    and (o.created_at, o.id) < (g.created_at, g.id)
);

drop index groups_name;
create unique index groups_name on groups ((lower(name collate "und-x-icu") collate "C"));
