import type { Sql } from "../database/connection.ts";
import type { Log } from "../log.ts";
import type { AuditProof } from "./proof.ts";
import type { AuditVerdict, Context, Verification } from "./types.ts";
import { beginVerification, performVerification } from "./verifications.ts";

/** Verifies the audit log for whoever asks, one run at a time, beside the requests that are served meanwhile. */
export class AuditDesk {
  readonly proof: AuditProof;
  readonly #sql: Sql;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #running: Promise<AuditVerdict | null> | null = null;

  constructor(sql: Sql, proof: AuditProof, log: Log) {
    this.#sql = sql;
    this.proof = proof;
    this.#log = log;
  }

  /** Begins a run, or joins the one that is under way, and answers at once. */
  async ask(cause: "asked" | "nightly", context: Context): Promise<Verification> {
    const { verification, begun } = await beginVerification(this.#sql, cause, context);
    if (begun) {
      this.#running = performVerification(this.#sql, verification.id, this.proof, this.#log, this.#stopping.signal)
        .finally(() => this.#running = null);
    }
    return verification;
  }

  /** Waits for the run that is under way here; null when there is none, or it came to no end. */
  settled(): Promise<AuditVerdict | null> {
    return this.#running ?? Promise.resolve(null);
  }

  /** Ends the run that is under way, which counts as interrupted then. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("The manager stops."));
    await this.#running;
  }
}
