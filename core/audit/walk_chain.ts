import { createHash } from "node:crypto";
import type { SignedStatement } from "./statements.ts";

/** The hash before the first row. */
export const ZERO_HASH = "00".repeat(32);

/** A row of the chain, from the database or from an export. Hashes are hexadecimal. */
export interface ChainRow {
  seq: number;
  /** The bytes that were hashed; text stands for its UTF-8. */
  payload: string | Uint8Array;
  previous_hash: string;
  hash: string;
  /** False when a column that people search by is not what the payload says. */
  copies_match: boolean;
}

/** Where the checkpoint came from that a row was held against. */
export type CheckpointPlace = "database" | "outside";

export interface ChainProblem {
  seq: number;
  problem: string;
  found_by: "chain" | CheckpointPlace;
}

/** Signed rows by number; of several for one row all have to agree. */
export type Checkpoints = ReadonlyMap<number, readonly { place: CheckpointPlace; statement: SignedStatement }[]>;

const PREFIX = new TextEncoder().encode("patch-manager/audit/v1\u0000");
const HEAD = PREFIX.length + 8 + 32;
const encoder = new TextEncoder();
// One buffer for all rows, and one call for each: three times as fast as handing over the four parts (measured).
let buffer = new Uint8Array(HEAD + 3 * 16_384);
buffer.set(PREFIX);

/**
 * Hash of one row, version 1, hexadecimal: see the migration that made audit_log. The same as `auditHash`, without a
 * turn of the event loop for each row, which is what a million rows take most of their time for.
 *
 * @param previous 64 hexadecimal digits
 */
export function chainHash(seq: number, previous: string, payload: string | Uint8Array): string {
  // A character takes at most three bytes.
  const most = HEAD + payload.length * 3;
  if (most > buffer.length) {
    buffer = new Uint8Array(most);
    buffer.set(PREFIX);
  }
  new DataView(buffer.buffer).setBigInt64(PREFIX.length, BigInt(seq));
  buffer.subarray(PREFIX.length + 8, HEAD).setFromHex(previous);
  let length = payload.length;
  if (typeof payload === "string") length = encoder.encodeInto(payload, buffer.subarray(HEAD)).written;
  else buffer.set(payload, HEAD);
  return createHash("sha256").update(buffer.subarray(0, HEAD + length)).digest("hex");
}

/** Goes over rows in order and stops at the first that does not hold. */
export class ChainWalk {
  #seq: number;
  #hash: string;
  #held = 0;
  #held_outside = 0;
  readonly #checkpoints: Checkpoints;

  /** @param base the row before the first one: 0 and zeros, or what a retention marker stands for */
  constructor(base: { seq: number; hash: string }, checkpoints: Checkpoints = new Map()) {
    this.#seq = base.seq;
    this.#hash = base.hash;
    this.#checkpoints = checkpoints;
  }

  /** The last row that holds. */
  get seq(): number {
    return this.#seq;
  }
  get hash(): string {
    return this.#hash;
  }
  /** How many checkpoints the rows so far agree with, wherever they lie, and how many of them outside. */
  get held(): { all: number; outside: number } {
    return { all: this.#held, outside: this.#held_outside };
  }

  /** Null when the row holds. */
  take(row: ChainRow): ChainProblem | null {
    const broken = (seq: number, problem: string): ChainProblem => ({ seq, problem, found_by: "chain" });
    if (row.seq !== this.#seq + 1) return broken(this.#seq + 1, "the row is missing");
    if (row.previous_hash !== this.#hash) return broken(row.seq, "it does not follow from the row before");
    if (row.hash !== chainHash(row.seq, this.#hash, row.payload)) {
      return broken(row.seq, "its content is not what was written");
    }
    if (!row.copies_match) return broken(row.seq, "its searchable columns are not what was written");
    for (const { place, statement } of this.#checkpoints.get(row.seq) ?? []) {
      if (statement.hash !== row.hash) return this.#rewritten(row.seq, place, statement);
      this.#held++;
      if (place === "outside") this.#held_outside++;
    }
    this.#seq = row.seq;
    this.#hash = row.hash;
    return null;
  }

  #rewritten(seq: number, found_by: CheckpointPlace, { at }: SignedStatement): ChainProblem {
    const words = found_by === "outside" ? "outside of the database" : "in the database";
    return {
      seq,
      found_by,
      problem:
        `it is not the row that the checkpoint ${words} signed at ${at}: this row, or rows before it since the ` +
        "checkpoint before, were written anew",
    };
  }
}

/** What a checkpoint beyond the end proves: rows were there, and are not. Null when there is none. */
export function beyondTheEnd(end: number, checkpoints: Checkpoints): ChainProblem | null {
  let furthest: { place: CheckpointPlace; statement: SignedStatement } | null = null;
  for (const [seq, entries] of checkpoints) {
    if (seq > end && seq > (furthest?.statement.seq ?? 0)) furthest = entries[0];
  }
  if (furthest === null) return null;
  const words = furthest.place === "outside" ? "outside of the database" : "in the database";
  return {
    seq: end + 1,
    found_by: furthest.place,
    problem: `the row is missing: the checkpoint ${words} signed at ${furthest.statement.at} knows ` +
      `${furthest.statement.seq} rows, so the end was cut off or an older database was restored`,
  };
}
