import { canonicalJson } from "./canonical_json.ts";
import type { AuditEntry } from "./types.ts";

/** Details are kept up to this size in bytes of canonical JSON; more becomes count and hash. */
export const MAX_DETAIL_BYTES = 8192;
/** Longer lists within the details become their first items, their count and their hash. */
export const MAX_LIST_ITEMS = 50;

const encoder = new TextEncoder();

/** What a member of the details may never be called: a row must not be able to carry a secret by accident. */
const SECRET_NAME = /pass(word|phrase)?$|secret|token$|private|cookie|authorization|api_?key/i;

/**
 * The bytes that are hashed and stored for an entry at a time.
 * @throws TypeError when a member of the details has a secret's name
 */
export async function auditPayload(entry: AuditEntry, time: string): Promise<Uint8Array> {
  refuseSecrets(entry.details ?? {}, "details");
  const details = await boundDetails(entry.details ?? {});
  const text = canonicalJson({
    time,
    actor: { kind: entry.actor.kind, id: entry.actor.id ?? null, name: bounded(entry.actor.name ?? null, 200) },
    address: entry.address ?? null,
    request_id: entry.request_id ?? null,
    action: entry.action,
    object: entry.object
      ? { kind: entry.object.kind, id: entry.object.id, name: bounded(entry.object.name ?? null, 300) }
      : null,
    outcome: entry.outcome,
    details,
  });
  return encoder.encode(text);
}

/** Hash of one row, version 1: see the migration that made audit_log. */
export async function auditHash(seq: number, previous: Uint8Array, payload: Uint8Array): Promise<Uint8Array> {
  const prefix = encoder.encode("patch-manager/audit/v1\u0000");
  const bytes = new Uint8Array(prefix.length + 8 + previous.length + payload.length);
  bytes.set(prefix);
  new DataView(bytes.buffer).setBigInt64(prefix.length, BigInt(seq));
  bytes.set(previous, prefix.length + 8);
  bytes.set(payload, prefix.length + 8 + previous.length);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Lists grow shorter until all fits: long names from a host must not push out which hosts a job was for. */
async function boundDetails(details: Record<string, unknown>): Promise<unknown> {
  const cleaned = clean(details);
  for (const items of [MAX_LIST_ITEMS, 20, 5, 0]) {
    const shortened = await shortenLists(cleaned, items);
    if (encoder.encode(canonicalJson(shortened)).length <= MAX_DETAIL_BYTES) return shortened;
  }
  const text = canonicalJson(await shortenLists(cleaned, MAX_LIST_ITEMS));
  const bytes = encoder.encode(text);
  return {
    too_long: true,
    bytes: bytes.length,
    sha256: await digest(text),
    members: Object.keys(details).slice(0, 50),
    // Who acted is never cut off.
    ...("token_id" in details ? { token_id: details.token_id, token_name: details.token_name } : {}),
  };
}

async function shortenLists(value: unknown, most: number): Promise<unknown> {
  if (Array.isArray(value)) {
    const items = await Promise.all(value.slice(0, most).map((item) => shortenLists(item, most)));
    if (value.length <= most) return items;
    return { first: items, count: value.length, sha256: await digest(canonicalJson(value)) };
  }
  if (typeof value === "object" && value !== null) {
    const entries = await Promise.all(
      Object.entries(value).map(async ([key, member]) => [key, await shortenLists(member, most)] as const),
    );
    return Object.fromEntries(entries);
  }
  return value;
}

/** Host-made text may hold what canonical JSON and jsonb cannot: unpaired surrogates and NUL become U+FFFD. */
function clean(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed().replaceAll("\u0000", "\ufffd");
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [clean(key), clean(member)]));
  }
  return value;
}

function refuseSecrets(value: unknown, path: string): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (SECRET_NAME.test(key)) throw new TypeError(`audit details must not hold ${path}.${key}`);
    refuseSecrets(member, `${path}.${key}`);
  }
}

function bounded(text: string | null, length: number): string | null {
  return text === null ? null : (clean(text) as string).slice(0, length).toWellFormed();
}

async function digest(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))).toHex();
}
