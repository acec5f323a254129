import { z } from "zod";
import { revocationReasons, type RevokedCertificate } from "../ca/crl.ts";
import { many, maybe, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";

const instant = z.instanceof(Temporal.Instant);

/** What changes whenever a certificate is revoked: as text, to be compared only. */
export async function revocationState(db: Db): Promise<string> {
  const row = await one(
    z.object({ state: z.string() }),
    db`
      select count(*) || ' ' || coalesce(max(revoked_at)::text, '') as state
      from certificates where revoked_at is not null`,
  );
  return row.state;
}

/** Revoked certificates that ended after an instant, oldest revocation first. */
export async function selectRevoked(db: Db, ended_after: Temporal.Instant): Promise<RevokedCertificate[]> {
  const rows = await many(
    z.object({ serial: z.string(), revoked_at: instant, not_after: instant, reason: z.string().nullable() }),
    db`
      select serial, revoked_at, not_after, revoked_reason as reason
      from certificates where revoked_at is not null and not_after > ${ended_after}
      order by revoked_at, serial`,
  );
  return rows.map(({ reason, ...row }) => ({ ...row, reason: isReason(reason) ? reason : "unspecified" }));
}

/** A reason that a person wrote in words has no number in RFC 5280. */
function isReason(reason: string | null): reason is RevokedCertificate["reason"] {
  return reason !== null && Object.hasOwn(revocationReasons, reason);
}

export const HostCertificate = z.object({ serial: z.string(), fingerprint: z.string(), pem: z.string() });
export type HostCertificate = z.infer<typeof HostCertificate>;

/** The newest certificate of a host that was not revoked and that is not on its way there; null when it has none. */
export function selectHostCertificate(db: Db, hostId: string): Promise<HostCertificate | null> {
  return maybe(
    HostCertificate,
    db`
      select serial, fingerprint, pem from certificates
      where host_id = ${hostId} and kind = 'agent' and revoked_at is null
        and not exists (select from certificate_renewals r where r.certificate_id = certificates.id and r.state = 'signed')
      order by issued_at desc, id desc limit 1`,
  );
}
