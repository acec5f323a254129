import { join } from "node:path";
import { reason } from "../core/errors.ts";

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
export async function openState(state: string): Promise<Deno.FsFile> {
  const mode = Deno.uid() === 0 ? 0o711 : 0o700;
  await Deno.mkdir(state, { recursive: true, mode }).catch((thrown) => {
    const why = thrown instanceof Deno.errors.NotCapable ? "it belongs to the system" : reason(thrown);
    throw new Error(`${state} cannot be made: ${why}. Choose another folder with --state.`);
  });
  const found = await Deno.lstat(state);
  if (!found.isDirectory) throw new Error(`${state} is no folder. Choose another one with --state.`);
  // In a folder that everybody may write to, somebody could have been there first.
  if (found.uid !== null && found.uid !== Deno.uid()) {
    throw new Error(`${state} belongs to another user. Choose a folder of your own with --state.`);
  }
  const names = await Array.fromAsync(Deno.readDir(state), ({ name }) => name);
  if (names.length > 0 && !names.includes(MARK)) {
    throw new Error(`${state} holds files that are not the demo's. Choose an empty or new folder with --state.`);
  }
  // Only now: until here it might have been anybody's folder.
  await Deno.chmod(state, mode);
  const lock = await Deno.open(join(state, MARK), { read: true, write: true, create: true, mode: 0o600 });
  if (!await lock.tryLock(true)) {
    lock.close();
    throw new Error(`Another demo uses ${state}. Stop it first, or choose another folder with --state.`);
  }
  return lock;
}

/** Empties a folder that {@link openState} opened, except for its mark. Nothing of it may run any more. */
export async function emptyState(state: string): Promise<void> {
  for await (const { name } of Deno.readDir(state)) {
    if (name !== MARK) await Deno.remove(join(state, name), { recursive: true });
  }
}
