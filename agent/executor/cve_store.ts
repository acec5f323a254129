import { createHash } from "node:crypto";
import { z } from "zod";
import { type Clock, epochMs } from "../../core/clock.ts";
import { readIfThere, writeDurable } from "./durable_file.ts";

const SourceRecordSchema = z.object({
  format: z.literal(1),
  source: z.string().max(256),
  version: z.string().max(256),
  /** When it was last on offer. */
  seen_ms: z.number(),
  changelog: z.object({
    entries: z.array(z.object({ version: z.string().max(256), cve_ids: z.array(z.string().max(32)).max(2_048) }))
      .max(5_000),
    complete: z.boolean(),
  }).nullable(),
  /** Why it could not be read, how often in a row, and when it is tried again. */
  failure: z.object({ words: z.string(), count: z.number().int().min(1), next_ms: z.number() }).nullable(),
});

/** What is known about one version of one source package. */
export type SourceRecord = z.infer<typeof SourceRecordSchema>;

const Budget = z.object({ day: z.string(), bytes: z.number().min(0) });

/** A source that nobody offers any more is forgotten after so long. */
const KEPT_MS = 90 * 86_400_000;
/** "Seen today" is exact enough, and writes each file once a day at most. */
const SEEN_MS = 86_400_000;
/** A host has some hundred pending sources at its worst. */
const RECORD_LIMIT = 2_000;
/** 5,000 entries and 4,096 ids have 300 KB. */
const FILE_LIMIT = 2 ** 20;

/** The changelogs that were read, one file each: damage to one costs one download. */
export interface CveStore {
  find(source: string, version: string): SourceRecord | undefined;
  /** Whole or not at all, whatever ends the process. @throws when the disk is full */
  save(record: Omit<SourceRecord, "format" | "seen_ms">): void;
  /** Takes bytes from today's budget (a day in UTC), on disk before they are used; false when so many are not left. */
  spend(bytes: number): boolean;
  /** Marks what is on offer as seen and forgets the rest after 90 days, the oldest first beyond 2,000. */
  keep(on_offer: { source: string; version: string }[]): void;
}

/**
 * Opens the folder, makes it when missing. What cannot be read is removed, and so read again.
 * @param daily_bytes what may be downloaded on one day
 */
export function openCveStore(folder: string, clock: Clock, daily_bytes: number): CveStore {
  const records = new Map<string, SourceRecord>();
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const entry of [...Deno.readDirSync(folder)]) {
    const path = `${folder}/${entry.name}`;
    const name = /^([0-9a-f]{64})\.json$/.exec(entry.name)?.[1];
    const record = name && entry.isFile ? readRecord(path) : null;
    if (record && nameOf(record.source, record.version) === name) records.set(name, record);
    // What a killed executor left: half-written files, downloads, and records that are damaged.
    else if (entry.name !== "budget.json") Deno.removeSync(path, { recursive: true });
  }

  function write(name: string, record: SourceRecord): void {
    writeDurable(`${folder}/${name}.json`, JSON.stringify(record), false);
    records.set(name, record);
  }

  function forget(name: string): void {
    records.delete(name);
    Deno.removeSync(`${folder}/${name}.json`);
  }

  return {
    find: (source, version) => records.get(nameOf(source, version)),
    save(record) {
      write(nameOf(record.source, record.version), { format: 1, seen_ms: epochMs(clock), ...record });
    },
    spend(bytes) {
      const day = clock.now().toString().slice(0, 10);
      const stored = Budget.safeParse(parseJson(readIfThere(`${folder}/budget.json`)));
      const spent = stored.success && stored.data.day === day ? stored.data.bytes : 0;
      if (spent + bytes > daily_bytes) return false;
      writeDurable(`${folder}/budget.json`, JSON.stringify({ day, bytes: spent + bytes }), false);
      return true;
    },
    keep(on_offer) {
      const now = epochMs(clock);
      for (const { source, version } of on_offer) {
        const name = nameOf(source, version);
        const record = records.get(name);
        if (record && Math.abs(now - record.seen_ms) >= SEEN_MS) write(name, { ...record, seen_ms: now });
      }
      const oldest = [...records].sort(([, a], [, b]) => a.seen_ms - b.seen_ms);
      const surplus = records.size - RECORD_LIMIT;
      oldest.forEach(([name, record], index) => {
        if (index < surplus || now - record.seen_ms > KEPT_MS) forget(name);
      });
    },
  };
}

/** Versions have colons and tildes and may be long, so a file is named by the digest of both. */
function nameOf(source: string, version: string): string {
  return createHash("sha256").update(`${source}\0${version}`).digest("hex");
}

function readRecord(path: string): SourceRecord | null {
  if (Deno.lstatSync(path).size > FILE_LIMIT) return null;
  return SourceRecordSchema.safeParse(parseJson(readIfThere(path))).data ?? null;
}

function parseJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
