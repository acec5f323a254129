import { z } from "zod";
import { type Clock, epochMs } from "../core/clock.ts";
import type { ListenerCredentials } from "../protocol/listener.ts";
import {
  createKeyAndRequest,
  IdentityError,
  parseIdentity,
  readIfThere,
  writeIdentity,
  writeWhole,
} from "./certificates.ts";

/** The request that waits for its certificate. */
const PENDING = "renewal-pending.json";
/** The identity before the present one, until the present one was used. */
const FORMER = "identity-former.pem";
/** A request that nobody answered for so long is replaced by one with another key. */
const PENDING_LIFE_MS = 24 * 3_600_000;

const Pending = z.object({ key_pem: z.string(), csr_pem: z.string(), created_ms: z.number() });
/** A key of ours without a certificate. Its file is 0600 like every other of the folder. */
export type Pending = z.infer<typeof Pending>;

/** The request that waits, null when there is none or its file is damaged: the next one takes its place. */
export async function readPending(state: string): Promise<Pending | null> {
  const text = await readIfThere(`${state}/${PENDING}`);
  if (text === null) return null;
  try {
    return Pending.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/**
 * The request that waits, or a new one with a new key. The same one for a day: a manager that lost our answer asks
 * again, and a certificate that is on its way must still find its key.
 */
export async function pendingRequest(state: string, name: string, clock: Clock): Promise<Pending> {
  const known = await readPending(state);
  const age = known === null ? Infinity : epochMs(clock) - known.created_ms;
  if (known !== null && age >= 0 && age < PENDING_LIFE_MS) return known;
  const pending = { ...await createKeyAndRequest(name), created_ms: epochMs(clock) };
  await writeWhole(`${state}/${PENDING}`, JSON.stringify(pending));
  return pending;
}

/** Forgets the request and its key. */
export function removePending(state: string): Promise<void> {
  return removeIfThere(`${state}/${PENDING}`);
}

/** Keeps the identity that is about to be replaced. */
export function keepFormer(state: string, credentials: ListenerCredentials): Promise<void> {
  return writeIdentity(`${state}/${FORMER}`, credentials);
}

/** The identity before this one while this one has not been used, else null. A damaged one helps nobody: null. */
export async function readFormer(state: string): Promise<ListenerCredentials | null> {
  const path = `${state}/${FORMER}`;
  const text = await readIfThere(path);
  if (text === null) return null;
  try {
    return parseIdentity(text, path);
  } catch (thrown) {
    if (thrown instanceof IdentityError) return null;
    throw thrown;
  }
}

/** Forgets the former key and certificate for good. */
export function removeFormer(state: string): Promise<void> {
  return removeIfThere(`${state}/${FORMER}`);
}

async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path).catch((thrown) => {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  });
}
