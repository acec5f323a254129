import { type Check, leftOut, ok, problem } from "./doctor_finding.ts";

const octal = (mode: number) => (mode & 0o7777).toString(8).padStart(4, "0");

/** The state folder: there, a folder, closed to others. */
export const checkFolder: Check = async ({ state }) => {
  const info = await Deno.lstat(state).catch(absent);
  if (info === null) return problem(`${state} is missing: this host is not enrolled. Run: patch-agent enrol`);
  if (!info.isDirectory) return problem(`${state} is not a folder.`);
  const mode = info.mode ?? 0;
  if ((mode & 0o077) === 0) return ok(`${state} is closed to others (${octal(mode)}).`);
  return problem(`${state} has mode ${octal(mode)}: others can get in. Run: chmod 0700 ${state}`);
};

/** The service runs as the folder's owner; asked of the folder, because whoever runs this may be root. */
export const checkUser: Check = async ({ state }) => {
  const info = await Deno.lstat(state).catch(absent);
  if (info === null) return leftOut("Without the folder its owner cannot be told.");
  if (info.uid !== 0) return ok(`The network side runs as uid ${info.uid}, not as root.`);
  return problem(
    `${state} belongs to root, so the network side runs as root. It needs a user of its own: ` +
      `chown -R patch-agent: ${state}`,
  );
};

/** Every file of the folder: a plain one, of the folder's owner, closed to others. */
export const checkFiles: Check = async ({ state }) => {
  const folder = await Deno.lstat(state).catch(absent);
  if (!folder?.isDirectory) return leftOut("Without the folder there are no files.");
  const wrong: string[] = [];
  let count = 0;
  for await (const { name } of Deno.readDir(state)) {
    const path = `${state}/${name}`;
    const info = await Deno.lstat(path).catch(absent);
    if (info === null) continue;
    count++;
    if (!info.isFile) wrong.push(`${path} is not a plain file. Remove it`);
    else if (((info.mode ?? 0) & 0o077) !== 0) {
      wrong.push(`${path} has mode ${octal(info.mode ?? 0)}. Run: chmod 0600 ${path}`);
    } else if (info.uid !== folder.uid) {
      wrong.push(`${path} belongs to uid ${info.uid}, the folder to ${folder.uid}. Run: chown ${folder.uid} ${path}`);
    }
  }
  if (wrong.length > 0) return problem(`${wrong.join(". ")}.`);
  return ok(`${count} files, closed to others.`);
};

/** Null for what is not there. */
export function absent(thrown: unknown): null {
  if (thrown instanceof Deno.errors.NotFound) return null;
  throw thrown;
}
