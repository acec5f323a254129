import { createRequire } from "node:module";
import { AppError } from "../errors.ts";

/** The part of @node-rs/argon2 that we use. */
interface Argon2 {
  hash(password: string, options: Record<string, number>): Promise<string>;
  verify(hash: string, password: string): Promise<boolean>;
}

/** Argon2id with the specification's floor (section 10): 64 MiB, three passes, one lane. 45 to 60 ms here. */
const PARAMETERS = { algorithm: 2, memoryCost: 65_536, timeCost: 3, parallelism: 1, outputLen: 32 };

/** The platform package is loaded itself: the package in front of it would ask for far wider permissions. */
const PLATFORM_PACKAGE = "@node-rs/argon2-linux-x64-gnu";

let native: Argon2 | undefined;
function argon2(): Argon2 {
  native ??= createRequire(import.meta.url)(PLATFORM_PACKAGE) as Argon2;
  return native;
}

/** Hashes at once: each takes 64 MiB and a core, so a storm of logins must queue rather than take the machine. */
const AT_ONCE = 2;
/** Logins that may wait; the next one is asked to come back. */
const WAITING = 64;

let running = 0;
const queue: (() => void)[] = [];

async function withSlot<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) {
    if (queue.length >= WAITING) throw new AppError("too_many_requests");
    await new Promise<void>((resolve) => queue.push(resolve));
  } else running++;
  try {
    return await work();
  } finally {
    const next = queue.shift();
    if (next) next();
    else running--;
  }
}

/**
 * Hash of a password in PHC string form.
 * @throws AppError too_many_requests when too many wait already
 */
export function hashPassword(password: string): Promise<string> {
  return withSlot(() => argon2().hash(password.normalize("NFKC"), PARAMETERS));
}

/** A hash that no password fits, made with the same parameters: it takes the same time to be wrong. */
let nobody: Promise<string> | undefined;

/**
 * True when the password fits. Without a hash (an unknown user) it takes just as long and answers false.
 * @throws AppError too_many_requests when too many wait already
 */
export async function verifyPassword(hash: string | null, password: string): Promise<boolean> {
  nobody ??= hashPassword(crypto.randomUUID());
  const against = hash ?? await nobody;
  const fits = await withSlot(() => argon2().verify(against, password.normalize("NFKC")));
  return fits && hash !== null;
}

/** Makes the hash for unknown users ahead of time, so that not even the first failure is slower. */
export async function warmUpPasswords(): Promise<void> {
  nobody ??= hashPassword(crypto.randomUUID());
  await nobody;
}
