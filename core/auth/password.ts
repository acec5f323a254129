import { createRequire } from "node:module";
import { type Asker, HashQueue, INSIDE } from "./hash_queue.ts";

/** The part of @node-rs/argon2 that we use. Both work in a thread of their own. */
interface Argon2 {
  hash(password: string, options: Record<string, number>): Promise<string>;
  verify(hash: string, password: string): Promise<boolean>;
}

/**
 * Argon2id with the specification's floor (section 10): 64 MiB, three passes, one lane; above what RFC 9106, 4 asks for
 * where memory is short. 45 to 60 ms here.
 */
const PARAMETERS = { algorithm: 2, memoryCost: 65_536, timeCost: 3, parallelism: 1, outputLen: 32 };

/** The platform package is loaded itself: the package in front of it would ask for far wider permissions. */
const PLATFORM_PACKAGE = "@node-rs/argon2-linux-x64-gnu";

let native: Argon2 | undefined;
function argon2(): Argon2 {
  native ??= createRequire(import.meta.url)(PLATFORM_PACKAGE) as Argon2;
  return native;
}

/**
 * Each hash takes 64 MiB and a core, so a storm of logins must queue rather than take the machine: two at once, one of
 * them never a stranger's. 32 that wait are two seconds' work. A network that nobody has signed in from has a quarter of
 * the strangers' queue, one that is known three quarters of the other: an office behind one address starts its day at once.
 */
const queue = new HashQueue({
  ...{ at_once: 2, kept: 1, waiting: 32 },
  ...{ known_network: 24, strange_network: 8, strange_wide: 16 },
});

/**
 * Hash of a password in PHC string form, after Unicode compatibility normalisation.
 * @throws QueueFull when too many wait already
 */
export function hashPassword(password: string, asker: Asker = INSIDE): Promise<string> {
  return queue.run(asker, () => argon2().hash(normal(password), PARAMETERS));
}

/** A hash that no password fits, made with the same parameters: it takes the same time to be wrong. */
let nobody: Promise<string> | undefined;

/**
 * True when the password fits. Without a hash (an unknown user) it takes just as long and answers false.
 *
 * @param asker where the attempt comes from; without it somebody who is signed in
 * @param begin called when it is its turn; where it answers false the password is not looked at, and does not fit
 * @throws QueueFull when too many wait already
 */
export async function verifyPassword(
  hash: string | null,
  password: string,
  asker: Asker = INSIDE,
  begin: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<boolean> {
  await warmUpPasswords();
  const against = hash ?? await nobody!;
  const fits = await queue.run(asker, async () => await begin() && await argon2().verify(against, normal(password)));
  return fits && hash !== null;
}

/** Makes the hash for unknown users ahead of time, so that not even the first failure is slower. */
export async function warmUpPasswords(): Promise<void> {
  nobody ??= hashPassword(crypto.randomUUID());
  await nobody;
}

/** True when a stored hash is weaker than those made now, so that it is made anew while the password is at hand. */
export function isOutdated(hash: string): boolean {
  const found = /^\$argon2id\$v=(\d+)\$m=(\d+),t=(\d+),p=\d+\$/.exec(hash);
  if (!found) return true;
  const [version, memory, passes] = found.slice(1).map(Number);
  return version < 19 || memory < PARAMETERS.memoryCost || passes < PARAMETERS.timeCost;
}

/** The same characters typed on another keyboard are the same password (NIST SP 800-63B-4, 3.1.1.2). */
function normal(password: string): string {
  return password.toWellFormed().normalize("NFKC");
}
