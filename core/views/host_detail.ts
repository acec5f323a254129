import { z } from "zod";
import { many, maybe } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { pollKinds } from "../hosts/types.ts";
import { isUuid } from "../ids.ts";
import { hostSource } from "./host_filter.ts";
import { hostColumns, HostRow } from "./list_hosts.ts";

const instant = z.instanceof(Temporal.Instant);

/** When a host was and will be asked. */
export const HostPoll = z.object({
  kind: z.enum(pollKinds),
  next_at: instant,
  last_at: instant.nullable(),
  last_ok_at: instant.nullable(),
  last_duration_ms: z.number().nullable(),
  last_error: z.string().nullable(),
  failures: z.number(),
  /** Asked for and not answered yet. */
  requested: z.boolean(),
  in_progress: z.boolean(),
  parked_reason: z.string().nullable(),
});
export type HostPoll = z.infer<typeof HostPoll>;

/** How far the renewal of a host's certificate is. */
export const HostRenewal = z.object({
  /** manual: its agent cannot, a person has to. */
  state: z.enum(["due", "requested", "signed", "installed", "manual"]),
  /** Why the last step did not work; null when it did. */
  error: z.string().nullable(),
  attempts: z.number(),
});

const DetailRow = HostRow.extend({
  display_name: z.string(),
  tls_name: z.string(),
  source: z.enum(["manual", "enrolment"]),
  kernel: z.string().nullable(),
  package_manager: z.string().nullable(),
  virtualization: z.string().nullable(),
  agent_name: z.string().nullable(),
  agent_version: z.string().nullable(),
  boot_id: z.string().nullable(),
  boot_time: instant.nullable(),
  reboot_reasons: z.array(z.string()),
  certificate_expires_at: instant.nullable(),
  certificate_serial: z.string().nullable(),
  certificate_fingerprint: z.string().nullable(),
  /** Its certificate is being renewed; null when it is not. */
  renewal: HostRenewal.nullable(),
  notes: z.string(),
  created_at: instant,
  created_by: z.string().nullable(),
  problems: z.array(z.string()),
  uptime_seconds: z.number().nullable(),
});

/** Everything about one host but its lists. */
export type HostDetail = z.infer<typeof DetailRow> & { polls: HostPoll[] };

/**
 * One host.
 * @throws AppError host_not_found, also for a host that the viewer may not see
 */
export async function hostDetail(db: Db, viewer: string, hostId: string): Promise<HostDetail> {
  if (!isUuid(hostId)) throw new AppError("host_not_found");
  const host = await maybe(
    DetailRow,
    db`
      select ${hostColumns(db, viewer)}, h.display_name, h.tls_name, h.source, h.kernel, h.package_manager,
        h.virtualization, h.agent_name, h.agent_version, h.boot_id, h.boot_time, h.reboot_reasons,
        h.certificate_expires_at, cert.serial as certificate_serial, cert.fingerprint as certificate_fingerprint,
        (
          select json_build_object('state', r.state, 'error', r.error, 'attempts', r.attempts)
          from certificate_renewals r where r.host_id = h.id
        ) as renewal,
        h.notes, h.created_at, u.username as created_by, coalesce(s.problems, '{}') as problems, s.uptime_seconds
      from ${hostSource(db, viewer)}
      left join users u on u.id = h.created_by
      left join lateral (
        select serial, fingerprint from certificates
        where host_id = h.id and kind = 'agent' and revoked_at is null
          and not exists (
            select from certificate_renewals r where r.certificate_id = certificates.id and r.state = 'signed'
          )
        order by issued_at desc limit 1
      ) cert on true
      where h.id = ${hostId}`,
  );
  if (!host) throw new AppError("host_not_found");
  const polls = await many(
    HostPoll,
    db`
      select kind, next_at, last_at, last_ok_at, last_duration_ms, last_error, failures, parked_reason,
        coalesce(requested_at > last_ok_at, requested_at is not null) as requested,
        coalesce(lease_until > app_now(), false) as in_progress
      from host_polls where host_id = ${hostId} order by kind`,
  );
  return { ...host, polls };
}
