import { verifyAudit } from "../core/audit/verify_audit.ts";
import { DEFAULT_FILE, loadConfig } from "../core/config/load_config.ts";
import { readFile } from "../core/config/machine.ts";
import { databaseUrlOf } from "../core/config/types.ts";
import { connect } from "../core/database/connection.ts";
import { noWords, readArguments } from "./arguments.ts";
import { databaseCa, noDatabase } from "./prepare.ts";
import { complain, say } from "./program.ts";

/** `verify`: recomputes the audit chain; exit code 1 when it is broken, naming the first row. */
export async function verify(args: readonly string[]): Promise<number> {
  const flags = readArguments(args, { config: "value", json: "switch" });
  noWords(flags);
  const { config, file } = loadConfig(flags.values.config);
  const url = databaseUrlOf("main", config);
  if (url === null) return complain(noDatabase(file ?? DEFAULT_FILE)), 2;
  const ca = databaseCa("main", config, readFile);
  const sql = await connect({
    url,
    ssl: ca === null ? undefined : { ca },
    max: 1,
    application_name: "patch-manager verify",
  });
  try {
    const verdict = await verifyAudit(sql);
    if (flags.switches.has("json")) say(JSON.stringify(verdict));
    else if (verdict.intact) say(`The audit log is intact, ${verdict.rows} rows.`);
    else {say(
        `The audit log is broken at row ${verdict.first_broken}: ${verdict.problem}. ${verdict.rows} rows before it hold.`,
      );}
    return verdict.intact ? 0 : 1;
  } finally {
    await sql.end({ timeout: 5 });
  }
}
