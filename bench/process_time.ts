/** Clock ticks per second on every Linux that runs on x86-64 and arm64. */
const TICKS = 100;

/**
 * Seconds of processor time that a process has used since its start, threads included, and of its children: those that
 * run, and those that have ended. For a server that serves each connection by a process.
 */
export function processorTime(pid: number): number {
  const { used, ended } = read(pid);
  return (used + ended + childrenOf(pid).reduce((sum, child) => sum + read(child).used, 0)) / TICKS;
}

/** proc(5): the fields behind the name, which stands in parentheses and may hold spaces. */
function read(pid: number): { parent: number; used: number; ended: number } {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
    return { parent: fields[1], used: fields[11] + fields[12], ended: fields[13] + fields[14] };
  } catch (error) {
    // Ended while it was looked for: its parent counts it by now.
    if (error instanceof Deno.errors.NotFound) return { parent: 0, used: 0, ended: 0 };
    throw error;
  }
}

function childrenOf(pid: number): number[] {
  const all = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => Number(name));
  return all.filter((other) => read(other).parent === pid);
}
