import https from "node:https";
import { X509Certificate } from "node:crypto";
import { parseFingerprint } from "../../core/ca/fingerprint.ts";
import { isFinal } from "../../core/jobs/rules.ts";
import type { HostState } from "../../core/jobs/types.ts";
import { startChild } from "../../demo/child.ts";
import { apiSession } from "../api_session.ts";
import { type TestDatabase, testDatabase } from "../database.ts";
import { testApp } from "../factors.ts";
import { type ClientAnswer, type HttpClient, httpClient } from "../http_client.ts";
import { testFolder } from "../test_folder.ts";
import { plant } from "../planted_secrets.ts";
import { waitFor } from "../wait_for.ts";
import { bedCommands, type BedPlaces, choosePlaces, enrolCommand, HOST_NAME } from "./commands.ts";
import { type ProcessName, STOP_ORDER } from "./commands.ts";
import { LivePage } from "./live_page.ts";
import { Processes, processesBelow } from "./processes.ts";
import { Sandbox } from "./sandbox.ts";

/** One host of a job, as `GET /jobs/{id}/hosts/{host_id}` shows it. */
export interface JobHost {
  state: HostState;
  attempt: number;
  message: string;
  error: string | null;
  error_code: string | null;
  next_at: string;
  communication_failures: number;
  packages: { name: string; outcome: string; reason: string | null; to_version: string | null }[];
}

/** What runs in an installation: both roles of the manager, both halves of the agent. */
export const EVERYTHING: readonly ProcessName[] = ["web", "fleet", "executor", "agent"];

/**
 * The whole product in processes of its own on loopback addresses of its own: a database, the manager as two
 * processes with their production permissions, one real host in a sandbox with agent and executor, enrolled by a
 * token. Everything of it can be killed.
 */
export class FaultBed implements AsyncDisposable {
  #client: HttpClient | undefined;

  private constructor(
    readonly places: BedPlaces,
    readonly database: TestDatabase,
    readonly processes: Processes<ProcessName>,
    readonly sandbox: Sandbox,
    readonly ca: string,
    readonly host_id: string,
    readonly cleanup: AsyncDisposableStack,
  ) {}

  /** About 8 s on two cores. Use: `await using bed = await FaultBed.make();` */
  static async make(): Promise<FaultBed> {
    await using cleanup = new AsyncDisposableStack();
    const folder = cleanup.use(await testFolder("f-")).path;
    const database = cleanup.use(await testDatabase());
    const places = await choosePlaces(folder);
    cleanup.defer(() => endProcessesBelow(folder));
    const processes = cleanup.use(new Processes(folder, await bedCommands(places, database), STOP_ORDER));
    for (const path of [places.agent, places.executor]) await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    await Deno.mkdir(places.socket.slice(0, places.socket.lastIndexOf("/")), { mode: 0o750 });
    const [sandbox] = await Promise.all([
      Sandbox.make(places.host_root, places.repository, HOST_NAME),
      // The fleet role waits for nobody, but finds its certificate only once the web role has made it.
      processes.start("web").then(() => processes.start("fleet")),
    ]);
    cleanup.defer(() => sandbox.openGate());
    const ca = await Deno.readTextFile(places.ca_file);
    const client = await signIn(places, ca);
    await enrol(places, client, ca);
    await processes.start("executor", "agent");
    const { items } = ok(await client.get("/api/v1/hosts"));
    const bed = new FaultBed(places, database, processes, sandbox, ca, items[0].id, cleanup.move());
    bed.#client = client;
    return bed;
  }

  /** The REST API as the admin; a connection per request, because the other side may be another process by then. */
  get client(): HttpClient {
    return this.#client!;
  }

  /**
   * Everything runs, the host is as at first and has reported so, no job is open.
   * @param settings see `scriptSettings`; by default dpkg stands still in the slow script until the gate is opened.
   */
  async fresh(settings: Record<string, string | number> = { SLOW_STEPS: 2, SLOW_GATE: "gate" }): Promise<void> {
    await this.processes.start(...EVERYTHING);
    await this.sandbox.openGate();
    await waitFor("the jobs before to end", async () => (await this.openRuns()).length === 0, { deadline_ms: 60_000 });
    await this.sandbox.restore(settings);
    await this.reported();
    const host = await this.host();
    if (host.health !== "healthy" || host.package_state !== "ok") {
      throw new Error(`the host is ${host.health}: ${host.health_reason ?? host.package_state}`);
    }
  }

  /** Asks the host for everything, and waits until its answer has landed. */
  async reported(): Promise<void> {
    ok(await this.client.post(`/api/v1/hosts/${this.host_id}/refresh`, {}));
    await waitFor("the host's report", async () => {
      const { polls } = await this.host();
      return polls.every((poll: { requested: boolean; in_progress: boolean }) => !poll.requested && !poll.in_progress);
    }, { deadline_ms: 30_000, every_ms: 100 });
  }

  // deno-lint-ignore no-explicit-any -- the answer of GET /hosts/{id}
  async host(): Promise<any> {
    return ok(await this.client.get(`/api/v1/hosts/${this.host_id}`));
  }

  /** Orders updates on the host as a person does, and answers the job's id. */
  async order(...packages: string[]): Promise<string> {
    const order = {
      kind: "apply",
      host_ids: [this.host_id],
      packages: packages.map((name) => ({ name })),
      reason: "fault run",
    };
    return ok(await this.client.post("/api/v1/jobs", order)).job_id;
  }

  async jobHost(job_id: string): Promise<JobHost> {
    return ok(await this.client.get(`/api/v1/jobs/${job_id}/hosts/${this.host_id}`));
  }

  /** Waits until the job's host is in this state. */
  async untilState(job_id: string, state: HostState): Promise<JobHost> {
    return await this.#untilHost(job_id, `the job to be ${state}`, (host) => host.state === state);
  }

  /** Waits until the job's host has ended, and answers how. */
  async end(job_id: string): Promise<JobHost> {
    return await this.#untilHost(job_id, "the job's end", (host) => isFinal(host.state));
  }

  async #untilHost(job_id: string, what: string, good: (host: JobHost) => boolean): Promise<JobHost> {
    let last: JobHost | undefined;
    try {
      return await waitFor(what, async () => good(last = await this.jobHost(job_id)) ? last : null, {
        deadline_ms: 60_000,
        every_ms: 50,
      });
    } catch (thrown) {
      throw new Error(`${(thrown as Error).message}; it is ${last?.state}: ${last?.message}`, { cause: thrown });
    }
  }

  /** Everything that the package manager said, as the job's page shows it. */
  async log(job_id: string): Promise<string> {
    return ok(await this.client.get(`/api/v1/jobs/${job_id}/hosts/${this.host_id}/log`)).text;
  }

  /** An open page that follows the job. */
  page(job_id: string): LivePage {
    return new LivePage(this.places.url, this.ca, () => this.client, `job:${job_id}`);
  }

  /** What nobody has ended yet. */
  openRuns() {
    return this.database.sql`select job_id, state, lease_until from patch_job_hosts where ended_at is null`;
  }

  /**
   * Lets the time pass without waiting: `lease` ends the one of a worker that died, `retry` makes due what waits and
   * nobody holds. As the owner of the database, because nothing in the product can do it; then the fleet role is told
   * to look.
   */
  async passTime(job_id: string, what: "lease" | "retry"): Promise<void> {
    const { sql } = this.database;
    await (what === "lease"
      ? sql`
        update patch_job_hosts set next_at = app_now(), lease_until = app_now()
        where job_id = ${job_id} and lease_until is not null`
      : sql`update patch_job_hosts set next_at = app_now() where job_id = ${job_id} and lease_until is null`);
    await sql`select pg_notify('wake_fleet', json_build_object('kind', 'job', 'id', ${job_id}::text)::text)`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cleanup.disposeAsync();
  }
}

/** The answer's body. @throws Error with the words of a refusal */
// deno-lint-ignore no-explicit-any -- the caller knows the operation's answer
export function ok({ status, json, text }: ClientAnswer): any {
  if (status < 400) return json;
  throw new Error(`${status}: ${json?.error?.message ?? text}`);
}

function clientOf(places: BedPlaces, ca: string, token?: string): HttpClient {
  const agent = new https.Agent({ keepAlive: false });
  return httpClient(places.url, ca, agent, token === undefined ? {} : { authorization: `Bearer ${token}` });
}

/** As the first admin, whose one-time password has to be changed, and who sets up a second factor. */
async function signIn(places: BedPlaces, ca: string): Promise<HttpClient> {
  const password = plant((await Deno.readTextFile(places.initial_password_file)).trim());
  const opened = ok(await clientOf(places, ca).post("/api/v1/auth/login", { username: "admin", password }));
  const change = { current_password: password, new_password: plant(crypto.randomUUID()) };
  const changed = ok(await clientOf(places, ca, opened.access_token).post("/api/v1/auth/password", change));
  const client = clientOf(places, ca, changed.access_token);
  const { setup, secret } = ok(await client.post("/api/v1/auth/factors/totp/setup"));
  const made = ok(await client.post("/api/v1/auth/factors/totp", { setup, code: testApp(plant(secret)).code() }));
  return apiSession((token) => clientOf(places, ca, token), made.session);
}

async function enrol(places: BedPlaces, client: HttpClient, ca: string): Promise<void> {
  const { items } = ok(await client.post("/api/v1/enrolment-tokens", { count: 1, label: "fault bed" }));
  const fingerprint = parseFingerprint(new X509Certificate(ca).fingerprint256)!;
  const command = enrolCommand(places, fingerprint, items[0].token);
  const child = await startChild({ name: "enrol", state: places.folder, ...command });
  const code = await child.ended;
  if (code !== 0) throw new Error(`enrolment ended with ${code}:\n${await Deno.readTextFile(child.log)}`);
}

/** Whatever a failed test left, the package manager's programs among it; they get 5 s to end by themselves. */
async function endProcessesBelow(folder: string): Promise<void> {
  const gone = async () => (await processesBelow(folder)).size === 0;
  await waitFor("what is left to end", gone, { deadline_ms: 5_000 }).catch(async () => {
    for (const pid of (await processesBelow(folder)).keys()) Deno.kill(pid, "SIGKILL");
    await waitFor("what is left to be ended", gone);
  });
}
