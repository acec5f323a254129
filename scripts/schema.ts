/**
 * Writes migrations/schema.sql from the migrations, in a PostgreSQL made for it: `deno run -A scripts/schema.ts
 * --write`. Without --write it only says whether the snapshot is right; exit 1 when not.
 */
import { connect } from "../core/database/connection.ts";
import { dumpSchema } from "../core/database/schema_dump.ts";
import { makeDatabase, startTestServer } from "../testing/database_server.ts";

const SNAPSHOT = new URL("../migrations/schema.sql", import.meta.url);

/** The schema that the migrations make. */
async function freshSchema(): Promise<string> {
  const { server, stop } = await startTestServer();
  try {
    await using made = await makeDatabase(server.socket);
    const sql = await connect({ socket: server.socket, user: "patch_owner", database: made.name, max: 1 });
    try {
      return await dumpSchema(sql);
    } finally {
      await sql.end({ timeout: 5 });
    }
  } finally {
    await stop();
  }
}

const write = Deno.args[0] === "--write";
if (Deno.args.length > (write ? 1 : 0)) {
  console.error("Usage: deno run -A scripts/schema.ts [--write]");
  Deno.exit(2);
}
const schema = await freshSchema();
if (write) {
  await Deno.writeTextFile(SNAPSHOT, schema);
  console.log(`migrations/schema.sql has ${schema.split("\n").length - 1} lines.`);
} else {
  const there = await Deno.readTextFile(SNAPSHOT).catch(() => "");
  if (there !== schema) {
    console.error("migrations/schema.sql is not what the migrations make: run deno run -A scripts/schema.ts --write");
    Deno.exit(1);
  }
  console.log("migrations/schema.sql is what the migrations make.");
}
