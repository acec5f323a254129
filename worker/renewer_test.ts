import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { issueFor, type RenewingAgent, startRenewingAgent } from "../agent/renewal_fixture_test.ts";
import { CurrentCrl } from "../core/certificates/current_crl.ts";
import { claimRenewals } from "../core/certificates/renewal_steps.ts";
import { publishRevocationList } from "../core/certificates/revocation_list.ts";
import { signRenewals } from "../core/certificates/sign_renewals.ts";
import { startRenewals } from "../core/certificates/start_renewals.ts";
import { downloadHostCertificate } from "../core/certificates/download_host_certificate.ts";
import { systemClock } from "../core/clock.ts";
import { createIssuer } from "../core/enrolment/issue_certificate.ts";
import { uuidv7 } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { hostDetail } from "../core/views/host_detail.ts";
import { agentServer, client_options, good } from "../testing/agent_listener.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { addUser, callerContext } from "../testing/job_scenario.ts";
import { addAgentHost } from "../testing/simulated_agent.ts";
import { daysFromNow } from "../testing/tls.ts";
import { type AgentClient, createAgentClient } from "./agent_client.ts";
import { createRenewer } from "./renewer.ts";
import { RevocationPusher } from "./revocation_pusher.ts";

const never = new AbortController().signal;

/** A host whose certificate has so many days behind it, with everything that renews. */
async function openScene(age_days: number) {
  const database = await testDatabase();
  const agent = await startRenewingAgent({ issued: daysFromNow(-age_days) });
  const host_id = await addAgentHost(database.sql, agent);
  const old = await keep(database, host_id, (await agent.kept()).certificate);
  const manager = await agent.pki.manager();
  const agents = createAgentClient({
    ...client_options,
    ...{ ca: agent.pki.ca, client_cert: manager.certificate, client_key: manager.key },
  });
  const crl = new CurrentCrl(database.web, agent.pki.authority, systemClock);
  const issuer = createIssuer(agent.pki.authority, () => Promise.resolve(null), systemClock);
  return {
    ...{ database, agent, host_id, old, agents, crl, issuer },
    /** One turn of the fleet role's part. */
    turn: () => turn(database, agents),
    sign: () => signRenewals(database.web, issuer, systemClock),
    row: () => row(database, host_id),
    async [Symbol.asyncDispose]() {
      agents.close();
      await agent[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function turn(database: TestDatabase, agents: AgentClient): Promise<void> {
  const renewer = createRenewer({ sql: database.fleet, agents, log: silentLog, signal: never });
  await renewer.turn();
  await renewer.idle();
}

interface Row {
  state: string;
  csr: string | null;
  error: string | null;
  attempts: number;
  certificate_id: string | null;
  wait: number;
}

async function row({ sql }: TestDatabase, host_id: string): Promise<Row | undefined> {
  const [found] = await sql<Row[]>`
    select *, extract(epoch from next_at - app_now())::int as wait from certificate_renewals where host_id = ${host_id}`;
  return found;
}

/** Writes a certificate down as one that was issued for the host. */
async function keep({ sql }: TestDatabase, host_id: string, pem: string): Promise<string> {
  const { serialNumber, fingerprint256, validFrom, validTo } = new X509Certificate(pem);
  const serial = serialNumber.toLowerCase().padStart(32, "0");
  const at = (text: string) => Temporal.Instant.fromEpochMilliseconds(Date.parse(text));
  await sql`
    insert into certificates (id, kind, serial, fingerprint, subject, pem, host_id, not_before, not_after, issued_at)
    values (${uuidv7()}, 'agent', ${serial}, ${fingerprint256}, 'CN=test', ${pem}, ${host_id}, ${at(validFrom)},
      ${at(validTo)}, ${at(validFrom)})`;
  return serial;
}

const due = ({ sql }: TestDatabase) => sql`update certificate_renewals set next_at = app_now(), lease_until = null`;

async function pendingFile(agent: RenewingAgent): Promise<string[]> {
  const names = [];
  for await (const entry of Deno.readDir(agent.state)) names.push(entry.name);
  return names.filter((name) => /request|pending/.test(name));
}

Deno.test("a certificate past two thirds of its lifetime is renewed with the host's own key, step by step", async () => {
  await using scene = await openScene(65);
  const { database, agent, host_id } = scene;
  assert.equal(await startRenewals(database.web, systemClock), 1);
  assert.equal(await startRenewals(database.web, systemClock), 0, "once");
  assert.equal((await scene.row())?.state, "due");
  await scene.turn();
  const requested = await scene.row();
  assert.equal(requested?.state, "requested");
  assert.match(requested?.csr ?? "", /BEGIN CERTIFICATE REQUEST/);
  await scene.turn();
  assert.equal((await scene.row())?.state, "requested", "nothing to do for the fleet role before it is signed");
  assert.deepEqual(await scene.sign(), { signed: 1, retired: 0 });
  assert.equal(await agent.shown(), scene.old);
  // Until the host shows it, the old one is what is shown here too.
  const admin = await addUser(database.sql, "admin");
  assert.equal((await hostDetail(database.web, admin.id, host_id)).certificate_serial, scene.old);
  await scene.turn();
  assert.equal((await scene.row())?.state, "installed");
  assert.deepEqual(await scene.sign(), { signed: 0, retired: 1 });
  assert.equal(await scene.row(), undefined);
  const shown = await agent.shown();
  assert.notEqual(shown, scene.old);
  assert.ok(agent.events.includes("certificate.confirmed"), "the agent may forget its former key");
  const now = await downloadHostCertificate(database.web, admin.id, host_id, callerContext(admin));
  assert.equal(now.serial, shown);
  const [old] = await database.sql`
    select revoked_at, (select serial from certificates n where n.id = c.replaced_by) as next
    from certificates c where serial = ${scene.old}`;
  assert.deepEqual({ ...old }, { revoked_at: null, next: shown });
  const audited = await database.sql`select action, actor_kind, object_id from audit_log order by seq`;
  assert.deepEqual(audited.slice(0, 2).map((one) => ({ ...one })), [
    { action: "certificate.issue", actor_kind: "system", object_id: host_id },
    { action: "certificate.renewed", actor_kind: "system", object_id: host_id },
  ]);
  assert.equal(await startRenewals(database.web, systemClock), 0, "the new one is not due");
});

Deno.test("a young certificate is left alone; a removed host's and a re-enrolled one's renewal is forgotten", async () => {
  await using young = await openScene(50);
  assert.equal(await startRenewals(young.database.web, systemClock), 0);
  await using scene = await openScene(65);
  const { database, agent, host_id } = scene;
  await startRenewals(database.web, systemClock);
  const csr = await agent.renewal.request();
  await keep(database, host_id, (await issueFor(agent.pki, csr)).certificate_pem);
  await startRenewals(database.web, systemClock);
  assert.equal(await scene.row(), undefined);
});

Deno.test("an agent that cannot is said to need a renewal by hand, and asked again in a day", async () => {
  await using database = await testDatabase();
  const paths: string[] = [];
  await using agent = await agentServer((request, response) => {
    paths.push(`${request.method} ${request.url}`);
    response.writeHead(404, { "content-type": "application/json" });
    response.end(JSON.stringify({ success: false, data: null, error: { code: "NOT_FOUND", message: "no" } }));
  });
  const agents = createAgentClient(client_options);
  const host_id = await addAgentHost(database.sql, agent);
  await keep(database, host_id, good.certificate);
  await database
    .sql`update certificates set not_before = app_now() - interval '80 days', not_after = app_now() + interval '10 days'`;
  await startRenewals(database.web, systemClock);
  await turn(database, agents);
  const manual = (await row(database, host_id))!;
  assert.deepEqual([manual.state, manual.attempts], ["manual", 0]);
  assert.ok(manual.wait > 86_000, `${manual.wait} s`);
  assert.match(manual.error ?? "", /cannot renew.*by hand/);
  const admin = await addUser(database.sql, "admin");
  const { renewal } = await hostDetail(database.web, admin.id, host_id);
  assert.deepEqual([renewal?.state, renewal?.error], ["manual", manual.error]);
  await turn(database, agents);
  assert.equal(paths.length, 1);
  await due(database);
  await turn(database, agents);
  assert.deepEqual(paths, ["POST /api/v1/certificate/csr", "POST /api/v1/certificate/csr"]);
  agents.close();
});

Deno.test("a host that does not answer is tried again after a growing pause, in the same step", async () => {
  await using scene = await openScene(65);
  await startRenewals(scene.database.web, systemClock);
  await scene.agent.stop();
  await scene.turn();
  const first = (await scene.row())!;
  assert.deepEqual([first.state, first.attempts], ["due", 1]);
  assert.match(first.error ?? "", /patch-agent running/);
  assert.ok(first.wait > 290 && first.wait <= 300, `${first.wait} s`);
  await due(scene.database);
  await scene.turn();
  assert.ok((await scene.row())!.wait > 590);
  await scene.agent.start();
  await due(scene.database);
  await scene.turn();
  assert.deepEqual([(await scene.row())!.state, (await scene.row())!.error], ["requested", null]);
  await scene.sign();
  await scene.agent.stop();
  await scene.turn();
  assert.equal((await scene.row())!.state, "signed", "the same certificate is brought later");
  await scene.agent.start();
  await due(scene.database);
  await scene.turn();
  assert.equal((await scene.row())!.state, "installed");
});

Deno.test("a host that forgot its request gets a new one signed; the unused certificate is revoked", async () => {
  await using scene = await openScene(65);
  const { database, agent } = scene;
  await startRenewals(database.web, systemClock);
  await scene.turn();
  await scene.sign();
  const unused = (await scene.row())!.certificate_id;
  const files = await pendingFile(agent);
  assert.ok(files.length > 0);
  for (const name of files) await Deno.remove(`${agent.state}/${name}`);
  await scene.turn();
  const refused = (await scene.row())!;
  assert.deepEqual([refused.state, refused.attempts, refused.csr], ["due", 1, null]);
  assert.match(refused.error ?? "", /No request waits/);
  await due(database);
  await scene.turn();
  await scene.sign();
  const [{ revoked_reason }] = await database.sql`select revoked_reason from certificates where id = ${unused}`;
  assert.equal(revoked_reason, "superseded");
  await scene.turn();
  assert.deepEqual(await scene.sign(), { signed: 0, retired: 1 });
  assert.notEqual(await agent.shown(), scene.old);
});

Deno.test("a dead worker's renewal is taken up where it stood; eight at once, no more", async () => {
  await using scene = await openScene(65);
  const { database } = scene;
  const old = (await database.sql`select id from certificates`)[0].id;
  await startRenewals(database.web, systemClock);
  for (let n = 0; n < 11; n++) {
    const id = await addAgentHost(database.sql, { port: 20_000 + n });
    await database.sql`
      insert into certificate_renewals (host_id, state, old_certificate_id, next_at, changed_at)
      values (${id}, 'due', ${old}, app_now() + interval '1 hour', app_now())`;
  }
  const [mine] = await claimRenewals(database.fleet, 0);
  assert.equal(mine.host_id, scene.host_id);
  assert.deepEqual(await claimRenewals(database.fleet, 0), [], "held");
  await database
    .sql`update certificate_renewals set lease_until = app_now() - interval '1 second' where lease_until is not null`;
  await scene.turn();
  assert.equal((await scene.row())!.state, "requested");
  await due(database);
  assert.equal((await claimRenewals(database.fleet, 0)).length, 8);
  assert.equal((await claimRenewals(database.fleet, 8)).length, 0);
  assert.equal((await claimRenewals(database.fleet, 6)).length, 2);
});

Deno.test("what the fleet role brings is signed only where it is due, sound, and for a host of ours", async (t) => {
  const table: [string, number, (database: TestDatabase) => Promise<unknown>, RegExp][] = [
    ["no request at all", 65, ({ fleet }) => fleet`update certificate_renewals set csr = 'hello'`, /refused/],
    ["a request not signed by its own key", 65, async ({ fleet }) => {
      const [{ csr }] = await fleet`select csr from certificate_renewals`;
      const lines = csr.trim().split("\n");
      const at = lines.length - 2;
      lines[at] = lines[at].replace(/[A-Za-y]/, (letter: string) => String.fromCharCode(letter.charCodeAt(0) + 1));
      await fleet`update certificate_renewals set csr = ${lines.join("\n")}`;
    }, /refused/],
    ["a certificate that is not due", 65, ({ sql }) => sql`update certificates set not_before = app_now()`, /not due/],
    ["a revoked one", 65, ({ sql }) => sql`update certificates set revoked_at = app_now()`, /revoked: enrol it again/],
  ];
  for (const [what, age, change, words] of table) {
    await t.step(what, async () => {
      await using scene = await openScene(age);
      await startRenewals(scene.database.web, systemClock);
      await scene.turn();
      await change(scene.database);
      await scene.sign();
      const refused = (await scene.row())!;
      assert.deepEqual([refused.state, refused.certificate_id, refused.csr], ["due", null, null]);
      assert.match(refused.error ?? "", words);
      const [{ n }] = await scene.database.sql`select count(*)::int as n from certificates`;
      assert.equal(n, 1);
    });
  }
});

Deno.test("the fleet role can start no renewal, write no certificate and read no other", async () => {
  await using scene = await openScene(65);
  const { fleet } = scene.database;
  await startRenewals(scene.database.web, systemClock);
  const denied = { code: "42501" };
  await assert.rejects(fleet`insert into certificate_renewals (host_id) values (${scene.host_id})`, denied);
  await assert.rejects(fleet`update certificate_renewals set certificate_pem = 'x'`, denied);
  await assert.rejects(fleet`update certificate_renewals set old_certificate_id = null`, denied);
  await assert.rejects(fleet`delete from certificate_renewals`, denied);
  await assert.rejects(fleet`select pem from certificates`, denied);
  await assert.rejects(fleet`update revocation_list set crl_pem = 'x'`, denied);
});

Deno.test("a revocation reaches hosts at once; hosts that cannot take the list cost nothing", async () => {
  await using scene = await openScene(10);
  const { database, agent, crl } = scene;
  await using odd = await agentServer((_request, response) => {
    response.writeHead(404, { "content-type": "application/json" });
    response.end("{}");
  });
  await addAgentHost(database.sql, odd);
  await addAgentHost(database.sql, { port: 1 });
  await database.sql`update hosts set health = 'healthy'`;
  const publish = () => publishRevocationList(database.web, crl, systemClock);
  const pusher = new RevocationPusher({ sql: database.fleet, agents: scene.agents, log: silentLog, signal: never });
  await pusher.turn();
  assert.equal(await publish(), true, "the first list");
  assert.equal(await publish(), false);
  await pusher.turn();
  const received = () => agent.events.filter((event) => event === "crl.received").length;
  assert.equal(received(), 1);
  await pusher.turn();
  assert.equal(received(), 1, "nothing was revoked since");
  const serial = "0badc0ffee0badc0ffee0badc0ffee00";
  await database.sql`
    insert into certificates (id, kind, serial, fingerprint, subject, pem, not_before, not_after, issued_at, revoked_at)
    values (${uuidv7()}, 'agent', ${serial}, 'f', 'CN=x', '', app_now(), app_now() + interval '9 days', app_now(), app_now())`;
  assert.equal(await publish(), true);
  await pusher.turn();
  assert.equal(agent.revocation.has(serial), true);
  // After a start an old revocation is not told again: hosts fetch the list themselves.
  await database.sql`update revocation_list set changed_at = app_now() - interval '2 hours'`;
  await new RevocationPusher({ sql: database.fleet, agents: scene.agents, log: silentLog, signal: never }).turn();
  assert.equal(received(), 2);
});
