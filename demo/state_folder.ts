import { join } from "node:path";

/** Written into a folder that the demo made: only such a folder is ever emptied. */
const MARK = "patch-manager-demo";

/**
 * Where the state lies when nobody says: short, because a socket's path may have 100 bytes, and reachable for the
 * unprivileged user that PostgreSQL runs as when the demo is started as root.
 */
export function defaultState(): string {
  return `/var/tmp/patch-manager-demo-${Deno.uid() ?? "user"}`;
}

/** A folder for one run. */
export function temporaryState(): Promise<string> {
  return Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-manager-once-" });
}

/**
 * Makes the folder, or takes the one of an earlier start, and keeps a second demo out of it until the process ends.
 * @throws Error with words when it belongs to somebody else, holds something else, or is in use
 */
export async function openState(state: string, reset: boolean): Promise<Deno.FsFile> {
  const is_root = Deno.uid() === 0;
  await Deno.mkdir(state, { recursive: true, mode: is_root ? 0o711 : 0o700 });
  const found = await Deno.lstat(state);
  if (!found.isDirectory) throw new Error(`${state} is no folder. Choose another one with --state.`);
  // In a folder that everybody may write to, somebody could have been there first.
  if (found.uid !== null && found.uid !== Deno.uid()) {
    throw new Error(`${state} belongs to another user. Choose a folder of your own with --state.`);
  }
  await Deno.chmod(state, is_root ? 0o711 : 0o700);
  const names = await Array.fromAsync(Deno.readDir(state), ({ name }) => name);
  if (names.length > 0 && !names.includes(MARK)) {
    throw new Error(`${state} holds files that are not the demo's. Choose an empty or new folder with --state.`);
  }
  const lock = await Deno.open(join(state, MARK), { read: true, write: true, create: true, mode: 0o600 });
  if (!await lock.tryLock(true)) {
    lock.close();
    throw new Error(`Another demo uses ${state}. Stop it first, or choose another folder with --state.`);
  }
  if (reset) {
    for (const name of names) if (name !== MARK) await Deno.remove(join(state, name), { recursive: true });
  }
  return lock;
}
