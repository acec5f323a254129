import { createIssuer, issueForHost } from "../core/enrolment/issue_certificate.ts";
import { systemClock } from "../core/clock.ts";
import { transaction } from "../core/database/connection.ts";
import { secretToken, sha256, uuidv7 } from "../core/ids.ts";
import { addGroup, addHost, addUser, offer } from "./job_scenario.ts";
import type { ClientRequest } from "./http_client.ts";
import { TEST_PASSWORD, type TestSite } from "./site.ts";

/** A good request of one operation; what it needs is made for it, so that it can be sent as often as wanted. */
export interface Example {
  request(site: TestSite): ClientRequest | Promise<ClientRequest>;
  /** Status for whoever may call. */
  status: number;
  /** Roles that the handler refuses although the table's order of roles would let them in. */
  refused?: string[];
}

const get = (path: string, status = 200): Example => ({ request: () => ({ path }), status });
const post = (path: string, json: unknown, status = 200): Example => ({
  request: () => ({ method: "POST", path, json }),
  status,
});

const ofHost = (tail: string): Example => ({
  request: async (site) => ({ path: `/api/v1/hosts/${await makeHost(site)}${tail}` }),
  status: 200,
});
const ofJob = (tail: (host_id: string) => string): Example => ({
  request: async (site) => {
    const { job_id, host_id } = await makeJob(site, "running");
    return { path: `/api/v1/jobs/${job_id}${tail(host_id)}` };
  },
  status: 200,
});
const decision = (verb: string): Example => ({
  request: async (site) => ({
    method: "POST",
    path: `/api/v1/enrolments/${await makeEnrolment(site)}/${verb}`,
    json: {},
  }),
  status: 200,
});

interface MadeGroup {
  group_id: string;
  host_id: string;
  user_id: string;
}
const ofGroup = (method: string, tail: string, json?: (made: MadeGroup) => unknown): Example => ({
  request: async (site) => {
    const made = await makeGroup(site);
    const path = `/api/v1/groups/${made.group_id}${tail}`;
    return json ? { method, path, json: json(made) } : { method, path };
  },
  status: 200,
});

/** Every operation of the API. The matrix fails for a route that is not here, and for one here that is no route. */
export const examples: Record<string, Example> = {
  "POST /api/v1/auth/login": {
    request: async (site) => {
      const { username } = await site.signIn("auditor");
      return { method: "POST", path: "/api/v1/auth/login", json: { username, password: TEST_PASSWORD } };
    },
    status: 200,
  },
  "POST /api/v1/auth/refresh": { ...post("/api/v1/auth/refresh", undefined), refused: ["browser"] },
  "POST /api/v1/auth/logout": post("/api/v1/auth/logout", undefined),
  "POST /api/v1/auth/password": post("/api/v1/auth/password", {
    current_password: TEST_PASSWORD,
    new_password: "meadow-copper-thirteen-owls",
  }),
  "GET /api/v1/auth/me": get("/api/v1/auth/me"),

  "GET /api/v1/hosts": get("/api/v1/hosts?search=host&sort=-security&limit=2"),
  "POST /api/v1/hosts": {
    request: () => ({ method: "POST", path: "/api/v1/hosts", json: { address: ownAddress(), tags: ["web"] } }),
    status: 201,
  },
  "GET /api/v1/hosts/:id": ofHost(""),
  "DELETE /api/v1/hosts/:id": {
    request: async (site) => ({ method: "DELETE", path: `/api/v1/hosts/${await makeHost(site)}` }),
    status: 200,
  },
  "PATCH /api/v1/hosts/:id": {
    request: async (site) => ({
      method: "PATCH",
      path: `/api/v1/hosts/${await makeHost(site)}`,
      json: { display_name: "Build server", notes: "Ask the platform team.", tags: ["ci"] },
    }),
    status: 200,
  },
  "POST /api/v1/hosts/refresh": {
    request: async (site) => ({
      method: "POST",
      path: "/api/v1/hosts/refresh",
      json: { host_ids: [await makeHost(site)], kinds: ["patches"], max_index_age: 0 },
    }),
    status: 202,
  },
  "POST /api/v1/hosts/:id/refresh": {
    request: async (site) => ({ method: "POST", path: `/api/v1/hosts/${await makeHost(site)}/refresh`, json: {} }),
    status: 202,
  },
  "POST /api/v1/hosts/:id/repair": {
    request: async (site) => ({
      method: "POST",
      path: `/api/v1/hosts/${await makeHost(site)}/repair`,
      json: { reason: "dpkg was interrupted" },
      headers: { "idempotency-key": uuidv7() },
    }),
    status: 201,
  },
  "POST /api/v1/hosts/:id/reboot": {
    request: async (site) => ({
      method: "POST",
      path: `/api/v1/hosts/${await makeHost(site)}/reboot`,
      json: { delay_seconds: 120 },
      headers: { "idempotency-key": uuidv7() },
    }),
    status: 201,
  },
  "GET /api/v1/hosts/:id/patches": ofHost("/patches?security=true&sort=size"),
  "GET /api/v1/hosts/:id/packages": ofHost("/packages?upgradable=false"),
  "GET /api/v1/hosts/:id/jobs": ofHost("/jobs?limit=5"),
  "GET /api/v1/hosts/:id/groups": ofHost("/groups"),
  "DELETE /api/v1/hosts/:id/groups": {
    request: async (site) => {
      const { group_id, host_id } = await makeGroup(site);
      return { method: "DELETE", path: `/api/v1/hosts/${host_id}/groups?group_id=${group_id}` };
    },
    status: 200,
  },
  "GET /api/v1/hosts/:id/client.crt": {
    request: async (site) => {
      const host_id = await makeHost(site);
      await makeCertificate(site, host_id);
      return { path: `/api/v1/hosts/${host_id}/client.crt` };
    },
    status: 200,
  },

  "GET /api/v1/groups": get("/api/v1/groups"),
  "POST /api/v1/groups": {
    request: () => ({ method: "POST", path: "/api/v1/groups", json: { name: `Rack ${uuidv7()}` } }),
    status: 201,
  },
  "GET /api/v1/groups/:id": ofGroup("GET", ""),
  "PATCH /api/v1/groups/:id": ofGroup("PATCH", "", () => ({ name: `Rack ${uuidv7()}`, description: "third floor" })),
  "DELETE /api/v1/groups/:id": ofGroup("DELETE", ""),
  "PUT /api/v1/groups/:id/hosts": ofGroup("PUT", "/hosts", ({ host_id }) => ({ host_ids: [host_id] })),
  "DELETE /api/v1/groups/:id/hosts": ofGroup("DELETE", "/hosts", ({ host_id }) => ({ host_ids: [host_id] })),
  "PUT /api/v1/groups/:id/users": ofGroup("PUT", "/users", ({ user_id }) => ({ user_ids: [user_id] })),
  "DELETE /api/v1/groups/:id/users": ofGroup("DELETE", "/users", ({ user_id }) => ({ user_ids: [user_id] })),

  "GET /api/v1/jobs": get("/api/v1/jobs?kind=apply&state=open"),
  "POST /api/v1/jobs": {
    request: async (site) => ({
      method: "POST",
      path: "/api/v1/jobs",
      json: { kind: "apply", host_ids: [await makeHost(site)], packages: [{ name: "openssl", version: "2.0" }] },
      headers: { "idempotency-key": uuidv7() },
    }),
    status: 201,
  },
  "POST /api/v1/jobs/preview": {
    request: async (site) => ({
      method: "POST",
      path: "/api/v1/jobs/preview",
      json: { host_ids: [await makeHost(site)], security_only: true },
    }),
    status: 200,
  },
  "POST /api/v1/jobs/:id/rollback": {
    request: async (site) => {
      const { job_id, host_id } = await makeRollbackJob(site);
      return {
        method: "POST",
        path: `/api/v1/jobs/${job_id}/rollback`,
        json: { host_ids: [host_id], reason: "the service does not start" },
        headers: { "idempotency-key": uuidv7() },
      };
    },
    status: 201,
  },
  "GET /api/v1/jobs/:id": ofJob(() => ""),
  "POST /api/v1/jobs/:id/cancel": {
    request: async (site) => {
      const { job_id } = await makeJob(site, "queued");
      return { method: "POST", path: `/api/v1/jobs/${job_id}/cancel`, json: { reason: "not today" } };
    },
    status: 200,
  },
  "POST /api/v1/jobs/:id/retry": {
    request: async (site) => {
      const { job_id } = await makeJob(site, "failed");
      return { method: "POST", path: `/api/v1/jobs/${job_id}/retry` };
    },
    status: 201,
  },
  "GET /api/v1/jobs/:id/hosts": ofJob(() => "/hosts?state=running"),
  "GET /api/v1/jobs/:id/hosts/:host_id": ofJob((host_id) => `/hosts/${host_id}`),
  "GET /api/v1/jobs/:id/hosts/:host_id/log": ofJob((host_id) => `/hosts/${host_id}/log?after=0`),

  "POST /api/v1/enroll": {
    request: () => ({ method: "POST", path: "/api/v1/enroll", json: machine() }),
    status: 202,
  },
  "GET /api/v1/enroll/status/:token": get(`/api/v1/enroll/status/${"x".repeat(43)}`),
  "GET /api/v1/enrolment-tokens": get("/api/v1/enrolment-tokens"),
  "POST /api/v1/enrolment-tokens": post("/api/v1/enrolment-tokens", { count: 2, label: "rack 4" }, 201),
  "DELETE /api/v1/enrolment-tokens/:id": {
    request: async (site) => ({ method: "DELETE", path: `/api/v1/enrolment-tokens/${await makeToken(site)}` }),
    status: 200,
  },
  "GET /api/v1/enrolments": {
    request: async (site) => {
      await makeEnrolment(site);
      return { path: "/api/v1/enrolments" };
    },
    status: 200,
  },
  "POST /api/v1/enrolments/:id/approve": decision("approve"),
  "POST /api/v1/enrolments/:id/deny": decision("deny"),

  "GET /api/v1/ca/root.crt": get("/api/v1/ca/root.crt"),
  "GET /api/v1/pki/crl.pem": get("/api/v1/pki/crl.pem"),
  "GET /api/v1/pki/crl.der": get("/api/v1/pki/crl.der"),
  "GET /api/v1/status/fleet": get("/api/v1/status/fleet"),
  "GET /api/v1/status/dashboard": get("/api/v1/status/dashboard"),
  "GET /api/v1/settings": get("/api/v1/settings"),
  "PUT /api/v1/settings/:key": {
    request: () => ({ method: "PUT", path: "/api/v1/settings/poll.concurrency", json: { value: 32 } }),
    status: 200,
  },
  "GET /api/v1/audit": { ...get("/api/v1/audit?outcome=success&limit=3"), refused: ["operator"] },
  "GET /api/v1/audit/verify": { ...get("/api/v1/audit/verify"), refused: ["operator"] },
  "GET /api/v1/audit/verifications": { ...get("/api/v1/audit/verifications"), refused: ["operator"] },
  "POST /api/v1/audit/verifications": {
    ...post("/api/v1/audit/verifications", undefined, 202),
    refused: ["operator"],
  },
  "GET /api/v1/audit/export.csv": { ...get("/api/v1/audit/export.csv?action=auth"), refused: ["operator"] },
  "GET /api/v1/audit/export.json": { ...get("/api/v1/audit/export.json?outcome=success"), refused: ["operator"] },
  "GET /api/v1/openapi.json": get("/api/v1/openapi.json"),
  "POST /api/v1/ws/ticket": post("/api/v1/ws/ticket", undefined),
};

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

async function makeCertificate({ services, database }: TestSite, host_id: string): Promise<void> {
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

async function makeToken({ database }: TestSite): Promise<string> {
  const id = uuidv7();
  await database.sql`
    insert into enrolment_tokens (id, hash, created_at, expires_at)
    values (${id}, ${await sha256(id)}, app_now(), app_now() + interval '1 day')`;
  return id;
}
