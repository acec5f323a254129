import { say } from "./program.ts";

/** Where a one-time password goes. */
export interface HandOut {
  /** Gives it to whoever sits there. */
  give(username: string, password: string): Promise<void>;
  /** Takes back what was prepared, when there will be no password. */
  abandon(): Promise<void>;
}

/** What a hand-out needs to know of the machine. */
export interface Desk {
  terminal: boolean;
  say(text: string): void;
}

const TERMINAL: Desk = { terminal: Deno.stdout.isTerminal(), say };

/**
 * Prepares to hand out a one-time password: on a terminal it is printed; where the output goes into a file or a journal,
 * which keeps it, it is put into a file of its own (0600), and the output says where. The file is made first, so that a
 * full disk is found before somebody has a password that nobody knows.
 *
 * @param path the file, where one is needed; one that is there holds a password that is no longer good
 */
export async function prepareHandOut(path: string, desk: Desk = TERMINAL): Promise<HandOut> {
  if (desk.terminal) {
    return {
      give: (username, password) => {
        desk.say(`\n  User:              ${username}\n  One-time password: ${password}\n`);
        return Promise.resolve();
      },
      abandon: () => Promise.resolve(),
    };
  }
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  await Deno.remove(path).catch((thrown) => {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  });
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  return {
    give: async (username, password) => {
      using open = file;
      const bytes = new TextEncoder().encode(`${password}\n`);
      for (let sent = 0; sent < bytes.length;) sent += await open.write(bytes.subarray(sent));
      await open.sync();
      desk.say(`The one-time password of ${username} is in ${path}. Remove the file once it was read.`);
    },
    abandon: async () => {
      file.close();
      await Deno.remove(path);
    },
  };
}
