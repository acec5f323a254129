import https from "node:https";
import { type AccessOptions, AllowList } from "../core/access/allow_list.ts";
import { AuditDesk } from "../core/audit/audit_desk.ts";
import { openSigningKey } from "../core/audit/signing_key.ts";
import { blocklistIn } from "../core/auth/blocklist.ts";
import { hashPassword } from "../core/auth/password.ts";
import { openSealer } from "../core/auth/sealer.ts";
import { SessionDesk } from "../core/auth/session_desk.ts";
import { openSession } from "../core/auth/sessions.ts";
import type { SessionKind, Stage } from "../core/auth/types.ts";
import { ensurePki, type Pki } from "../core/ca/ensure_pki.ts";
import { CurrentCrl } from "../core/certificates/current_crl.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { connect, type Sql } from "../core/database/connection.ts";
import { createIssuer } from "../core/enrolment/issue_certificate.ts";
import { Readiness } from "../core/heartbeat/check_readiness.ts";
import { uuidv7 } from "../core/ids.ts";
import { createLog } from "../core/log.ts";
import { RefusalLimit } from "../core/tokens/refusal_limit.ts";
import { openLiveSource } from "../routes/(_live)/live_source.ts";
import { Relay } from "../routes/(_live)/relay.ts";
import { ACCESS_COOKIE, SESSION_COOKIE } from "../routes/(_role)/cookies.ts";
import { startListener } from "../routes/(_role)/server.ts";
import { createProductSite } from "../routes/(_role)/site.ts";
import type { Services, State } from "../routes/(_role)/state.ts";
import type { AssetSource, Site } from "../web/mod.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { type HttpClient, httpClient } from "./http_client.ts";
import { assertNoSecret, keepLog, plant, plantCookies } from "./planted_secrets.ts";

export type TestRole = "admin" | "operator" | "auditor";

/** Somebody with a session. */
export interface TestCaller extends HttpClient {
  user_id: string;
  username: string;
  session_id: string;
  /** The access token: what stands behind `Bearer`, or in the cookie `__Host-access`. */
  token: string;
  /** What `/auth/refresh` takes, or what stands in the cookie `__Host-session`. */
  refresh_token: string;
}

/** The product's web role in this process: its site behind its real listener, over a database of its own. */
export interface TestSite extends AsyncDisposable {
  site: Site<State>;
  services: Services;
  database: TestDatabase;
  pki: Pki;
  /** `https://localhost:PORT` */
  origin: string;
  port: number;
  /** PEM of the root. */
  ca: string;
  /** Lines of the log, as JSON text. */
  log_lines: string[];
  /** Nobody. */
  anonymous: HttpClient;
  /** A client with these headers in every request. */
  client(headers?: Record<string, string>): HttpClient;
  /**
   * A new user of a role with a session opened for them: `api` sends a bearer token, `browser` both cookies and,
   * as browsers do, the Origin.
   */
  signIn(
    role: TestRole,
    options?: { kind?: SessionKind; groups?: string[]; must_change?: boolean; stage?: Stage },
  ): Promise<TestCaller>;
}

export interface TestSiteOptions {
  clock?: Clock;
  /** Addresses of names; none by default. */
  resolve?: Services["resolve"];
  public_url?: string | null;
  assets?: AssetSource;
  /** Trusted proxies and the networks of agents; none by default. */
  access?: Pick<AccessOptions, "trusted_proxies" | "agent_networks">;
  /** As if the listener's certificate were the operator's. */
  own_certificate?: boolean;
  /** Connections of the web role's pool. */
  connections?: number;
}

/** Everybody's password. */
export const TEST_PASSWORD = plant("violet-harbour-lantern-42");
let hash: Promise<string> | undefined;
let users = 0;

/**
 * Starts it on a free port of 127.0.0.1, as patch_web, with certificates made for this run.
 * Use: `await using site = await testSite();` after `scripts/build.ts` made gen/.
 */
export async function testSite(options: TestSiteOptions = {}): Promise<TestSite> {
  const { clock = systemClock, resolve = () => Promise.resolve([]), public_url = null, assets } = options;
  const cleanup = new AsyncDisposableStack();
  try {
    const database = cleanup.use(await testDatabase());
    const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-site-" });
    cleanup.defer(() => Deno.remove(folder, { recursive: true }));
    const pki = await ensurePki(`${folder}/pki`, { ui_names: ["localhost", "127.0.0.1"], clock: systemClock });
    const log_lines: string[] = [];
    const log = createLog({ level: "debug", write: (line) => log_lines.push(line) });
    // Registered early, so that it looks when nothing writes any more.
    cleanup.defer(async () => {
      const text = log_lines.join("\n");
      keepLog(text);
      assertNoSecret(text, "the log of the site");
      for (const row of await database.sql`select convert_from(payload, 'UTF8') as payload from audit_log`) {
        assertNoSecret(row.payload, "the audit log");
      }
    });
    const max = options.connections ?? 8;
    const sql = await connect({ url: database.url("patch_web"), max, application_name: "test site" });
    cleanup.defer(() => sql.end({ timeout: 5 }));
    const source = await openLiveSource(sql, log);
    cleanup.defer(() => source.stop());
    const relay = new Relay(sql, clock, log);
    await relay.start(source);
    cleanup.defer(() => relay.stop());
    const { signer, keys } = await openSigningKey(`${folder}/pki`);
    const audit = new AuditDesk(sql, { signer, keys, folder: `${folder}/audit` }, log);
    cleanup.defer(() => audit.stop());
    const sealer = await openSealer(`${folder}/pki`);
    const sessions = new SessionDesk({ sql, sealer, clock, log });
    await sessions.start(source);
    cleanup.defer(() => sessions.stop());
    const access = new AllowList(sql, { ...options.access, log });
    await access.start();
    access.on_change(() => relay.closeForeign((address) => access.admits(address)));
    cleanup.defer(() => access.stop());
    const services = makeServices({
      access,
      sql,
      clock,
      log,
      relay,
      pki,
      resolve,
      public_url,
      audit,
      sealer,
      sessions,
    });
    const site = createProductSite(services, assets);
    const pair = { certificate: pki.ui!.certificate_pem + pki.root.certificate_pem, key: pki.ui!.key_pem };
    const { own_certificate = false } = options;
    const listener = await startListener({
      site: watched(site),
      hostname: "127.0.0.1",
      port: 0,
      access,
      log,
      own_certificate,
      ...pair,
    });
    cleanup.defer(() => listener.stop(1_000));
    const agent = new https.Agent({ keepAlive: true, maxSockets: 32 });
    cleanup.defer(() => agent.destroy());
    const origin = `https://localhost:${listener.port}`;
    const ca = pki.root.certificate_pem;
    const client = (headers: Record<string, string> = {}) => httpClient(origin, ca, agent, headers);
    const kept = cleanup.move();
    return {
      site,
      services,
      database,
      pki,
      origin,
      port: listener.port,
      ca,
      log_lines,
      anonymous: client(),
      client,
      signIn: async (role, { kind = "api", groups = [], must_change = false, stage = "full" } = {}) => {
        const user = await addPerson(database.sql, role, groups, must_change, clock);
        const from = { address: "127.0.0.1", user_agent: "test" };
        const proven = { stage, methods: ["pwd"] as const };
        const opened = await openSession(sql, { ...user, must_change }, kind, from, clock, proven);
        const { token } = await sessions.accessToken(opened);
        const { session_id, token: refresh_token } = opened;
        plant(token);
        plant(refresh_token);
        const headers: Record<string, string> = kind === "api"
          ? { authorization: `Bearer ${token}` }
          : { cookie: `${ACCESS_COOKIE}=${token}; ${SESSION_COOKIE}=${refresh_token}`, origin };
        return { ...client(headers), user_id: user.id, username: user.username, session_id, token, refresh_token };
      },
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  } catch (thrown) {
    await cleanup.disposeAsync();
    throw thrown;
  }
}

/** The same site; the cookies that it hands out to browsers are secrets that must not turn up in a log. */
function watched(site: Site<State>): Site<State> {
  const fetch: Site<State>["app"]["fetch"] = async (...call) => {
    const answer = await site.app.fetch(...call);
    plantCookies(answer.headers);
    return answer;
  };
  return { ...site, app: Object.assign(Object.create(site.app), { fetch }) };
}

function makeServices(
  { pki, ...given }:
    & Pick<
      Services,
      "access" | "sql" | "clock" | "log" | "relay" | "resolve" | "public_url" | "audit" | "sealer" | "sessions"
    >
    & { pki: Pki },
): Services {
  const { sql, clock } = given;
  const crl = new CurrentCrl(sql, pki.authority, clock);
  return {
    ...given,
    blocklist: blocklistIn(new URL("../dist", import.meta.url).pathname),
    authority: pki.authority,
    issuer: createIssuer(pki.authority, async () => (await crl.current()).pem, clock),
    crl,
    refusals: new RefusalLimit(clock),
    readiness: new Readiness(sql, clock),
    ca_certificate: pki.root.certificate_pem,
    ca_fingerprint: pki.root.fingerprint,
    initial_password_file: null,
    version: "0.0.0-test",
  };
}

async function addPerson(sql: Sql, role: TestRole, groups: string[], must_change: boolean, clock: Clock) {
  const user = { id: uuidv7(clock), username: `${role}${++users}`, display_name: "", role };
  const at = clock.now();
  await sql`
    insert into users (id, username, role, created_at) values (${user.id}, ${user.username}, ${role}, ${at})`;
  await sql`
    insert into passwords (user_id, hash, must_change, changed_at)
    values (${user.id}, ${await (hash ??= hashPassword(TEST_PASSWORD))}, ${must_change}, ${at})`;
  for (const group_id of groups) {
    await sql`insert into user_groups (user_id, group_id) values (${user.id}, ${group_id})`;
  }
  return user;
}
