import { X509Certificate } from "node:crypto";
import type { ListenerCredentials } from "../protocol/listener.ts";

type Shown = Pick<ListenerCredentials, "certificate">;

/** 32 lower-case hexadecimal digits. */
export function serialOf({ certificate }: Shown): string {
  return new X509Certificate(certificate).serialNumber.toLowerCase();
}

/** From when to when a certificate is valid. */
export function datesOf({ certificate }: Shown): { not_before: Temporal.Instant; not_after: Temporal.Instant } {
  const parsed = new X509Certificate(certificate);
  const at = (text: string) => Temporal.Instant.fromEpochMilliseconds(Date.parse(text));
  return { not_before: at(parsed.validFrom), not_after: at(parsed.validTo) };
}

/** When the manager renews: two thirds of the lifetime; the last third is for hosts that are switched off meanwhile. */
export function renewalTime(credentials: Shown): Temporal.Instant {
  const { not_before, not_after } = datesOf(credentials);
  const lifetime = not_after.epochMilliseconds - not_before.epochMilliseconds;
  return Temporal.Instant.fromEpochMilliseconds(not_before.epochMilliseconds + Math.round(lifetime * 2 / 3));
}
