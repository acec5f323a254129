import { loadMigrations, migrate } from "../core/database/migrations.ts";
import type { TestDatabase } from "./database.ts";

/**
 * Takes the database back to what it was before one migration, empty, for rows that the migration has to change.
 * @param name what the file is called without its number and ending
 * @returns what then runs it and all after it
 */
export async function migrateUntil({ sql }: TestDatabase, name: string): Promise<() => Promise<void>> {
  await sql`set client_min_messages = warning`;
  await sql`drop schema public cascade`;
  await sql`create schema public`;
  await sql`grant usage on schema public to public`;
  const migrations = await loadMigrations(new URL("../migrations", import.meta.url).pathname);
  const before = migrations.findIndex((migration) => migration.name.slice(5) === name);
  if (before < 0) throw new Error(`there is no migration ${name}`);
  await migrate(sql, migrations.slice(0, before));
  return async () => void await migrate(sql, migrations);
}
