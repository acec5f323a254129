import { z } from "zod";
import { roles, sessionKinds, stages } from "../auth/types.ts";
import { many, maybe, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { caseless, checked, containing, makePage, type Page, readCursor, readLimit } from "./page.ts";
import type { Fragment } from "./scope.ts";

// It tells of every person, so it has no scope: callers let in only admins and auditors.

const instant = z.instanceof(Temporal.Instant);
const count = z.number().int();

export const userSorts = ["username", "name", "role", "last_login"] as const;
/** enabled and disabled: may they sign in at all. one_time: they have not chosen a password of their own so far. */
export const userStates = ["enabled", "disabled", "one_time"] as const;
/** none: they set a second factor up at their next login. */
export const factorStates = ["set", "none"] as const;

/** Which users. All parts must hold; every part is optional. */
export const UserFilter = z.object({
  /** Part of user name, name or e-mail address. */
  search: z.string().trim().max(200).refine((text) => !text.includes("\u0000"), "must not hold NUL").optional(),
  role: z.enum(roles, `must be one of ${roles.join(", ")}`).optional(),
  state: z.enum(userStates, `must be one of ${userStates.join(", ")}`).optional(),
  factor: z.enum(factorStates, `must be one of ${factorStates.join(", ")}`).optional(),
  /** Id of a group; `none` for users in no group. */
  group: z.union([z.uuid(), z.literal("none")], "must be the id of a group, or none").optional(),
});
export type UserFilter = z.infer<typeof UserFilter>;

/** A column, from small to large; with a dash before it from large to small. */
export const UserSort = z.enum([...userSorts, ...userSorts.map((sort) => `-${sort}` as const)]);

export const UserListQuery = UserFilter.extend({
  sort: UserSort.default("username"),
  cursor: z.string().max(8000).nullish(),
  limit: z.int().optional(),
});
export type UserListQuery = z.input<typeof UserListQuery>;

/** A user in a list. */
export const UserRow = z.object({
  id: z.string(),
  username: z.string(),
  display_name: z.string(),
  email: z.string().nullable(),
  role: z.enum(roles),
  disabled_at: instant.nullable(),
  created_at: instant,
  last_login_at: instant.nullable(),
  /** True while a one-time password is in use. */
  must_change_password: z.boolean(),
  factors: z.object({
    /** An authenticator app is set up. */
    totp: z.boolean(),
    passkeys: count,
    /** Recovery codes that are left. */
    recovery_codes: count,
  }),
  /** Sessions that are open now. */
  sessions: count,
  /** API tokens that are good now, as far as themselves go. */
  tokens: count,
  groups: z.array(z.object({ id: z.string(), name: z.string() })),
});
export type UserRow = z.infer<typeof UserRow>;

const OPEN_SESSION = (db: Db) => db`s.revoked_at is null and s.expires_at > app_now() and s.idle_until > app_now()`;
const HAS_FACTOR = (db: Db) =>
  db`(exists (select from totp_secrets t where t.user_id = u.id)
    or exists (select from passkeys k where k.user_id = u.id))`;

function columns(db: Db): Fragment {
  return db`
    u.id, u.username, u.display_name, u.email, u.role, u.disabled_at, u.created_at, u.last_login_at,
    coalesce(p.must_change, false) as must_change_password,
    json_build_object(
      'totp', exists (select from totp_secrets t where t.user_id = u.id),
      'passkeys', (select count(*) from passkeys k where k.user_id = u.id),
      'recovery_codes', (select count(*) from recovery_codes c where c.user_id = u.id and c.used_at is null)
    ) as factors,
    (select count(*)::int from sessions s where s.user_id = u.id and ${OPEN_SESSION(db)}) as sessions,
    (
      select count(*)::int from api_tokens a
      where a.user_id = u.id and a.revoked_at is null and a.expires_at > app_now()
    ) as tokens,
    (
      select coalesce(json_agg(json_build_object('id', g.id, 'name', g.name) order by lower(g.name), g.id), '[]')
      from user_groups ug join groups g on g.id = ug.group_id where ug.user_id = u.id
    ) as groups`;
}

const source = (db: Db): Fragment => db`users u left join passwords p on p.user_id = u.id`;

function condition(db: Db, { search, role, state, factor, group }: UserFilter): Fragment {
  const yes = db`true`;
  const words = db`concat_ws(E'\\n', u.username, u.display_name, u.email)`;
  const states = {
    enabled: db`u.disabled_at is null`,
    disabled: db`u.disabled_at is not null`,
    one_time: db`coalesce(p.must_change, false)`,
  };
  const membership = group === "none"
    ? db`not exists (select from user_groups ug where ug.user_id = u.id)`
    : db`exists (select from user_groups ug where ug.user_id = u.id and ug.group_id = ${group ?? null})`;
  return db`
    ${search ? db`${caseless(db, words)} ilike ${containing(search)}` : yes}
    and ${role ? db`u.role = ${role}` : yes}
    and ${state ? states[state] : yes}
    and ${factor === undefined ? yes : factor === "set" ? HAS_FACTOR(db) : db`not ${HAS_FACTOR(db)}`}
    and ${group === undefined ? yes : membership}`;
}

/** Every order as text in one collation, so that one comparison serves all of them. Who never came stands last or first. */
function sortKey(db: Db, sort: string): Fragment {
  switch (sort) {
    case "name":
      return db`lower(${caseless(db, db`coalesce(nullif(u.display_name, ''), u.username)`)})`;
    case "role":
      return db`array_position(array['admin', 'operator', 'auditor'], u.role) || u.username`;
    case "last_login":
      return db`to_char(coalesce(u.last_login_at, 'epoch') at time zone 'UTC', 'YYYYMMDDHH24MISSUS')`;
    default:
      return db`u.username`;
  }
}

/**
 * Users, filtered and sorted, in pages of up to 500.
 * @throws AppError validation_failed, bad_request for a foreign cursor
 */
export async function listUsers(db: Db, query: UserListQuery = {}): Promise<Page<UserRow>> {
  const { sort, cursor, limit: wanted, ...filter } = checked(UserListQuery, query);
  const limit = readLimit(wanted, 100, 500);
  const after = readCursor(cursor, `users ${sort}`);
  const down = sort.startsWith("-");
  const key = db`(${sortKey(db, sort.replace("-", ""))}) collate "C"`;
  const id = db`u.id::text collate "C"`;
  const beyond = after === null
    ? db`true`
    : down
    ? db`(${key}, ${id}) < (${after.key}, ${after.id})`
    : db`(${key}, ${id}) > (${after.key}, ${after.id})`;
  const direction = down ? db`desc` : db`asc`;
  const is = condition(db, filter);
  const rows = await many(
    UserRow.extend({ key: z.string() }),
    db`
      select ${columns(db)}, ${key} as key
      from ${source(db)}
      where ${is} and ${beyond}
      order by ${key} ${direction}, ${id} ${direction}
      limit ${limit + 1}`,
  );
  const { total } = await one(
    z.object({ total: count }),
    db`select count(*)::int as total from ${source(db)} where ${is}`,
  );
  return makePage(rows, limit, `users ${sort}`, total, ({ key: _, ...row }) => row);
}

const Figures = z.object({
  users: count,
  enabled: count,
  /** Enabled admins. */
  admins: count,
  /** Enabled, and without a second factor so far. */
  without_factor: count,
});
export type UserFigures = z.infer<typeof Figures>;

/** What a person should know of all users at a glance. */
export function userFigures(db: Db): Promise<UserFigures> {
  return one(
    Figures,
    db`
      select count(*)::int as users, (count(*) filter (where u.disabled_at is null))::int as enabled,
        (count(*) filter (where u.disabled_at is null and u.role = 'admin'))::int as admins,
        (count(*) filter (where u.disabled_at is null and not ${HAS_FACTOR(db)}))::int as without_factor
      from users u`,
  );
}

/**
 * One user.
 * @throws AppError user_not_found
 */
export async function userDetail(db: Db, userId: string): Promise<UserRow> {
  const user = isUuid(userId)
    ? await maybe(UserRow, db`select ${columns(db)} from ${source(db)} where u.id = ${userId}`)
    : null;
  if (!user) throw new AppError("user_not_found");
  return user;
}

/** An open session of a user. */
export const UserSession = z.object({
  id: z.string(),
  kind: z.enum(sessionKinds),
  /** What a person called it: only wall screens have a name. */
  name: z.string().nullable(),
  stage: z.enum(stages),
  /** What was proven, in the words of RFC 8176. */
  methods: z.array(z.string()),
  address: z.string().nullable(),
  user_agent: z.string().nullable(),
  created_at: instant,
  last_used_at: instant,
  authenticated_at: instant,
  idle_until: instant,
  expires_at: instant,
});
export type UserSession = z.infer<typeof UserSession>;

/**
 * Open sessions of a user, the one that was used last on top; at most 200.
 * @throws AppError user_not_found
 */
export async function userSessions(db: Db, userId: string): Promise<UserSession[]> {
  await userDetail(db, userId);
  return await many(
    UserSession,
    db`
      select s.id, s.kind, s.name, s.stage, s.methods, host(s.address) as address, s.user_agent, s.created_at,
        s.last_used_at, s.reauthenticated_at as authenticated_at, s.idle_until, s.expires_at
      from sessions s
      where s.user_id = ${userId} and ${OPEN_SESSION(db)}
      order by s.last_used_at desc, s.id
      limit 200`,
  );
}
