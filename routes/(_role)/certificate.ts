import { ensurePki, type Pki } from "../../core/ca/ensure_pki.ts";
import { uiNames } from "../../core/ca/ui_names.ts";
import type { Clock } from "../../core/clock.ts";
import type { RoleConfig } from "../../core/config/types.ts";
import type { Certificate } from "./server.ts";

/** The CA, and the pair that the web listener shows: the operator's, else one of ours. */
export async function loadCertificates(
  config: RoleConfig,
  clock: Clock,
): Promise<{ pki: Pki; ui: Certificate }> {
  const { certificate_file, key_file } = config.server;
  const pki = await ensurePki(config.pki.directory, { ui_names: uiNames(config.server), clock });
  if (certificate_file !== null && key_file !== null) {
    return {
      pki,
      ui: { certificate: await Deno.readTextFile(certificate_file), key: await Deno.readTextFile(key_file) },
    };
  }
  // The chain is the leaf and the root, so that a client can be shown what to trust.
  const { certificate_pem, key_pem } = pki.ui!;
  return { pki, ui: { certificate: certificate_pem + pki.root.certificate_pem, key: key_pem } };
}
