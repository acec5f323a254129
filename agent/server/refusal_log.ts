import type { Log } from "../../core/log.ts";

/** A refusal of the same kind and address is said once in this time. */
const QUIET_MS = 60_000;
/** Addresses that are remembered; beyond it the oldest is forgotten. */
const MAX_REMEMBERED = 256;
/** Lines in {@link QUIET_MS}, whatever their addresses: a forged IPv6 network has more of them than a disk has bytes. */
const MAX_LINES = 60;

const WORDS: Record<string, string> = {
  address_not_allowed: "This address may not connect. Where the manager has it, add it with --allow; any opens to all.",
  handshake_failed: "The TLS handshake failed: no certificate, one of another root, or no TLS 1.3.",
  not_authorized: "The connection shows no certificate that was checked.",
  no_certificate: "The connection shows no certificate.",
  old_protocol: "The connection is older than TLS 1.3.",
  untrusted_issuer: "The certificate is of another root than the one that this host was enrolled with.",
  wrong_purpose: "The certificate is not one for clients.",
  wrong_identity: "The certificate is not the manager's.",
  not_yet_valid: "The certificate is not valid yet by this host's clock.",
  expired: "The certificate has expired by this host's clock.",
  revoked: "The certificate is revoked.",
};

/** Says who was refused and why, without letting the refused write the log full. */
export class RefusalLog {
  readonly #seen = new Map<string, { since: number; left_out: number }>();
  #lines = 0;
  #window = -Infinity;

  /** `now` answers milliseconds that never go back. */
  constructor(readonly log: Log, readonly now: () => number = () => performance.now()) {}

  /** `why` is a word of {@link import("../../protocol/listener.ts").GuardOptions.on_refused}. */
  say(why: string, address: string | undefined): void {
    const now = this.now();
    const key = `${why} ${address ?? ""}`;
    const seen = this.#seen.get(key);
    if (seen && now - seen.since < QUIET_MS) {
      seen.left_out += 1;
      return;
    }
    if (now - this.#window >= QUIET_MS) {
      this.#window = now;
      this.#lines = 0;
    }
    if (++this.#lines > MAX_LINES) return;
    this.#seen.delete(key);
    if (this.#seen.size >= MAX_REMEMBERED) this.#seen.delete(this.#seen.keys().next().value!);
    this.#seen.set(key, { since: now, left_out: 0 });
    this.log.warn("peer.refused", {
      address,
      error_code: why,
      message: WORDS[why] ?? "",
      // As many as since the line before, this one included.
      count: 1 + (seen?.left_out ?? 0),
    });
  }
}
