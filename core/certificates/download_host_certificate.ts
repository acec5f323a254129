import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { findHost } from "../hosts/find_host.ts";
import { type HostCertificate, selectHostCertificate } from "./store.ts";

/**
 * The certificate that a host shows now, PEM. There is no key in it: that stays on the host.
 * @throws AppError host_not_found (also out of scope), not_found when none was issued or all are revoked
 */
export function downloadHostCertificate(
  sql: Sql,
  viewer: string,
  hostId: string,
  context: Context,
): Promise<HostCertificate & { fqdn: string }> {
  return transaction(sql, async (tx) => {
    const host = await findHost(tx, viewer, hostId);
    const certificate = await selectHostCertificate(tx, hostId);
    if (!certificate) {
      throw new AppError("not_found", {
        message: "This host has no certificate of ours.",
        hint: "Enrol the host, or look at the certificate on the host itself.",
      });
    }
    await appendFor(tx, context, {
      action: "certificate.download",
      object: { kind: "host", id: hostId, name: host.fqdn },
      outcome: "success",
      details: { serial: certificate.serial, fingerprint: certificate.fingerprint },
    });
    return { ...certificate, fqdn: host.fqdn };
  });
}
