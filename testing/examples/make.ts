import { systemClock } from "../../core/clock.ts";
import { transaction } from "../../core/database/connection.ts";
import { createIssuer, issueForHost } from "../../core/enrolment/issue_certificate.ts";
import { secretToken, sha256, uuidv7 } from "../../core/ids.ts";
import { addGroup, addHost, addUser, offer } from "../job_scenario.ts";
import type { TestSite } from "../site.ts";

export interface MadeGroup {
  group_id: string;
  host_id: string;
  user_id: string;
}

let count = 0;

/** An address that no other host of the test has. */
export function ownAddress(): string {
  count++;
  return `127.7.${count >> 8}.${count & 255}`;
}

/** A machine that asks to be managed. */
export function machine(more: Record<string, unknown> = {}): Record<string, unknown> {
  const ip_address = ownAddress();
  return {
    machine_id: secretToken(),
    fqdn: `machine${count}.example`,
    ip_address,
    os_details: { id: "debian" },
    ...more,
  };
}

/** A host in no group, with one security update pending. */
export async function makeHost({ database }: TestSite): Promise<string> {
  const host_id = await addHost(database.sql);
  await database.sql`insert into host_patch_data (host_id) values (${host_id})`;
  await database.sql`insert into host_counters (host_id, pending, security) values (${host_id}, 1, 1)`;
  await database.sql`
    insert into host_polls (host_id, kind, next_at) values (${host_id}, 'health', app_now()), (${host_id}, 'patches', app_now())`;
  await offer(database.sql, host_id, { name: "openssl", to: "2.0", security: true });
  return host_id;
}

/** A group with one host and every user that there is: operators read their own groups only. */
export async function makeGroup(site: TestSite): Promise<MadeGroup> {
  const { sql } = site.database;
  const host_id = await makeHost(site);
  const { id: user_id } = await addUser(sql, "operator");
  const group_id = await addGroup(sql);
  await sql`insert into host_groups (host_id, group_id) values (${host_id}, ${group_id})`;
  await sql`insert into user_groups (user_id, group_id) select id, ${group_id}::uuid from users`;
  return { group_id, host_id, user_id };
}

/** A job on one host, in the given state, with a line of log. */
export async function makeJob(
  site: TestSite,
  state: "queued" | "running" | "failed",
): Promise<{ job_id: string; host_id: string }> {
  const host_id = await makeHost(site);
  const job_id = uuidv7();
  const { sql } = site.database;
  const [person] = await sql`select id from users order by created_at limit 1`;
  const ended = state === "failed";
  await sql`
    insert into patch_jobs (id, kind, requested_by, requested_at, deadline_at, ended_at)
    values (${job_id}, 'apply', ${person.id}, app_now(), app_now() + interval '1 hour', case when ${ended} then app_now() end)`;
  await sql`
    insert into patch_job_hosts (job_id, host_id, run_id, state, next_at, deadline_at, queued_at, ended_at)
    values (${job_id}, ${host_id}, ${uuidv7()}, ${state}, app_now(), app_now() + interval '1 hour', app_now(),
      case when ${ended} then app_now() end)`;
  await sql`
    insert into patch_job_patches (job_id, host_id, name, arch, from_version, to_version, origin, outcome)
    values (${job_id}, ${host_id}, 'openssl', 'amd64', '1.0', '2.0', 'ordered', ${ended ? "failed" : "pending"})`;
  await sql`insert into job_logs (job_id, host_id, position, text) values (${job_id}, ${host_id}, 0, 'Unpacking…')`;
  return { job_id, host_id };
}

/** A deployment that has ended well on a host that says that it can take it back. */
export async function makeRollbackJob(site: TestSite): Promise<{ job_id: string; host_id: string }> {
  const made = await makeJob(site, "failed");
  const { sql } = site.database;
  const rollback = { possible: true, reason: null, missing_versions: [] };
  const report = { restart: null, conffiles_kept: [], rollback };
  await sql`
    update patch_job_hosts set state = 'succeeded', agent_job_id = ${uuidv7()}, report = ${sql.json(report)}
    where job_id = ${made.job_id}`;
  await sql`update patch_job_patches set outcome = 'applied' where job_id = ${made.job_id}`;
  return made;
}

/** A certificate for a host, from the site's own CA. */
export async function makeCertificate({ services, database }: TestSite, host_id: string): Promise<void> {
  const issuer = createIssuer(services.authority, () => Promise.resolve(null), systemClock);
  const issued = { at: systemClock.now(), by: null };
  await transaction(database.sql, (tx) => issueForHost(tx, issuer, host_id, null, issued, systemClock));
}

/** A machine in the queue. */
export async function makeEnrolment({ database }: TestSite): Promise<string> {
  const id = uuidv7();
  const address = ownAddress();
  await database.sql`
    insert into enrolments (id, polling_hash, machine_hash, fqdn, address, port, source_address, state, created_at, expires_at)
    values (${id}, ${await sha256(id)}, ${id}, ${`waiting${count}.example`}, ${address}, 12443, ${address}, 'pending',
      app_now(), app_now() + interval '1 day')`;
  return id;
}

/** An enrolment token. */
export async function makeEnrolmentToken({ database }: TestSite): Promise<string> {
  const id = uuidv7();
  await database.sql`
    insert into enrolment_tokens (id, hash, created_at, expires_at)
    values (${id}, ${await sha256(id)}, app_now(), app_now() + interval '1 day')`;
  return id;
}
