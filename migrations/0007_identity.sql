-- Who may do what: second factors, signed access tokens, API tokens, addresses that may come in.

-- How far a sign-in has come. factor: the password was right, the second factor is still asked for. enrol: there is no
-- second factor yet, and nothing but setting one up is open. full: everything that the role allows.
alter table sessions
  add column stage text not null default 'full' check (stage in ('factor', 'enrol', 'full')),
  -- What was proven, in the words of RFC 8176: pwd, otp, hwk, swk, user, rc (our word for a recovery code).
  add column methods text[] not null default '{}',
  -- Refresh tokens handed out so far. An access token says with which of them it came.
  add column rotation int not null default 0,
  -- The present refresh token, sealed with the key outside of the database, until it was seen in use: whoever never got
  -- the answer that brought it is given it again.
  add column sealed_token bytea,
  -- What a person called it: only wall screens have a name.
  add column name text check (length(name) between 1 and 100);
update sessions set reauthenticated_at = created_at where reauthenticated_at is null;
alter table sessions alter column reauthenticated_at set not null;
alter table sessions drop constraint sessions_kind_check;
alter table sessions add constraint sessions_kind_check check (kind in ('browser', 'api', 'wall'));

-- Refresh tokens that were replaced twice over: whoever brings one has an old copy.
create table spent_refresh_tokens (
  hash bytea primary key check (length(hash) = 32),
  session_id uuid not null references sessions on delete cascade
);
create index spent_refresh_tokens_session on spent_refresh_tokens (session_id);

-- An admin can ask for factors to be set up anew; nobody can switch the requirement off for a local user.
create table totp_secrets (
  user_id uuid primary key references users on delete cascade,
  -- Sealed with the key outside of the database.
  sealed bytea not null,
  -- It was set up then: a code was typed in. A secret that is being set up travels sealed with its page.
  created_at timestamptz not null,
  -- The time step of the last code that was taken: a code counts once.
  last_step bigint not null
);

create table passkeys (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  name text not null check (length(name) between 1 and 100),
  credential_id bytea not null unique check (length(credential_id) <= 1023),
  public_key bytea not null check (length(public_key) <= 4096),
  sign_count bigint not null,
  transports text[] not null default '{}',
  backed_up boolean not null,
  -- It found out by itself who holds it (PIN, finger, face): then it stands for a password as well.
  verifies_user boolean not null,
  created_at timestamptz not null,
  last_used_at timestamptz
);
create index passkeys_user on passkeys (user_id);

create table recovery_codes (
  user_id uuid not null references users on delete cascade,
  hash bytea not null check (length(hash) = 32),
  created_at timestamptz not null,
  used_at timestamptz,
  primary key (user_id, hash)
);

-- What a passkey is asked to sign. Each is good once and for five minutes; a sign-in without a user name has no user yet.
create table passkey_challenges (
  hash bytea primary key check (length(hash) = 32),
  purpose text not null check (purpose in ('register', 'login', 'factor', 'confirm')),
  user_id uuid references users on delete cascade,
  session_id uuid references sessions on delete cascade,
  -- Who asked, a session or a network: nobody can fill the table.
  asker text not null,
  expires_at timestamptz not null
);
create index passkey_challenges_expiry on passkey_challenges (expires_at);
create index passkey_challenges_asker on passkey_challenges (asker, expires_at);

-- Keys that sign access tokens. The private half is sealed with the key outside of the database.
create table signing_keys (
  kid text primary key check (length(kid) <= 64),
  public_jwk jsonb not null,
  sealed bytea not null,
  created_at timestamptz not null,
  signs_until timestamptz not null,
  verifies_until timestamptz not null check (verifies_until > signs_until)
);

-- Tokens for automation. A token never may more than its maker may at the moment of use.
create table api_tokens (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  name text not null check (length(name) between 1 and 100),
  hash bytea not null unique check (length(hash) = 32),
  -- The first characters, by which a person knows it again.
  hint text not null check (length(hint) between 4 and 12),
  scopes text[] not null check (cardinality(scopes) between 1 and 32),
  -- Only hosts in one of these; null leaves all that the maker may see.
  group_ids uuid[] check (cardinality(group_ids) between 1 and 100),
  -- Only from these; null from anywhere that may come in at all.
  networks cidr[] check (cardinality(networks) between 1 and 100),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  last_used_address inet,
  revoked_at timestamptz
);
create index api_tokens_user on api_tokens (user_id);

-- Who may come in to pages and API at all. Empty: everybody.
create table allowed_networks (
  network cidr primary key,
  note text not null default '' check (length(note) <= 200),
  created_at timestamptz not null,
  created_by uuid references users on delete set null
);

-- Who is behind an id: a user, or the maker of an API token with what the token is limited to (null: not at all). Nobody
-- when the user is disabled or the token has ended, so that whatever asks it ends at once.
create function who_sees(viewer uuid) returns table (user_id uuid, role text, group_ids uuid[])
language sql stable
as $$
  select u.id, u.role, null::uuid[] from users u where u.id = viewer and u.disabled_at is null
  union all
  select u.id, u.role, t.group_ids from api_tokens t join users u on u.id = t.user_id
  where t.id = viewer and t.revoked_at is null and t.expires_at > app_now() and u.disabled_at is null
$$;

-- Where each user has signed in with success: from there nobody else's guessing keeps them out.
create table login_networks (
  user_id uuid not null references users on delete cascade,
  network cidr not null,
  last_success_at timestamptz not null,
  primary key (user_id, network)
);
create index login_networks_network on login_networks (network);

-- The pause whose first refusal is in the audit log: one row a pause, or a stranger could fill the log.
alter table login_throttle add column denied_until timestamptz;

-- The first start has happened: it never happens again, whatever becomes of the users.
insert into system_config (key, value, changed_at)
select 'first_start', '"closed"', app_now() where exists (select from users);

-- As before, and for an API token's id what its maker may see, within the token's groups.
create or replace function visible_hosts(viewer uuid) returns table (host_id uuid)
language sql stable
as $$
  select h.id
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
$$;

do $$
begin
  if exists (select from pg_roles where rolname = 'patch_web') then
    grant select, insert, update, delete on
      totp_secrets, passkeys, recovery_codes, passkey_challenges, signing_keys, api_tokens, allowed_networks,
      login_networks, spent_refresh_tokens
      to patch_web;
    grant delete on users, identities, passwords to patch_web;
  end if;
end
$$;
