import { z } from "zod";
import type { ApplyOrder, HostJob } from "../../host_operations.ts";

/** What a simulated host remembers over a restart of the process. */
export interface HostState {
  /** New whenever the folder is. */
  state_id: string;
  /** Names of the packages whose update was installed by jobs. */
  applied: string[];
  restart_due: boolean;
  /** RFC 3339, null before the first. */
  last_apply: string | null;
  booted_at: string | null;
  refreshed_at: string | null;
  /** Oldest first. */
  jobs: HostJob[];
  /** Orders of the jobs that have not ended, by job. */
  orders: Record<string, ApplyOrder>;
  /** Runs of the last 90 days: their job, and when (milliseconds since the epoch). */
  runs: Record<string, { job_id: string; at: number }>;
}

/** Where a host keeps its state. */
export interface HostStore {
  /** Null when there is none yet. */
  load(): Promise<HostState | null>;
  /** Answers once it is on the disk. */
  save(state: HostState): Promise<void>;
}

/** Only what a damaged file could break; the file is our own, in a folder that nobody else enters. */
const Stored = z.looseObject({
  state_id: z.string(),
  applied: z.array(z.string()),
  restart_due: z.boolean(),
  last_apply: z.string().nullable(),
  booted_at: z.string().nullable(),
  refreshed_at: z.string().nullable(),
  jobs: z.array(z.looseObject({ job_id: z.string(), run_id: z.string(), status: z.string() })),
  orders: z.record(z.string(), z.looseObject({ run_id: z.string() })),
  runs: z.record(z.string(), z.object({ job_id: z.string(), at: z.number() })),
});

/**
 * One JSON file, replaced as a whole: written beside, synced, renamed. Saves of one host never overlap; the last
 * state given wins.
 */
export function fileStore(path: string): HostStore {
  let last = Promise.resolve();
  return {
    async load() {
      let text: string;
      try {
        text = await Deno.readTextFile(path);
      } catch (thrown) {
        if (thrown instanceof Deno.errors.NotFound) return null;
        throw thrown;
      }
      const parsed = Stored.safeParse(JSON.parse(text));
      if (!parsed.success) throw new Error(`${path} is not the state of a simulated host. Remove it to start anew.`);
      return parsed.data as unknown as HostState;
    },
    save(state) {
      const text = JSON.stringify(state);
      last = last.catch(() => {}).then(async () => {
        const file = await Deno.open(`${path}.new`, { write: true, create: true, truncate: true, mode: 0o600 });
        try {
          const bytes = new TextEncoder().encode(text);
          for (let sent = 0; sent < bytes.length;) sent += await file.write(bytes.subarray(sent));
          await file.sync();
        } finally {
          file.close();
        }
        await Deno.rename(`${path}.new`, path);
      });
      return last;
    },
  };
}

/** Forgets when the process ends: for measuring. */
export function memoryStore(): HostStore {
  let kept: string | null = null;
  return {
    load: () => Promise.resolve(kept === null ? null : JSON.parse(kept)),
    save: (state) => Promise.resolve(void (kept = JSON.stringify(state))),
  };
}
