import { dirname } from "node:path";
import { DatabaseError } from "./failure.ts";

/** Whom the server runs as when we are root: PostgreSQL refuses to run as root. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/** The kernel's limit is 107 bytes (unix(7)); the rest is left for the lock file beside the socket. */
const LONGEST_SOCKET_PATH = 100;

/**
 * Makes the state folder, 0711 as root and 0700 else, and checks what would otherwise fail later in strange
 * words: the socket's path fits, and the server's user can walk to it.
 * @throws DatabaseError kind embedded.
 */
export function checkState(state: string, port: number, root: boolean): void {
  if (!state.startsWith("/")) throw refuse(`The state folder ${state} is not an absolute path.`, "Write it from /.");
  const bytes = new TextEncoder().encode(`${state}/run/.s.PGSQL.${port}`).length;
  if (bytes > LONGEST_SOCKET_PATH) {
    const spare = LONGEST_SOCKET_PATH - (bytes - new TextEncoder().encode(state).length);
    throw refuse(
      `The state folder ${state} is too long for a socket: its path would have ${bytes} bytes.`,
      `Choose a folder whose path has at most ${spare} bytes.`,
    );
  }
  try {
    Deno.statSync(state);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(state, { recursive: true, mode: 0o700 });
    // Set apart from mkdir, because the umask may take the right to pass.
    if (root) Deno.chmodSync(state, 0o711);
  }
  if (!root) return;
  for (let folder = state; folder !== "/"; folder = dirname(folder)) {
    const mode = Deno.statSync(folder).mode ?? 0;
    if ((mode & 0o001) === 0) {
      throw refuse(
        `The database server runs as an unprivileged user, who cannot enter ${folder} (mode 0${
          (mode & 0o777).toString(8)
        }).`,
        `Choose a state folder elsewhere, for example below /var/lib, or run chmod 0711 ${folder}.`,
      );
    }
  }
}

/** A folder that only the server's user may look into. */
export function makeOwned(folder: string, who: ServerUser | null): void {
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (who) Deno.chownSync(folder, who.uid, who.gid);
}

/**
 * A program of the server: as its user, with a bare environment, and in a session of its own, so that a Ctrl-C
 * at the terminal reaches only us and we stop it in order. Only `spawn()` heeds that: `output()` alone would leave the
 * program in our session, and the second of two Ctrl-C would kill pg_ctl while it stops the server (Deno 2.9.6).
 */
export function asServer(program: string, args: string[], who: ServerUser | null): Deno.Command {
  return new Deno.Command(program, {
    ...(who ?? {}),
    args,
    cwd: "/",
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC", ...runMark() },
    detached: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
}

/** A run of the tests marks its processes, so that it can name those that were left behind. */
function runMark(): Record<string, string> {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "PATCH_TEST_RUN" });
  const mark = state === "granted" ? Deno.env.get("PATCH_TEST_RUN") : undefined;
  return mark ? { PATCH_TEST_RUN: mark } : {};
}

function refuse(message: string, hint: string): DatabaseError {
  return new DatabaseError("embedded", message, hint);
}
