import { DEFAULT_FILE, loadConfig } from "../core/config/load_config.ts";
import { databaseUrlOf } from "../core/config/types.ts";
import { loadMigrations, migrate as migrateDatabase } from "../core/database/migrations.ts";
import { createLog } from "../core/log.ts";
import { noWords, readArguments } from "./arguments.ts";
import { connectAsOwner, noDatabase } from "./prepare.ts";
import { complain, type Program, say } from "./program.ts";

/** `migrate`: brings the database to this program's version and says what it did. */
export async function migrate(args: readonly string[], program: Program): Promise<number> {
  const flags = readArguments(args, { config: "value" });
  noWords(flags);
  const { config, file } = loadConfig(flags.values.config);
  if (databaseUrlOf("main", config) === null) return complain(noDatabase(file ?? DEFAULT_FILE)), 2;
  const wanted = await loadMigrations(`${program.root}/migrations`);
  const log = createLog({ level: "warn", format: "text" });
  await using owner = await connectAsOwner(config, log);
  const { applied } = await migrateDatabase(owner.sql, wanted, log);
  say(applied.length === 0 ? `The database has all ${wanted.length} migrations.` : `Applied: ${applied.join(", ")}.`);
  return 0;
}
