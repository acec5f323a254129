import { verifyAudit } from "../core/audit/verify_audit.ts";
import { DEFAULT_FILE, loadConfig } from "../core/config/load_config.ts";
import { databaseUrlOf } from "../core/config/types.ts";
import { createLog } from "../core/log.ts";
import { noWords, readArguments } from "./arguments.ts";
import { connectAsOwner, noDatabase } from "./prepare.ts";
import { complain, say } from "./program.ts";

/** `verify`: recomputes the audit chain; exit code 1 when it is broken, naming the first row. */
export async function verify(args: readonly string[]): Promise<number> {
  const flags = readArguments(args, { config: "value", json: "switch" });
  noWords(flags);
  const { config, file } = loadConfig(flags.values.config);
  if (databaseUrlOf("main", config) === null) return complain(noDatabase(file ?? DEFAULT_FILE)), 2;
  await using owner = await connectAsOwner(config, createLog({ level: "warn", format: "text" }));
  const verdict = await verifyAudit(owner.sql);
  if (flags.switches.has("json")) say(JSON.stringify(verdict));
  else if (verdict.intact) say(`The audit log is intact, ${verdict.rows} rows.`);
  else {say(
      `The audit log is broken at row ${verdict.first_broken}: ${verdict.problem}. ${verdict.rows} rows before it hold.`,
    );}
  return verdict.intact ? 0 : 1;
}
