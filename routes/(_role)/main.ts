import { AllowList } from "../../core/access/allow_list.ts";
import { AuditDesk } from "../../core/audit/audit_desk.ts";
import { openSigningKey } from "../../core/audit/signing_key.ts";
import { warmUpPasswords } from "../../core/auth/password.ts";
import { blocklistIn } from "../../core/auth/blocklist.ts";
import { openSealer } from "../../core/auth/sealer.ts";
import { SessionDesk } from "../../core/auth/session_desk.ts";
import { deleteEndedSessions } from "../../core/auth/sessions.ts";
import { ownNames } from "../../core/ca/ui_names.ts";
import { CurrentCrl } from "../../core/certificates/current_crl.ts";
import { systemClock } from "../../core/clock.ts";
import { connect, type Sql } from "../../core/database/connection.ts";
import { forgiveClosedSockets } from "../../core/database/forgive_closed_sockets.ts";
import { waitForSchema } from "../../core/database/migrations.ts";
import { createIssuer } from "../../core/enrolment/issue_certificate.ts";
import { reason } from "../../core/errors.ts";
import { Readiness } from "../../core/heartbeat/check_readiness.ts";
import { HEARTBEAT_INTERVAL_MS, recordHeartbeat } from "../../core/heartbeat/record_heartbeat.ts";
import { uuidv7 } from "../../core/ids.ts";
import { auditFolder, initialPasswordFile } from "../../core/permissions.ts";
import { type RoleContext, runRole } from "../../core/role.ts";
import { RefusalLimit } from "../../core/tokens/refusal_limit.ts";
import { deleteEndedTokens } from "../../core/tokens/revoke_token.ts";
import { assetsIn } from "../../web/mod.ts";
import { openLiveSource } from "../(_live)/live_source.ts";
import { Relay } from "../(_live)/relay.ts";
import { type AuditCare, startAuditCare } from "./audit_care.ts";
import { loadCertificates } from "./certificate.ts";
import { type CertificateCare, startCertificateCare } from "./certificate_care.ts";
import { resolveName } from "./resolve_name.ts";
import { type Listener, startListener } from "./server.ts";
import { createProductSite } from "./site.ts";
import type { Services } from "./state.ts";

/** How often ended sessions are swept out and the web certificate is looked at. */
const CARE_MS = 3_600_000;
/** A relay that has not turned for so long is stuck: it reads every 5 s. */
const RELAY_LIMIT_MS = 30_000;

let sql: Sql | undefined;
let listener: Listener | undefined;
let relay: Relay | undefined;
let certificates: CertificateCare | undefined;
let access: AllowList | undefined;
let audit: AuditCare | undefined;
let sessions: SessionDesk | undefined;
let source: Awaited<ReturnType<typeof openLiveSource>> | undefined;

async function start(context: RoleContext): Promise<{ address: string }> {
  const { config, secrets, log, signal } = context;
  const clock = systemClock;
  forgiveClosedSockets(log);
  sql = await connect({
    url: secrets.database_url,
    ssl: secrets.database_ca === null ? undefined : { ca: secrets.database_ca },
    max: 16,
    application_name: "patch-manager web",
    log,
  });
  await waitForSchema(sql, config.places.schema_version, { signal });
  const { pki, ui } = await loadCertificates(config, clock);
  source = await openLiveSource(sql, log);
  relay = new Relay(sql, clock, log, context.loop("relay", RELAY_LIMIT_MS));
  await relay.start(source);
  const crl = new CurrentCrl(sql, pki.authority, clock);
  const { signer, keys } = await openSigningKey(config.pki.directory);
  const desk = new AuditDesk(sql, { signer, keys, folder: auditFolder(config) }, log);
  access = new AllowList(sql, {
    trusted_proxies: config.server.trusted_proxies,
    agent_networks: [...config.agents.networks, ...config.agents.extra_agents],
    log,
  });
  await access.start();
  access.on_change(() => relay?.closeForeign((address) => access!.admits(address)));
  const sealer = await openSealer(config.pki.directory);
  sessions = new SessionDesk({ sql, sealer, clock, log });
  await sessions.start(source);
  const services: Services = {
    sql,
    clock,
    log,
    authority: pki.authority,
    blocklist: blocklistIn(`${config.places.root}/dist`),
    sealer,
    issuer: createIssuer(pki.authority, async () => (await crl.current()).pem, clock, ownNames(config.server)),
    crl,
    readiness: new Readiness(sql, clock),
    ca_certificate: pki.root.certificate_pem,
    ca_fingerprint: pki.root.fingerprint,
    resolve: resolveName,
    public_url: config.server.public_url,
    initial_password_file: initialPasswordFile(config),
    version: config.places.version,
    relay,
    sessions,
    audit: desk,
    access,
    refusals: new RefusalLimit(clock),
  };
  await warmUpPasswords();
  const site = createProductSite(services, await assetsIn(`${config.places.root}/dist`));
  const own_certificate = config.server.certificate_file !== null;
  listener = await startListener({
    ...{ ...config.server, hostname: config.server.listen },
    ...{ ...ui, site, access, log, own_certificate },
  });
  setInterval(() => void care(context), CARE_MS);
  certificates = startCertificateCare({ sql, issuer: services.issuer, crl, clock, log, signal });
  audit = startAuditCare({ sql, desk, clock, log, signal });
  const heart = {
    role: "web" as const,
    instance: uuidv7(clock),
    version: config.places.version,
    started_at: clock.now(),
  };
  await recordHeartbeat(sql, heart, clock);
  setInterval(() => void beat(context, heart), HEARTBEAT_INTERVAL_MS);
  return { address: listener.address };
}

async function beat({ log, signal }: RoleContext, heart: Parameters<typeof recordHeartbeat>[1]): Promise<void> {
  if (signal.aborted || !sql) return;
  await recordHeartbeat(sql, heart, systemClock)
    .catch((thrown) => log.warn("web.heartbeat_failed", { message: reason(thrown) }));
}

async function care(context: RoleContext): Promise<void> {
  if (context.signal.aborted || !sql) return;
  try {
    await deleteEndedSessions(sql, systemClock);
    await deleteEndedTokens(sql, systemClock);
    await sessions?.keys.look();
    await reload(context);
  } catch (thrown) {
    context.log.warn("web.care_failed", { message: reason(thrown) });
  }
}

/** Shows the certificate of the moment: renewed by us, or replaced by the operator. Open connections go on. */
async function reload({ config }: RoleContext): Promise<void> {
  const { ui } = await loadCertificates(config, systemClock);
  listener?.swap(ui);
}

async function stop(deadline_ms: number): Promise<void> {
  relay?.stop();
  await certificates?.stop();
  await audit?.stop();
  await listener?.stop(Math.max(1_000, deadline_ms - 2_000));
  await access?.stop();
  sessions?.stop();
  await source?.stop();
  await sql?.end({ timeout: 2 });
}

runRole("web", { start, stop, reload, metrics: () => ({ live_sockets: relay?.open ?? 0 }) });
