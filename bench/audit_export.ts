import type { Sql } from "../core/database/connection.ts";
import type { TestLogin } from "../testing/database.ts";
import { type WebProcess, webProcesses } from "../testing/web_process.ts";
import type { Figure } from "./measure.ts";
import { forgetPeak, memoryOf, peakOf } from "./process_memory.ts";
import { signedIn } from "./signed_in.ts";

/** What a slow reader takes a second, for so many seconds. */
const SLOW_BYTES = 1 << 20;
const SLOW_S = 15;

export interface ExportBed {
  folder: string;
  sql: Sql;
  url(login: TestLogin): string;
}

/**
 * Both exports of the whole log by the web role in a process of its own: how long they take and what it has in memory
 * meanwhile; the same while somebody reads slowly, and then goes away. Leaves the JSON behind as `export.json`.
 */
export async function benchExport({ folder, sql, url }: ExportBed, rows: number): Promise<Figure[]> {
  await using web = await (await webProcesses({ folder, url }))("web");
  using clients = await signedIn(sql, web);
  // Whatever a first page costs is there before anything is compared with it.
  const { status } = await clients.browser.get("/audit");
  if (status !== 200) throw new Error(`/audit answered ${status}`);
  using client = Deno.createHttpClient({ caCerts: [web.ca] });
  const cookie = [...clients.browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const open = async (kind: "csv" | "json") => {
    const answer = await fetch(`${web.origin}/api/v1/audit/export.${kind}`, { client, headers: { cookie } });
    if (answer.status !== 200) throw new Error(`the export answered ${answer.status}: ${await answer.text()}`);
    return answer.body!;
  };
  const all = rows.toLocaleString("en");
  return [
    ...await exportOf(`audit: ${all} rows as CSV`, web, async () => await drain(await open("csv"))),
    ...await exportOf(`audit: ${all} rows as JSON`, web, async () => {
      using file = await Deno.open(`${folder}/export.json`, { write: true, create: true, truncate: true });
      await (await open("json")).pipeTo(file.writable);
    }),
    ...await exportOf(`audit: JSON, a reader of 1 MiB a second, ${SLOW_S} s`, web, async () => {
      await readSlowly(await open("json"));
    }),
  ];
}

async function exportOf(name: string, { child: { pid } }: WebProcess, work: () => Promise<void>): Promise<Figure[]> {
  const before = memoryOf(pid);
  forgetPeak(pid);
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  return [
    { name, value: seconds, unit: "s", target: null },
    { name: `${name}, web role before`, value: before, unit: "MiB", target: null },
    { name: `${name}, web role at most`, value: peakOf(pid), unit: "MiB", target: null },
  ];
}

async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of body);
}

/** Takes no more than it wants: what it does not read waits in the sockets, and then at the sender. */
async function readSlowly(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  const started = performance.now();
  let taken = 0;
  for (;;) {
    const { value, done } = await reader.read();
    // A small log is over sooner.
    if (done) return;
    taken += value.length;
    const now = (performance.now() - started) / 1000;
    if (now > SLOW_S) break;
    const ahead = taken / SLOW_BYTES - now;
    if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead * 1000));
  }
  await reader.cancel();
}
