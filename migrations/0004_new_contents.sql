-- How many packages and updates a host has named that nobody had before: see core/patches/allowance.ts.

alter table host_patch_data add column new_contents int not null default 0 check (new_contents >= 0);
-- When that number was right; it falls with time.
alter table host_patch_data add column new_contents_at timestamptz;
