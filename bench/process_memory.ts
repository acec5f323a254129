const MEBIBYTE_OF_KIBIBYTES = 1024;

/** What a process has in memory now. MiB. */
export function memoryOf(pid: number): number {
  return field(pid, "VmRSS");
}

/** The most that it had since its start, or since {@link forgetPeak}. MiB. */
export function peakOf(pid: number): number {
  return field(pid, "VmHWM");
}

/** From now on the peak is counted anew: proc(5), clear_refs. Only for a process of the same user. */
export function forgetPeak(pid: number): void {
  Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
}

function field(pid: number, name: string): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text);
  if (match === null) throw new Error(`/proc/${pid}/status has no ${name}.`);
  return Math.round(Number(match[1]) / MEBIBYTE_OF_KIBIBYTES);
}
