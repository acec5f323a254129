import { type Clock, epochMs } from "../../core/clock.ts";

/** What the kernel says of a process at a moment. */
export interface ProcessSample {
  /** Milliseconds since the epoch. */
  at: number;
  rss_mib: number;
  /** Seconds of processor time since its start, threads included. */
  cpu_s: number;
}

/** Clock ticks per second on every Linux that runs on x86-64 and arm64. */
const TICKS = 100;

/** Reads one sample. Null when the process is gone. Needs all rights: Deno guards /proc. */
export async function sampleProcess(pid: number, clock: Clock): Promise<ProcessSample | null> {
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    // The name in parentheses may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(status);
    if (!rss) return null;
    return {
      at: epochMs(clock),
      rss_mib: Number(rss[1]) / 1024,
      cpu_s: (Number(fields[11]) + Number(fields[12])) / TICKS,
    };
  } catch {
    return null;
  }
}

/** Growth in MiB per hour, by least squares. NaN with fewer than three samples. */
export function slopePerHour(samples: readonly ProcessSample[]): number {
  if (samples.length < 3) return NaN;
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const hours = samples.map(({ at }) => (at - samples[0].at) / 3_600_000);
  const [x, y] = [mean(hours), mean(samples.map(({ rss_mib }) => rss_mib))];
  const over = samples.reduce((sum, { rss_mib }, i) => sum + (hours[i] - x) * (rss_mib - y), 0);
  return over / hours.reduce((sum, hour) => sum + (hour - x) ** 2, 0);
}

/** Share of one processor between the first and the last sample. */
export function cpuShare(samples: readonly ProcessSample[]): number {
  const first = samples[0], last = samples.at(-1);
  if (!first || !last || last.at === first.at) return NaN;
  return (last.cpu_s - first.cpu_s) / ((last.at - first.at) / 1000);
}
