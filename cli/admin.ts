import type { Context } from "../core/audit/types.ts";
import { canonicalUsername } from "../core/auth/rules.ts";
import { rfc3339, systemClock } from "../core/clock.ts";
import { DEFAULT_FILE, loadConfig } from "../core/config/load_config.ts";
import { nearest } from "../core/config/nearest.ts";
import { type Config, databaseUrlOf } from "../core/config/types.ts";
import type { Sql } from "../core/database/connection.ts";
import { loadMigrations, schemaVersion } from "../core/database/migrations.ts";
import { AppError } from "../core/errors.ts";
import { createLog } from "../core/log.ts";
import { createUser } from "../core/users/create_user.ts";
import { requireFactorsAnew } from "../core/users/require_factors_anew.ts";
import { resetPassword } from "../core/users/reset_password.ts";
import { listUsers, type UserRow } from "../core/views/users.ts";
import { type Arguments, type Flags, noWords, readArguments, UsageError } from "./arguments.ts";
import { type HandOut, prepareHandOut } from "./hand_out.ts";
import { connectAsOwner, noDatabase } from "./prepare.ts";
import { complain, type Program, say } from "./program.ts";

interface Console {
  sql: Sql;
  config: Config;
  flags: Arguments;
  /** Whoever may run this command is trusted with the database itself; the audit log says that it was done here. */
  context: Context;
}

interface Act {
  flags: Flags;
  run(console: Console): Promise<void>;
}

const acts: Record<string, Act> = {
  create: { flags: { "display-name": "value" }, run: create },
  "reset-password": { flags: {}, run: newPassword },
  "reset-mfa": { flags: {}, run: newFactors },
  list: { flags: { json: "switch" }, run: list },
};

/**
 * `admin create|reset-password|reset-mfa|list`: what an operator needs who cannot get in any more, at the console, as the
 * database's owner. Exit code 1 when it failed, 2 when it was not understood.
 */
export async function admin(args: readonly string[], program: Program): Promise<number> {
  const [name, ...rest] = args;
  const names = Object.keys(acts);
  if (name === undefined) throw new UsageError(`admin needs one of: ${names.join(", ")}.`);
  if (!Object.hasOwn(acts, name)) {
    const meant = nearest(name, names);
    throw new UsageError(`"${name}" is not one of: ${names.join(", ")}.${meant ? ` Did you mean ${meant}?` : ""}`);
  }
  const flags = readArguments(rest, { config: "value", ...acts[name].flags });
  if (name === "list") noWords(flags);
  else if (flags.words.length !== 1) throw new UsageError(`admin ${name} needs the name of one user.`);
  const { config, file } = loadConfig(flags.values.config);
  if (databaseUrlOf("main", config) === null) return complain(noDatabase(file ?? DEFAULT_FILE)), 2;
  await using owner = await connectAsOwner(config, createLog({ level: "warn", format: "text" }));
  const wanted = await loadMigrations(`${program.root}/migrations`);
  const version = await schemaVersion(owner.sql);
  if (version !== wanted.length) {
    complain(
      `The database has version ${version}, this program works with ${wanted.length}. Run: patch-manager migrate`,
    );
    return 1;
  }
  const actor = { kind: "system" as const, name: "console" };
  const context = { actor, address: null, request_id: null, clock: systemClock };
  try {
    await acts[name].run({ sql: owner.sql, config, flags, context });
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.status >= 500) throw thrown;
    const problems = thrown.details.map(({ problem, hint }) => hint ? `${problem} ${hint}` : problem);
    complain(problems.length > 0 ? problems.join("\n") : `${thrown.message} ${thrown.hint}`);
    return thrown.status === 429 ? 1 : 2;
  }
}

/** An admin beside those that there are; the second factor is set up at the first login. */
async function create({ sql, config, flags, context }: Console): Promise<void> {
  const [username] = flags.words;
  const order = { username, display_name: flags.values["display-name"] ?? "", role: "admin" };
  await handingOut(config, username, async () => {
    const { user, password } = await createUser(sql, order, context);
    return { username: user.username, password };
  });
  say("The password has to be changed at the first login, and a second factor set up.");
}

async function newPassword({ sql, config, flags, context }: Console): Promise<void> {
  const user = await findUser(sql, flags.words[0]);
  await handingOut(config, user.username, async () => {
    const { password } = await resetPassword(sql, user.id, context);
    return { username: user.username, password };
  });
  say("All their sessions and API tokens have ended. The second factor stays: patch-manager admin reset-mfa takes it.");
  sayIfDisabled(user);
}

async function newFactors({ sql, flags, context }: Console): Promise<void> {
  const user = await findUser(sql, flags.words[0]);
  const { app, passkeys, recovery_codes, ended_sessions } = await requireFactorsAnew(sql, user.id, context);
  const gone = [
    ...app ? ["the authenticator app"] : [],
    ...passkeys > 0 ? [counted(passkeys, "passkey")] : [],
    ...recovery_codes > 0 ? [counted(recovery_codes, "recovery code")] : [],
  ];
  say(`${user.username} sets up a second factor at the next login. Taken away: ${gone.join(", ") || "nothing"}.`);
  say(`${counted(ended_sessions, "session")} ended.`);
  sayIfDisabled(user);
}

async function list({ sql, flags }: Console): Promise<void> {
  const users = await allUsers(sql);
  if (flags.switches.has("json")) {
    return say(JSON.stringify(users.map(plain), null, 2));
  }
  const rows = users.map((user) => [
    user.username,
    user.role,
    factorWords(user) || "none yet",
    user.last_login_at === null ? "never" : rfc3339(user.last_login_at).slice(0, 16).replace("T", " "),
    user.disabled_at !== null ? "disabled" : user.must_change_password ? "one-time password" : "enabled",
  ]);
  const table = [["USER", "ROLE", "SECOND FACTOR", "LAST LOGIN (UTC)", "STATE"], ...rows];
  const widths = table[0].map((_, i) => Math.max(...table.map((row) => row[i].length)));
  say(table.map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd()).join("\n"));
}

/** What scripts get, in the API's words. */
function plain(
  { id, username, display_name, role, factors, last_login_at, disabled_at, must_change_password }: UserRow,
) {
  return { id, username, display_name, role, factors, last_login_at, disabled_at, must_change_password };
}

function factorWords({ factors: { totp, passkeys, recovery_codes } }: UserRow): string {
  if (!totp && passkeys === 0) return "";
  const parts = [...totp ? ["app"] : [], ...passkeys > 0 ? [counted(passkeys, "passkey")] : []];
  return `${parts.join(", ")} (${counted(recovery_codes, "recovery code")})`;
}

/** Makes the place for the password first: see {@link prepareHandOut}. */
async function handingOut(
  config: Config,
  username: string,
  make: () => Promise<{ username: string; password: string }>,
): Promise<void> {
  const folder = config.state.directory.replace(/\/+$/, "");
  const desk: HandOut = await prepareHandOut(`${folder}/one-time-password-${fileName(username)}`);
  let made: { username: string; password: string };
  try {
    made = await make();
  } catch (thrown) {
    await desk.abandon();
    throw thrown;
  }
  await desk.give(made.username, made.password);
}

/** A name that is none yet may hold anything. */
function fileName(username: string): string {
  return canonicalUsername(username).replace(/[^a-z0-9._@+-]/g, "_").slice(0, 64);
}

/** @throws AppError user_not_found, with the name that was probably meant */
async function findUser(sql: Sql, typed: string): Promise<UserRow> {
  const users = await allUsers(sql);
  const username = canonicalUsername(typed);
  const user = users.find((one) => one.username === username);
  if (user) return user;
  const meant = nearest(username, users.map((one) => one.username));
  throw new AppError("user_not_found", {
    message: `There is no user "${typed.toWellFormed().slice(0, 100)}".`,
    hint: meant ? `Did you mean ${meant}?` : "See: patch-manager admin list",
  });
}

async function allUsers(sql: Sql): Promise<UserRow[]> {
  const users: UserRow[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof listUsers>> = await listUsers(sql, { cursor, limit: 500 });
    users.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return users;
}

function sayIfDisabled({ username, disabled_at }: UserRow): void {
  if (disabled_at !== null) say(`The account is disabled: ${username} cannot sign in until an admin enables it.`);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
