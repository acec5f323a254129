import { z } from "zod";
import type { HostJob, HostOrder } from "../../host_operations.ts";
import { steadyUuid } from "./random.ts";
import type { Traits, Trouble } from "./traits.ts";

/** What a simulated host remembers over a restart of the process. */
export interface HostState {
  /** New whenever the folder is. */
  state_id: string;
  /** Names of the packages whose update was installed by jobs. */
  applied: string[];
  restart_due: boolean;
  /** True once a repair has finished what was interrupted. */
  repaired: boolean;
  /** RFC 3339, null before the first. */
  last_apply: string | null;
  booted_at: string | null;
  refreshed_at: string | null;
  /** Oldest first. */
  jobs: HostJob[];
  /** Orders of the jobs that have not ended, by job. */
  orders: Record<string, HostOrder>;
  /** Runs of the last 90 days: their job, and when (milliseconds since the epoch). */
  runs: Record<string, { job_id: string; at: number }>;
}

/** What is wrong with a host now; a repair ends the one trouble that it can end. */
export function troubleOf(traits: Traits, state: Pick<HostState, "repaired">): Trouble {
  return traits.trouble === "interrupted" && state.repaired ? "none" : traits.trouble;
}

/** Another one after each restart. */
export function bootIdOf(traits: Traits, state: Pick<HostState, "booted_at">): string {
  return steadyUuid(traits.seed, traits.index, "boot", state.booted_at ?? "");
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
  repaired: z.boolean().default(false),
  last_apply: z.string().nullable(),
  booted_at: z.string().nullable(),
  refreshed_at: z.string().nullable(),
  // Files of before this agent could do more than apply hold less.
  jobs: z.array(z.looseObject({
    job_id: z.string(),
    run_id: z.string(),
    status: z.string(),
    restart: z.unknown().default(null),
    boot_id_before: z.string().nullable().default(null),
    boot_id_after: z.string().nullable().default(null),
    original_job_id: z.string().nullable().default(null),
  })),
  orders: z.record(
    z.string(),
    z.looseObject({
      run_id: z.string(),
      operation: z.enum(["apply", "repair", "rollback", "reboot"]).default("apply"),
      reboot: z.preprocess((value) => typeof value === "boolean" ? value ? "needed" : "never" : value, z.unknown()),
    }),
  ),
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
