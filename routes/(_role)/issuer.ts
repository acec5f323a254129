import type { Issuer } from "../../core/enrolment/types.ts";
import type { Services } from "./state.ts";

/**
 * The issuer for one request, with the list of revoked certificates at hand. Collecting a certificate asks for the list
 * inside a transaction: if that took a second connection, as many callers as the pool has connections would wait for
 * each other for ever.
 */
export async function issuerOf({ issuer, crl }: Services): Promise<Issuer> {
  const { pem } = await crl.current();
  return { ...issuer, crl: () => Promise.resolve(pem) };
}
