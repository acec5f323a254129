import { CertificateUpdate, RevocationListUpdate } from "../../protocol/api.ts";
import { type CertificateKeeper, CertificateRefusal } from "../renewal.ts";
import { invalid, Refusal } from "./answer.ts";
import { type Call, type Handler, ok, readBody } from "./call.ts";

export const requestCertificate: Handler = (call) =>
  changed(call, async (certificates) => ({ csr_pem: await certificates.request() }));

export const installCertificate: Handler = (call) =>
  changed(call, (certificates) => certificates.install(readBody(CertificateUpdate, call.body)));

export const installRevocationList: Handler = (call) =>
  changed(
    call,
    (certificates) => certificates.installRevocationList(readBody(RevocationListUpdate, call.body).crl_pem),
  );

async function changed({ certificates }: Call, work: (certificates: CertificateKeeper) => Promise<unknown>) {
  if (certificates === null) {
    throw new Refusal("NOT_FOUND", "The certificate of this host is not changed over this address.");
  }
  try {
    return ok(await work(certificates));
  } catch (thrown) {
    if (thrown instanceof CertificateRefusal) throw invalid([{ field: thrown.field, problem: thrown.message }]);
    throw thrown;
  }
}
