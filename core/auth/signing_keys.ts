import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import type { Log } from "../log.ts";
import { SIGNING_KEY_DAYS, SIGNING_KEY_OVERLAP_HOURS } from "./rules.ts";
import type { Sealer } from "./sealer.ts";
import * as store from "./signing_key_store.ts";

/** A key that was opened. */
export interface SigningKey {
  /** Thumbprint of the public half (RFC 7638). */
  kid: string;
  private_key: CryptoKey;
  public_key: CryptoKey;
  signs_until: Temporal.Instant;
  verifies_until: Temporal.Instant;
}

export interface SigningKeysOptions {
  sql: Sql;
  sealer: Sealer;
  clock: Clock;
  log: Log;
}

/** How often the database is asked for keys that other processes made, in seconds. */
const RELOAD_SECONDS = 3_600;
/** An unknown kid makes us look sooner, but strangers send as many as they like. Seconds. */
const LOOK_AGAIN_SECONDS = 10;

const PrivateJwk = z.strictObject({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().length(43),
  d: z.string().length(43),
});

/**
 * The Ed25519 keys that sign access tokens. Each signs for 90 days; the next is made a day ahead, so that every process
 * knows it before it signs, and the last verifies for a day more. They lie in the database, their private halves sealed
 * with the key outside of it, and the public half that counts is the one inside the seal: whoever can only write to the
 * database can add no key of their own.
 */
export class SigningKeys {
  #keys: readonly SigningKey[] = [];
  #looked: Temporal.Instant | null = null;
  #looking: Promise<void> | null = null;
  /** Complained of already: a key that stays unusable is one line in the log. */
  #left_out = new Set<string>();

  constructor(private readonly options: SigningKeysOptions) {}

  /** The key that signs now. Makes one where none is usable. */
  async signing(): Promise<SigningKey> {
    if (this.#isOlderThan(RELOAD_SECONDS) || !this.#first()) await this.look();
    const key = this.#first();
    if (!key) throw new Error("There is no key to sign access tokens with, and none could be made.");
    return key;
  }

  /** The public half of a key that may still verify; null for any other kid. */
  async verifying(kid: string): Promise<CryptoKey | null> {
    if (!/^[A-Za-z0-9_-]{43}$/.test(kid)) return null;
    if (!this.#find(kid) && this.#isOlderThan(LOOK_AGAIN_SECONDS)) await this.look();
    return this.#find(kid)?.public_key ?? null;
  }

  /** Reads the keys, and makes the next one when it is due. Whoever calls meanwhile waits for the same reading. */
  look(): Promise<void> {
    return this.#looking ??= this.#look().finally(() => this.#looking = null);
  }

  async #look(): Promise<void> {
    const { sql, clock } = this.options;
    const now = clock.now();
    let keys = await this.#open(await store.selectSigningKeys(sql, now));
    if (isDue(keys, now)) {
      keys = await transaction(sql, async (tx) => {
        await store.lockSigningKeys(tx);
        const found = await this.#open(await store.selectSigningKeys(tx, now));
        // Another process was faster.
        if (!isDue(found, now)) return found;
        await store.deleteSigningKeys(tx, now.subtract({ hours: SIGNING_KEY_OVERLAP_HOURS }));
        return [...found, await this.#make(tx, found.at(-1)?.signs_until ?? now, now)];
      });
    }
    this.#keys = keys;
    this.#looked = now;
  }

  async #make(
    tx: Parameters<typeof store.insertSigningKey>[0],
    last: Temporal.Instant,
    now: Temporal.Instant,
  ): Promise<SigningKey> {
    const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const { kty, crv, x, d } = await exportJWK(pair.privateKey);
    const public_jwk = { kty, crv, x };
    const kid = await calculateJwkThumbprint(public_jwk as JWK);
    const plain = new TextEncoder().encode(JSON.stringify({ kty, crv, x, d }));
    // A turn begins where the one before ends; one that ended already does not count.
    const begins = Temporal.Instant.compare(last, now) > 0 ? last : now;
    const signs_until = begins.add({ hours: SIGNING_KEY_DAYS * 24 });
    const verifies_until = signs_until.add({ hours: SIGNING_KEY_OVERLAP_HOURS });
    const sealed = await this.options.sealer.seal(plain, purpose(kid));
    await store.insertSigningKey(tx, { kid, public_jwk, sealed, created_at: now, signs_until, verifies_until });
    this.options.log.info("signing_key.created", { message: `Key ${kid} signs until ${signs_until}.` });
    const key = await openKey(kid, plain);
    return { ...key!, signs_until, verifies_until };
  }

  /** Those that can be opened with our key. */
  async #open(rows: store.SigningKeyRow[]): Promise<SigningKey[]> {
    const keys: SigningKey[] = [];
    for (const { kid, sealed, signs_until, verifies_until } of rows) {
      const known = this.#keys.find((key) => key.kid === kid);
      const plain = known ? null : await this.options.sealer.open(sealed, purpose(kid));
      const opened = known ?? (plain && await openKey(kid, plain));
      if (opened) keys.push({ ...opened, signs_until, verifies_until });
      else if (!this.#left_out.has(kid)) {
        this.#left_out.add(kid);
        this.options.log.warn("signing_key.left_out", {
          message: `Key ${kid} was not sealed with the present secrets.key. Who holds a token of it signs in again.`,
        });
      }
    }
    return keys;
  }

  #first(): SigningKey | undefined {
    const now = this.options.clock.now();
    return this.#keys.find(({ signs_until }) => Temporal.Instant.compare(signs_until, now) > 0);
  }

  #find(kid: string): SigningKey | undefined {
    const now = this.options.clock.now();
    return this.#keys.find((key) => key.kid === kid && Temporal.Instant.compare(key.verifies_until, now) > 0);
  }

  #isOlderThan(seconds: number): boolean {
    return this.#looked === null || this.options.clock.now().since(this.#looked).total("seconds") >= seconds;
  }
}

/** True when no key signs for another day. */
function isDue(keys: readonly SigningKey[], now: Temporal.Instant): boolean {
  const needed = now.add({ hours: SIGNING_KEY_OVERLAP_HOURS });
  return !keys.some(({ signs_until }) => Temporal.Instant.compare(signs_until, needed) > 0);
}

const purpose = (kid: string) => `signing-key:${kid}`;

/** Both halves of what was sealed; null when it is no such key, or another one than its name says. */
async function openKey(
  kid: string,
  plain: Uint8Array,
): Promise<Pick<SigningKey, "kid" | "private_key" | "public_key"> | null> {
  let jwk;
  try {
    jwk = PrivateJwk.parse(JSON.parse(new TextDecoder().decode(plain)));
  } catch {
    return null;
  }
  const { kty, crv, x } = jwk;
  if (await calculateJwkThumbprint({ kty, crv, x }) !== kid) return null;
  return {
    kid,
    private_key: await importJWK(jwk, "EdDSA") as CryptoKey,
    public_key: await importJWK({ kty, crv, x }, "EdDSA") as CryptoKey,
  };
}
