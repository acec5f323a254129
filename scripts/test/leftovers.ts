import type { Sql } from "../../core/database/connection.ts";

/** Names a run's processes: inherited by every child that keeps its environment. */
export const RUN_MARK = "PATCH_TEST_RUN";

const EXPECTED = ["postgres", "template0", "template1", "patch_manager", "patch_template"];

/**
 * Databases and connections that tests left in the server, in words. A session ends some milliseconds after its
 * client, seconds on a busy machine, so it is asked again for a while.
 * @param patience_ms how long
 */
export async function leftInDatabase(superuser: Sql, patience_ms = 15_000): Promise<string[]> {
  const end = performance.now() + patience_ms;
  for (;;) {
    const databases = await superuser`select datname as name from pg_database where datname <> all(${EXPECTED})`;
    const sessions = await superuser`
      select application_name, datname, usename from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`;
    const left = [
      ...databases.map((row) => `database ${row.name}`),
      ...sessions.map((row) => `connection ${row.application_name} of ${row.usename} to ${row.datname}`),
    ];
    if (left.length === 0 || performance.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** {@link leftProcesses} when the run is over: one that was told to end may take seconds on a busy machine. */
export async function stayedProcesses(mark: string, own: ReadonlySet<number>): Promise<Map<number, string>> {
  const end = performance.now() + 15_000;
  for (;;) {
    const left = await leftProcesses(mark, own);
    if (left.size === 0 || performance.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Processes that carry the run's mark, or whose programs lie below the given folder, as `pid command`. Those that
 * may stay (ourselves and our parents) are named by `own`.
 */
export async function leftProcesses(mark: string, own: ReadonlySet<number>): Promise<Map<number, string>> {
  const left = new Map<number, string>();
  for await (const entry of Deno.readDir("/proc")) {
    const pid = Number(entry.name);
    if (!Number.isInteger(pid) || own.has(pid)) continue;
    const environment = await readProc(pid, "environ");
    if (!environment.split("\0").includes(`${RUN_MARK}=${mark}`)) continue;
    const command = (await readProc(pid, "cmdline")).replaceAll("\0", " ").trim();
    // A zombie has neither; it is gone as soon as its parent looks.
    if (command) left.set(pid, command.slice(0, 160));
  }
  return left;
}

/** "" for what has ended, or belongs to somebody else. */
async function readProc(pid: number, file: string): Promise<string> {
  return await Deno.readTextFile(`/proc/${pid}/${file}`).catch(() => "");
}
