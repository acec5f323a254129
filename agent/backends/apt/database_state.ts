import type { PackageDatabase } from "../../executor/package_manager.ts";
import { adminDirectory, aptCall, type CommandResult, hostPath, programs, read } from "./command.ts";
import { dependencyLines, explainFailure } from "./failures.ts";
import { type LockHolder, readLockHolder } from "./lock_holder.ts";

export { parseLocks } from "./lock_holder.ts";

/** dpkg's database may be old and the answer still true; apt's configuration may have changed meanwhile. */
const KEEP_MS = 600_000;
const onHost = (command: string) => `Start a repair from the manager, or run \`${command}\` on the host.`;

/**
 * Reads the state of dpkg's database, again and again, without taking its lock. A running package manager makes the
 * database look half done, so its lock is asked first. What costs time (dpkg's audit, apt's check of dependencies)
 * runs only when the database has changed, or after ten minutes.
 */
export function createDatabaseReader(root: string | null): () => Promise<PackageDatabase> {
  let kept: { key: string; at: number; answer: Promise<PackageDatabase> } | null = null;
  return async () => {
    const holder = await readLockHolder(root);
    if (holder !== null) return { state: "locked", words: lockWords(holder) };
    const journal = await journalFiles(root);
    const key = [journal, await identity(hostPath(root, "/var/lib/dpkg/status")), ...await sources(root)].join(" ");
    if (kept === null || kept.key !== key || performance.now() - kept.at > KEEP_MS) {
      const answer = examine(root, journal);
      const own = kept = { key, at: performance.now(), answer };
      // Only a good answer is worth keeping: what is repaired must show at once.
      answer.then(({ state }) => state === "ok", () => false).then((good) => {
        if (!good && kept === own) kept = null;
      });
    }
    return await kept.answer;
  };
}

/** One look, nothing kept. */
export function readDatabaseState(root: string | null): Promise<PackageDatabase> {
  return createDatabaseReader(root)();
}

/** Who is at work, and that waiting helps. */
export function lockWords({ pid, name }: LockHolder): string {
  const who = pid === 0
    ? "a process that is not to be seen from here"
    : name === null
    ? `process ${pid}`
    : `${name}, process ${pid},`;
  return `Another package manager is at work: ${who} holds dpkg's lock. Nothing is wrong; wait until it has ended.`;
}

async function examine(root: string | null, journal: number): Promise<PackageDatabase> {
  const audit = await read(aptCall(root, programs.dpkg, [...adminDirectory(root), "--audit"]));
  if (journal === 0 && audit.code !== 0 && audit.stdout.trim() === "") {
    const words = `dpkg cannot read its database: ${audit.stderr.trim().split("\n").at(-1) || "it does not say why"}`;
    return { state: "broken", words: words.slice(0, 480) };
  }
  const database = judgeDatabase(journal, audit.stdout);
  if (database.state !== "ok") return database;
  return judgeDependencies(await read(aptCall(root, programs.apt_get, ["-q", "-o", "Debug::NoLocking=1", "check"])));
}

/** A paragraph of `dpkg --audit`, by words of its heading, and what it means. Most harmful first. */
const paragraphs: [heading: RegExp, state: "interrupted" | "broken", words: string][] = [
  [/are in a mess|is a mess|reinstallation/, "interrupted", "to be installed again, because their files are in a mess"],
  [/half installed/, "interrupted", "half installed"],
  [/unpacked but not yet configured/, "interrupted", "unpacked, not configured"],
  [/only half configured/, "broken", "failed half-way"],
  [/trigger/, "interrupted", "waiting for triggers"],
];

/**
 * Reads `dpkg --audit` and the number of files in updates/, where dpkg leaves what it could not finish. Paragraphs
 * about missing checksums or lists of files stop nothing, so they are no state.
 */
export function judgeDatabase(journal: number, audit: string): PackageDatabase {
  if (journal > 0) {
    return {
      state: "interrupted",
      words: `dpkg was interrupted in the middle of a change. ${onHost("dpkg --configure -a")}`,
    };
  }
  const found = new Map<string, { state: "interrupted" | "broken"; names: string[] }>();
  for (const paragraph of audit.split(/\n\s*\n/)) {
    const heading = paragraph.split("\n").filter((line) => !line.startsWith(" ")).join(" ");
    const meaning = paragraphs.find(([pattern]) => pattern.test(heading));
    if (meaning === undefined) continue;
    const names = [...paragraph.matchAll(/^ (\S+)/gm)].map((match) => match[1]);
    const [, state, words] = meaning;
    found.set(words, { state, names: [...found.get(words)?.names ?? [], ...names] });
  }
  if (found.size === 0) return { state: "ok", words: null };
  const order = paragraphs.map(([, , words]) => words).filter((words) => found.has(words));
  const list = order.map((words) => `${words}: ${shorten(found.get(words)!.names)}`).join("; ");
  const interrupted = [...found.values()].some(({ state }) => state === "interrupted");
  const again = order[0] === paragraphs[0][2] ? "apt-get install --reinstall PACKAGE" : "dpkg --configure -a";
  return interrupted
    ? { state: "interrupted", words: `dpkg was interrupted; packages ${list}. ${onHost(again)}`.slice(0, 500) }
    : { state: "broken", words: `The installation of packages ${list}. ${onHost(again)}`.slice(0, 500) };
}

/** Reads `apt-get check`, which ends with 100 when installed packages miss what they depend on. */
export function judgeDependencies({ code, stdout, stderr }: CommandResult): PackageDatabase {
  if (code === 0) return { state: "ok", words: null };
  const output = stderr + stdout;
  if (/[Uu]nmet dependencies|held broken packages/.test(output)) {
    const lines = dependencyLines(output);
    const list = lines.slice(0, 3).join("; ") + (lines.length > 3 ? `; and ${lines.length - 3} more` : "");
    const words = `Installed packages miss what they need${list ? `: ${list}` : ""}`.slice(0, 380);
    return { state: "broken", words: `${words}. ${onHost("apt-get --fix-broken install")}` };
  }
  // Not a matter of packages: a source line that nobody understands, for example. apt can then do nothing at all.
  return { state: "broken", words: `apt cannot work: ${explainFailure(output, "refresh").words}`.slice(0, 500) };
}

function shorten(names: string[]): string {
  return names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
}

/** dpkg replaces the file at every change, so it gets a new number even within one tick of the clock. */
async function identity(path: string): Promise<string> {
  try {
    const { ino, size, mtime, ctime } = await Deno.stat(path);
    return `${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    // Without the right to look, the ten minutes stand in for it.
    if (error instanceof Deno.errors.NotCapable) return "unseen";
    throw error;
  }
}

/** A source line that apt does not understand stops it as much as a broken database. */
async function sources(root: string | null): Promise<string[]> {
  const folder = hostPath(root, "/etc/apt/sources.list.d");
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) names.push(`${folder}/${name}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable)) throw error;
  }
  return await Promise.all([hostPath(root, "/etc/apt/sources.list"), ...names.toSorted()].map(identity));
}

/** How many changes dpkg had begun to write down when it was cut off. */
export async function journalFiles(root: string | null): Promise<number> {
  const folder = hostPath(root, "/var/lib/dpkg/updates");
  let count = 0;
  try {
    for await (const entry of Deno.readDir(folder)) if (/^\d+$/.test(entry.name)) count++;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return count;
}
