import { z } from "zod";
import type { ChainRow } from "./walk_chain.ts";

/** A row as the verification reads it: all columns, since the copies that people search by have to be true as well. */
export const StoredRow = z.object({
  seq: z.number().int().positive(),
  /** PostgreSQL's escape form: bytes that are no ASCII as \ooo, a backslash as two. Text, whatever the bytes are. */
  payload: z.string(),
  previous_hash: z.string(),
  hash: z.string(),
  /** UTC, with microseconds. */
  at: z.string(),
  actor_kind: z.string(),
  actor_id: z.string().nullable(),
  actor_name: z.string().nullable(),
  address: z.string().nullable(),
  request_id: z.string().nullable(),
  action: z.string(),
  object_kind: z.string().nullable(),
  object_id: z.string().nullable(),
  outcome: z.string(),
});
export type StoredRow = z.infer<typeof StoredRow>;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The row for {@link ChainRow}: its bytes, and whether its copied columns are what the payload says. */
export function chainRow(row: StoredRow): ChainRow {
  const { seq, previous_hash, hash } = row;
  // Nearly every payload is ASCII without a backslash, and then the text is the payload.
  const payload = row.payload.includes("\\") ? unescape(row.payload) : row.payload;
  return { seq, previous_hash, hash, payload, copies_match: copiesMatch(row, payload) };
}

function unescape(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "\\") bytes[length++] = text.charCodeAt(at);
    else if (text[at + 1] === "\\") bytes[length++] = 0x5c, at += 1;
    else bytes[length++] = Number.parseInt(text.slice(at + 1, at + 4), 8), at += 3;
  }
  return bytes.subarray(0, length);
}

interface Copied {
  time?: unknown;
  actor?: Record<string, unknown> | null;
  object?: Record<string, unknown> | null;
  [name: string]: unknown;
}

function copiesMatch(row: StoredRow, payload: string | Uint8Array): boolean {
  let entry: Copied | null;
  try {
    entry = JSON.parse(typeof payload === "string" ? payload : decoder.decode(payload));
  } catch {
    return false;
  }
  if (typeof entry !== "object" || entry === null) return false;
  const { actor, object } = entry;
  return sameTime(row.at, entry.time) && row.action === entry.action && row.outcome === entry.outcome &&
    row.actor_kind === actor?.kind && row.actor_id === (actor?.id ?? null) &&
    row.actor_name === (actor?.name ?? null) && row.address === (entry.address ?? null) &&
    row.request_id === (entry.request_id ?? null) && row.object_kind === (object?.kind ?? null) &&
    row.object_id === (object?.id ?? null);
}

/** @param at as the database writes it, with microseconds; what we wrote has milliseconds */
function sameTime(at: string, time: unknown): boolean {
  if (typeof time !== "string") return false;
  if (time.length === 24 && at === `${time.slice(0, 23)}000Z`) return true;
  try {
    return Temporal.Instant.from(at).equals(Temporal.Instant.from(time));
  } catch {
    return false;
  }
}
