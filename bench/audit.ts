import { appendAudit } from "../core/audit/append_audit.ts";
import { verifyAudit } from "../core/audit/verify_audit.ts";
import { systemClock } from "../core/clock.ts";
import { transaction } from "../core/database/connection.ts";
import { startEmbedded } from "../core/database/embedded.ts";
import { connect } from "../core/database/connection.ts";
import { loadMigrations, migrate } from "../core/database/migrations.ts";
import { testFolder } from "../testing/test_folder.ts";
import { type Figure, spread, timeEach } from "./measure.ts";

const ROWS = 4_000;
/** Callers at a time: they wait for each other at the chain's head. */
const AT_ONCE = 8;

/** Rows of the audit chain on a durable database: each append is its own transaction, with its fsync. */
export async function benchAudit(): Promise<Figure[]> {
  await using folder = await testFolder("audit-");
  const server = await startEmbedded(folder.path);
  try {
    const sql = await connect({ url: server.url("patch_owner"), max: AT_ONCE });
    try {
      await migrate(sql, await loadMigrations(new URL("../migrations", import.meta.url).pathname));
      const entry = {
        actor: { kind: "system" as const, name: "bench" },
        ...{ address: "192.0.2.1", request_id: null, action: "host.refresh", object: null },
        ...{ outcome: "success" as const, details: { hosts: ["web-1.example.org", "web-2.example.org"] } },
      };
      const append = () => transaction(sql, (tx) => appendAudit(tx, entry as never, systemClock));
      const alone = await timeEach(200, append);
      const started = performance.now();
      let left = ROWS;
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) await append();
      }));
      const a_second = ROWS / ((performance.now() - started) / 1000);
      const began = performance.now();
      const judged = await verifyAudit(sql);
      const verified = judged.rows / ((performance.now() - began) / 1000);
      if (!judged.intact) throw new Error(`The chain is broken: ${judged.problem}`);
      return [
        ...spread("audit: append, one after another, with fsync", alone, null),
        { name: "audit: append, 8 at once", value: a_second, unit: "a second", target: null },
        { name: "audit: verify", value: verified, unit: "a second", target: null },
      ];
    } finally {
      await sql.end({ timeout: 5 });
    }
  } finally {
    await server.stop();
  }
}
