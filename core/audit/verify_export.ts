import { z } from "zod";
import { AppError } from "../errors.ts";
import { canonicalJson } from "./canonical_json.ts";
import type { OutsideStatements } from "./checkpoint_file.ts";
import { type PublicKeys, readPublicKeys } from "./signing_key.ts";
import { judgeStatement, SignedStatement } from "./statements.ts";
import type { AuditVerdict } from "./types.ts";
import { intactVerdict, judged, verdictOf } from "./verify_audit.ts";
import { beyondTheEnd, type ChainProblem, type ChainRow, ChainWalk, ZERO_HASH } from "./walk_chain.ts";

export const EXPORT_FORMAT = "patch-manager/audit-export/v1";

const Start = z.object({
  format: z.literal(EXPORT_FORMAT),
  complete: z.boolean(),
  marker: SignedStatement.nullable(),
  head: z.object({ seq: z.number().int().nonnegative(), hash: z.string() }),
  checkpoints: z.array(SignedStatement),
  public_keys: z.array(z.string()),
});
const Row = z.object({
  seq: z.number().int().positive(),
  previous_hash: z.string(),
  hash: z.string(),
  entry: z.unknown().optional(),
  payload_base64: z.string().optional(),
});
const End = z.object({ count: z.number().int().nonnegative() });

/** What a verification of an export found; `own_keys` when it was held only against the keys in the file itself. */
export type ExportVerdict = AuditVerdict & { own_keys: boolean };

/**
 * Verifies an export line by line, so that its size costs no memory.
 *
 * @param lines of the file
 * @param options.keys trusted keys; without them those of the file count, which prove nothing against whoever made it
 * @param options.outside checkpoints that did not come with the file
 * @throws AppError bad_request for a file that is no whole export
 */
export async function verifyExport(
  lines: AsyncIterable<string>,
  options: { keys?: PublicKeys; outside?: OutsideStatements } = {},
): Promise<ExportVerdict> {
  let walk: ChainWalk | null = null;
  let start: z.infer<typeof Start> | null = null;
  let keys = options.keys;
  let about = judged([], {});
  let problem: ChainProblem | null = null;
  let end: z.infer<typeof End> | null = null;
  let count = 0;
  for await (const line of lines) {
    if (start === null || walk === null) {
      start = readStart(line);
      keys ??= readPublicKeys(start.public_keys.join("\n"));
      about = judged(start.checkpoints, { keys, outside: options.outside });
      walk = new ChainWalk(baseOf(start), about.checkpoints);
    } else if (line.startsWith("]")) end = parsed(End, line.replace(/^\],/, "{"));
    else if (line !== "") {
      const row = readRow(line.replace(/,$/, ""));
      count++;
      problem = row === null ? missing(walk.seq + 1, "its line cannot be read") : walk.take(row);
      if (problem) break;
    }
  }
  if (start === null || walk === null || keys === undefined) throw noExport();
  const base = baseOf(start);
  const unsigned = start.marker && judgeStatement(keys, start.marker) !== "ours"
    ? missing(base.seq + 1, "the rows before it were removed without our signature")
    : null;
  const found = unsigned ?? problem ?? (end === null ? missing(walk.seq + 1, "the file was cut off here") : null) ??
    (walk.seq === start.head.seq && walk.hash === start.head.hash && end?.count === count
      ? null
      : missing(walk.seq + 1, "the row is missing")) ??
    beyondTheEnd(walk.seq, about.checkpoints) ?? about.forged;
  const own_keys = options.keys === undefined;
  return found
    ? { ...verdictOf(base, unsigned ? base.seq : walk.seq, found), own_keys }
    : { ...intactVerdict(base, walk, about, options.outside), own_keys };
}

function missing(seq: number, problem: string): ChainProblem {
  return { seq, problem, found_by: "chain" };
}

function baseOf({ marker }: z.infer<typeof Start>): { seq: number; hash: string } {
  return { seq: marker?.seq ?? 0, hash: marker?.hash ?? ZERO_HASH };
}

function readStart(line: string): z.infer<typeof Start> {
  const start = parsed(Start, line.replace(/,"rows":\[$/, "}"));
  if (start === null) throw noExport();
  if (start.complete) return start;
  throw new AppError("bad_request", {
    message: "This export was filtered, so it lacks rows, and with them the chain.",
    hint: "Only an export of the whole log can be verified: make one without any filter.",
  });
}

function noExport(): AppError {
  return new AppError("bad_request", {
    message: "This is no export of an audit log.",
    hint: "Take the JSON export of the page Audit as it was saved.",
  });
}

/** A payload that stands as JSON is canonical; any other change of its spelling is a change of what was written. */
function readRow(line: string): ChainRow | null {
  const row = parsed(Row, line);
  if (row === null) return null;
  const { seq, previous_hash, hash, entry, payload_base64 } = row;
  try {
    const payload = payload_base64 === undefined ? canonicalJson(entry) : Uint8Array.fromBase64(payload_base64);
    return { seq, previous_hash, hash, payload, copies_match: true };
  } catch {
    return null;
  }
}

function parsed<S extends z.ZodType>(schema: S, text: string): z.output<S> | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
