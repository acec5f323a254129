import { setImmediate } from "node:timers";
import { AppError } from "../errors.ts";
import { SignedStatement } from "./statements.ts";

/** A line longer than this is none of ours. */
const MAX_LINE = 4_096;
/** Bytes of a file that are read at once. */
const PIECE = 65_536;

/** Statements that lie outside of the database. */
export interface OutsideStatements {
  statements: SignedStatement[];
  /** Lines that could not be read; the last one of a file is cut when the machine dies while it is written. */
  unreadable: number;
}

/**
 * Adds a statement to the folder's file of its month, one line of JSON each, and waits until it is on the disk. Files
 * are only ever appended to: copy them to another machine, or make them append-only (chattr +a), and nobody who takes
 * this machine over can make them say less.
 */
export async function appendOutside(folder: string, statement: SignedStatement): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const path = `${folder}/checkpoints-${statement.at.slice(0, 7)}.jsonl`;
  const file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
  try {
    const bytes = new TextEncoder().encode(`${JSON.stringify(statement)}\n`);
    for (let sent = 0; sent < bytes.length;) sent += await file.write(bytes.subarray(sent));
    await file.sync();
  } finally {
    file.close();
  }
}

/** All statements of a folder's files; none when there is no such folder. */
export async function readOutside(folder: string): Promise<OutsideStatements> {
  const all: OutsideStatements = { statements: [], unreadable: 0 };
  for (const name of await namesIn(folder)) {
    const found = await readStatementFile(`${folder}/${name}`);
    for (const statement of found.statements) all.statements.push(statement);
    all.unreadable += found.unreadable;
  }
  return all;
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (/^checkpoints-[0-9-]+\.jsonl$/.test(name)) names.push(name);
    }
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  return names.sort();
}

/**
 * The statements in a file: our own lines, or lines of the journal (`journalctl -o cat -u patch-manager`), whose event
 * `audit.checkpoint` carries the same text. Other lines of a journal are passed over.
 * @throws AppError bad_request when the file cannot be read
 */
export async function readStatementFile(path: string): Promise<OutsideStatements> {
  const found: OutsideStatements = { statements: [], unreadable: 0 };
  for await (const line of linesOfFile(path)) {
    if (line.trim() === "") continue;
    const read = readLine(line);
    if (read === "unreadable") found.unreadable++;
    else if (read !== null) found.statements.push(read);
  }
  return found;
}

/**
 * The lines of a file, never more of it in memory than one piece and one line.
 *
 * Read without waiting, into one buffer, with a turn of the event loop after each piece: the collector does its work in
 * those turns. An export of a million rows is verified in 10.5 s with 140 MiB so; with a stream it took 12 to 13 s and
 * 142 to 168 MiB, without the turns 170 MiB.
 *
 * @throws AppError bad_request when the file cannot be opened
 */
export async function* linesOfFile(path: string): AsyncGenerator<string> {
  using file = await opened(path);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(PIECE);
  let rest = "";
  for (;;) {
    const read = file.readSync(buffer);
    // A character may lie across two pieces.
    const piece = read === null ? decoder.decode() : decoder.decode(buffer.subarray(0, read), { stream: true });
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    yield* lines;
    if (read === null) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (rest !== "") yield rest;
}

async function opened(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.name : "unknown reason";
    throw new AppError("bad_request", {
      message: `${path} cannot be read (${why}).`,
      hint: "Check the name, and that you may read it.",
    });
  }
}

function readLine(line: string): SignedStatement | "unreadable" | null {
  if (line.length > MAX_LINE) return null;
  try {
    const json = JSON.parse(line);
    if (typeof json?.event !== "string") return SignedStatement.safeParse(json).data ?? "unreadable";
    if (json.event !== "audit.checkpoint") return null;
    return SignedStatement.safeParse(JSON.parse(json.message)).data ?? "unreadable";
  } catch {
    return "unreadable";
  }
}
