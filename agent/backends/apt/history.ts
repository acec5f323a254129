import { runMark } from "./arguments.ts";
import { hostPath } from "./command.ts";

/**
 * How often apt began a transaction of this run: it writes the command line into its history before it starts
 * dpkg. Looks into the current log and the one before it.
 */
export async function countTransactions(root: string | null, run_id: string): Promise<number> {
  let count = 0;
  for (const name of ["history.log", "history.log.1"]) {
    const text = await readText(hostPath(root, `/var/log/apt/${name}`));
    count += text.split("\n").filter((line) => line.startsWith("Commandline: ") && mentionsRun(line, run_id)).length;
  }
  return count;
}

/** True when a command line carries the mark of this very run. */
export function mentionsRun(command_line: string, run_id: string): boolean {
  return command_line.split(/\s+/).includes(runMark(run_id));
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
