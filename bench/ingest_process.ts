import { z } from "zod";
import { systemClock } from "../core/clock.ts";
import { connect } from "../core/database/connection.ts";
import { recordReport } from "../core/patches/record_report.ts";
import { LoopDelay } from "./loop_delay.ts";
import { peakOf } from "./process_memory.ts";
import { sampleReport } from "./sample_report.ts";

/** As many reports at once as the poller has hosts under way, over as many connections as the fleet role has. */
const AT_ONCE = 64;
const CONNECTIONS = 8;

/** What the process is told by its first line of input. */
export const IngestOrder = z.strictObject({ url: z.string(), ids: z.array(z.uuid()) });
/** What it says at its end. */
export const IngestResult = z.strictObject({
  first_s: z.number(),
  unchanged_s: z.number(),
  /** The most memory that it had, in MiB. */
  peak: z.number(),
  /** How late its event loop was at each turn, in milliseconds. */
  late: z.array(z.number()),
});

/** Lands reports of a fleet twice: a process of its own, because what it needs is compared with the fleet role's bound. */
async function landFleet(order: z.infer<typeof IngestOrder>): Promise<z.infer<typeof IngestResult>> {
  const reports = Array.from({ length: 50 }, (_, seed) => sampleReport(seed));
  const sql = await connect({ url: order.url, max: CONNECTIONS });
  const landAll = async () => {
    const started = performance.now();
    const waiting = order.ids.entries();
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (const [n, id] of waiting) {
        await recordReport(sql, id, reports[n % reports.length], { received_at: systemClock.now() });
      }
    }));
    return (performance.now() - started) / 1000;
  };
  try {
    using delay = new LoopDelay();
    const [first_s, unchanged_s] = [await landAll(), await landAll()];
    return { first_s, unchanged_s, peak: peakOf(Deno.pid), late: delay.late };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

if (import.meta.main) {
  const text = await new Response(Deno.stdin.readable).text();
  console.log(JSON.stringify(await landFleet(IngestOrder.parse(JSON.parse(text)))));
}
