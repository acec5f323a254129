import { z } from "zod";
import type { CertificateOrder, IssuedCertificate } from "../ca/types.ts";

/** The CA as enrolment needs it. Handed in, because only the web role can sign. */
export interface Issuer {
  /** The root certificate, PEM: what an agent trusts from then on. */
  root_pem: string;
  /** Issues a leaf. Throws AppError validation_failed when the order is not sound. */
  issue(order: CertificateOrder): Promise<IssuedCertificate>;
  /** True for a machine that asks for a name or address of the manager itself. */
  is_own(machine: { fqdn: string; address: string }): boolean;
  /** The present list of revoked certificates, PEM; null where there is none yet. */
  crl(): Promise<string | null>;
}

/** What a person asks for. */
export const TokenOrder = z.strictObject({
  /** One per machine. */
  count: z.int().min(1, "must be at least 1").max(1_000, "must be at most 1000").default(1),
  label: z.string().trim().max(200, "must have at most 200 characters").default(""),
  /** Groups that the machine joins. */
  group_ids: z.array(z.uuid("must be the id of a group")).max(100, "must be at most 100").default([]),
  /** Hours from now. */
  expires_in_hours: z.int().min(1, "must be at least 1").max(720, "must be at most 720 (30 days)").default(24),
});
export type TokenOrder = z.input<typeof TokenOrder>;

/** A token as it is shown once; the database keeps its hash only. */
export interface NewToken {
  id: string;
  token: string;
  expires_at: Temporal.Instant;
}

/** A request that waits or was decided. */
export const Enrolment = z.object({
  id: z.uuid(),
  machine_hash: z.string(),
  fqdn: z.string(),
  address: z.string(),
  port: z.number(),
  csr: z.string().nullable(),
  state: z.enum(["pending", "approved", "denied", "collected", "expired"]),
  token_id: z.uuid().nullable(),
  clone_of: z.uuid().nullable(),
  host_id: z.uuid().nullable(),
  certificate_pem: z.string().nullable(),
  expires_at: z.instanceof(Temporal.Instant),
});
export type Enrolment = z.infer<typeof Enrolment>;

/** What a machine that asks says of itself, after the checks. */
export interface Machine {
  /** SHA-256, hexadecimal; the machine's own id is never kept. */
  machine_hash: string;
  fqdn: string;
  address: string;
  port: number;
}
