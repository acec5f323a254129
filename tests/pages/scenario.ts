import { createFirstAdmin } from "../../core/auth/create_first_admin.ts";
import { requestEnrolment } from "../../core/enrolment/request_enrolment.ts";
import { createEnrolmentTokens } from "../../core/enrolment/create_enrolment_tokens.ts";
import { systemClock } from "../../core/clock.ts";
import { addUser, callerContext } from "../../testing/job_scenario.ts";
import { type TestSite, testSite, type TestSiteOptions } from "../../testing/site.ts";
import { assetsIn } from "../../web/mod.ts";
import { type Fleet, Past, seedFleet } from "./fleet.ts";
import { type Jobs, seedJobs, Work } from "./jobs.ts";

/** The product with a fleet in it, and somebody who plays the fleet role. */
export interface Scenario extends Fleet, AsyncDisposable {
  site: TestSite;
  past: Past;
  work: Work;
  jobs: Jobs;
  /** Made at the first start, with a one-time password. */
  first_admin: { username: string; password: string };
}

/** The built assets of this checkout. */
export async function builtAssets() {
  return await assetsIn(new URL("../../dist", import.meta.url).pathname);
}

/** The site without any host. */
export async function emptySite(options: TestSiteOptions = {}): Promise<TestSite> {
  return await testSite({ assets: await builtAssets(), ...options });
}

/** The site with thirty hosts, nine jobs and two machines that wait for approval. */
export async function scenario(options: TestSiteOptions = {}): Promise<Scenario> {
  const site = await emptySite(options);
  try {
    const past = new Past(site.database);
    let first_admin = { username: "", password: "" };
    await createFirstAdmin(site.services.sql, "admin", (made) => void (first_admin = made), systemClock);
    const fleet = await seedFleet(site.database, past);
    const user = await addUser(site.database.sql, "admin");
    await site.database.sql`update users set display_name = 'Ines Duarte' where id = ${user.id}`;
    const work = new Work(site.database, past, user);
    const jobs = await seedJobs(work, fleet);
    await waitForApproval(site);
    const context = callerContext(user, systemClock);
    await createEnrolmentTokens(site.services.sql, user.id, { label: "Rack 12, new web tier" }, context);
    return { ...fleet, site, past, work, jobs, first_admin, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
  } catch (thrown) {
    await site[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** Two machines that asked without a token, one of them through an address translation. */
async function waitForApproval({ services }: TestSite): Promise<void> {
  const context = { actor: { kind: "anonymous" as const }, address: "10.20.9.4", request_id: null, clock: systemClock };
  const limits = { rate_per_minute: 100, pending_days: 7 };
  for (
    const [fqdn, ip_address, source] of [
      ["kiosk-lobby.example.org", "10.20.9.4", "10.20.9.4"],
      ["branch-office-lisbon-terminal-server.example.org", "192.168.178.20", "203.0.113.77"],
    ]
  ) {
    const body = { machine_id: fqdn, fqdn, ip_address, os_details: { name: "Debian GNU/Linux 12" } };
    await requestEnrolment(services.sql, body, source, services.issuer, limits, context);
  }
}
