import { pool } from "./connection.ts";

/** Used for setting up and by tests' template database; the manager never connects as it. */
export const SUPERUSER = "app";
/** The database of the manager. */
export const APPLICATION_DATABASE = "patch_manager";
/** Owns and migrates; and the two roles' logins. */
export const LOGINS = ["patch_owner", "patch_web", "patch_fleet"] as const;
export type Login = typeof LOGINS[number];

/**
 * Makes the three logins and the manager's database where they are missing. The caller holds the starter's
 * lock, so nobody else does the same.
 */
export async function setUpDatabase(socket: string): Promise<void> {
  const sql = pool({ socket, user: SUPERUSER, database: "postgres", max: 1 });
  try {
    const known = await sql`select rolname as name from pg_roles where rolname = any(${[...LOGINS]})`;
    for (const login of LOGINS) {
      if (!known.some((row) => row.name === login)) await sql`create role ${sql(login)} login`;
    }
    const there = await sql`select 1 from pg_database where datname = ${APPLICATION_DATABASE}`;
    if (there.length > 0) return;
    await sql`create database ${sql(APPLICATION_DATABASE)} owner patch_owner`;
    await sql`revoke all on database ${sql(APPLICATION_DATABASE)} from public`;
    await sql`grant connect on database ${sql(APPLICATION_DATABASE)} to patch_web, patch_fleet`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}
