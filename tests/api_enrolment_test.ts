import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createKeyAndRequest } from "../agent/certificates.ts";
import { enrol, EnrolError } from "../agent/enrol.ts";
import { PinnedManager } from "../agent/enrol_manager.ts";
import { x509 } from "../core/ca/x509.ts";
import { systemClock } from "../core/clock.ts";
import { machine, ownAddress } from "../testing/api_examples.ts";
import type { HttpClient } from "../testing/http_client.ts";
import { addGroup } from "../testing/job_scenario.ts";
import { type TestSite, testSite } from "../testing/site.ts";

const ask = (client: HttpClient, body: unknown) => client.post("/api/v1/enroll", body);
const stand = async (client: HttpClient, polling_token: string) => {
  const answer = await client.get(`/api/v1/enroll/status/${polling_token}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};

async function makeTokens(client: HttpClient, count: number, more: Record<string, unknown> = {}): Promise<string[]> {
  const { status, json, text } = await client.post("/api/v1/enrolment-tokens", { count, ...more });
  assert.equal(status, 201, text);
  return json.items.map(({ token }: { token: string }) => token);
}

async function waiting(client: HttpClient) {
  return (await client.get("/api/v1/enrolments")).json.items;
}

async function setRate(site: TestSite, value: number): Promise<void> {
  const admin = await site.signIn("admin");
  assert.equal((await admin.put("/api/v1/settings/enrolment.rate_per_minute", { value })).status, 200);
}

Deno.test("the one printed command enrols a machine: pinned root, own key, names from our record", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const { json } = await admin.post("/api/v1/enrolment-tokens", { label: "rack 4" });
  const [, manager, fingerprint, token] =
    /^patch-agent enrol --manager=(\S+) --ca-fingerprint=([0-9a-f]{64}) --token=(\S{43})$/.exec(json.items[0].command)!;
  assert.deepEqual([manager, fingerprint, token], [site.origin, json.ca_fingerprint, json.items[0].token]);
  const state = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-enrol-" });
  const address = ownAddress();
  const options = {
    manager: await PinnedManager.open(manager, fingerprint, systemClock),
    token,
    fqdn: "db1.example.org",
    address,
    port: 12_443,
    machine: { machine_id_hash: "ab".repeat(32), os_details: { id: "debian" } },
    state,
    clock: systemClock,
    wait_ms: 5_000,
    sleep: () => Promise.reject(new Error("an approved machine has nothing to wait for")),
  };
  try {
    const { certificate } = await enrol(options as never);
    const shown = new X509Certificate(certificate);
    assert.ok(shown.verify(new X509Certificate(site.ca).publicKey));
    assert.equal(shown.subjectAltName, `DNS:db1.example.org, IP Address:${address}`);
    const { json: { items: [host] } } = await admin.get("/api/v1/hosts");
    assert.deepEqual([host.fqdn, host.address, host.health], ["db1.example.org", address, "pending"]);
    const download = await admin.get(`/api/v1/hosts/${host.id}/client.crt`);
    assert.equal(new X509Certificate(download.text).fingerprint256, shown.fingerprint256);
    assert.match(download.headers.get("content-disposition") ?? "", /^attachment; filename="[0-9a-f]{32}\.crt"$/);
    await assert.rejects(
      enrol(
        {
          ...options,
          fqdn: "db2.example.org",
          address: ownAddress(),
          machine: { machine_id_hash: "cd".repeat(32), os_details: {} },
        } as never,
      ),
      (error) => error instanceof EnrolError && error.problem === "token_refused",
    );
  } finally {
    await Deno.remove(state, { recursive: true });
  }
});

Deno.test("a wrong fingerprint stops the machine before it says anything", async () => {
  await using site = await testSite();
  await assert.rejects(PinnedManager.open(site.origin, "0".repeat(64), systemClock), /another fingerprint/);
  assert.deepEqual(await waiting(await site.signIn("admin")), []);
});

Deno.test("a token that is unknown, used, revoked or expired gets the same answer, and nothing else", async () => {
  await using site = await testSite();
  await setRate(site, 100);
  const admin = await site.signIn("admin");
  const [used, revoked, expired] = await makeTokens(admin, 3);
  assert.equal((await ask(site.anonymous, machine({ token: used }))).status, 202);
  const { json: { items } } = await admin.get("/api/v1/enrolment-tokens");
  const unused = items.filter(({ state }: { state: string }) => state === "open");
  assert.equal(unused.length, 2);
  for (const { id } of unused) assert.equal((await admin.delete(`/api/v1/enrolment-tokens/${id}`)).status, 200);
  assert.equal((await admin.delete(`/api/v1/enrolment-tokens/${unused[0].id}`)).status, 404, "revoked twice");
  await site.database.sql`update enrolment_tokens set expires_at = app_now() - interval '1 second'`;
  const bodies = new Set<string>();
  for (const token of [used, revoked, expired, "u".repeat(43), "short", "'; drop table hosts; --"]) {
    const answer = await ask(site.anonymous, machine({ token }));
    assert.equal(answer.status, 403, token);
    bodies.add(answer.text.replace(answer.json.error.request_id, ""));
  }
  assert.equal(bodies.size, 1, [...bodies].join("\n"));
  assert.equal((await admin.get("/api/v1/hosts")).json.total, 1);
  assert.deepEqual(await waiting(admin), []);
});

Deno.test("one token, twenty machines at once: one gets in", async () => {
  await using site = await testSite({ connections: 4 });
  const admin = await site.signIn("admin");
  const [token] = await makeTokens(admin, 1);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(site.anonymous, machine({ token }))));
  const statuses = answers.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 202).length, 1, statuses.join());
  assert.ok(statuses.every((status) => [202, 403, 429].includes(status)), statuses.join());
  assert.equal((await admin.get("/api/v1/hosts")).json.total, 1);
});

Deno.test("twenty machines with a token each, at once, over four connections: all get in and all collect", async () => {
  await using site = await testSite({ connections: 4 });
  const tokens = await makeTokens(await site.signIn("admin"), 20);
  const asked = await Promise.all(tokens.map((token) => ask(site.anonymous, machine({ token }))));
  assert.deepEqual([...new Set(asked.map(({ status }) => status))], [202]);
  const collected = await Promise.all(asked.map(({ json }) => stand(site.anonymous, json.polling_token)));
  assert.deepEqual([...new Set(collected.map(({ status }) => status))], ["approved"]);
  assert.equal(new Set(collected.map(({ server_crt }) => server_crt)).size, 20);
});

Deno.test("the certificate is handed out once, also when twenty ask at once", async () => {
  await using site = await testSite();
  const [token] = await makeTokens(await site.signIn("admin"), 1);
  const { json: { polling_token } } = await ask(site.anonymous, machine({ token }));
  const answers = await Promise.all(Array.from({ length: 20 }, () => stand(site.anonymous, polling_token)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), ["approved", ...Array(19).fill("notfound")]);
  const approved = answers.find(({ status }) => status === "approved");
  // The public agent sends no request of its own: its key comes with the certificate, and fits it.
  assert.deepEqual(
    Object.keys(approved).sort(),
    ["ca_chain", "ca_crt", "crl_pem", "repo_config", "server_crt", "server_key", "status"],
  );
  assert.equal(approved.repo_config, null);
  assert.match(approved.server_key, /^-----BEGIN PRIVATE KEY-----/);
  assert.match(approved.crl_pem, /^-----BEGIN X509 CRL-----/);
  assert.equal(approved.ca_crt, site.ca);
});

Deno.test("requests without token: so many a minute from an address, then 429; a token still gets in", async () => {
  await using site = await testSite();
  const [token] = await makeTokens(await site.signIn("admin"), 1);
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask(site.anonymous, machine())));
  assert.equal(answers.filter(({ status }) => status === 202).length, 5);
  const refused = answers.filter(({ status }) => status === 429);
  assert.equal(refused.length, 7);
  assert.equal(refused[0].headers.get("retry-after"), "60");
  assert.equal(refused[0].json.error.code, "too_many_requests");
  assert.equal((await ask(site.anonymous, machine({ token }))).status, 202);
});

Deno.test("without token a person decides; what was denied stays out", async () => {
  await using site = await testSite();
  const operator = await site.signIn("operator");
  const { csr_pem } = await createKeyAndRequest("evil.example");
  const welcome = machine({ csr: csr_pem, hostname: "welcome" });
  const [first, second] = [await ask(site.anonymous, welcome), await ask(site.anonymous, machine())];
  assert.deepEqual(await stand(site.anonymous, first.json.polling_token), { status: "pending" });
  const queue = await waiting(operator);
  assert.deepEqual(queue.map(({ own_key }: { own_key: boolean }) => own_key), [true, false]);
  assert.equal(queue[0].source_address, "127.0.0.1");
  assert.equal((await operator.post(`/api/v1/enrolments/${queue[1].id}/deny`)).status, 200);
  assert.deepEqual(await stand(site.anonymous, second.json.polling_token), { status: "denied" });
  const approved = await operator.post(`/api/v1/enrolments/${queue[0].id}/approve`);
  assert.equal(approved.status, 200, approved.text);
  for (const verb of ["approve", "deny"]) {
    for (const { id } of queue) {
      assert.equal((await operator.post(`/api/v1/enrolments/${id}/${verb}`)).status, 404, "decided already");
    }
  }
  const collected = await stand(site.anonymous, first.json.polling_token);
  assert.equal(collected.server_key, undefined, "its key never left the machine");
  assert.doesNotMatch(new X509Certificate(collected.server_crt).subjectAltName ?? "", /evil/);
  assert.deepEqual(await stand(site.anonymous, first.json.polling_token), { status: "notfound" });
  const again = await ask(site.anonymous, welcome);
  assert.deepEqual([again.status, again.json.error.code], [409, "already_enrolled"]);
});

Deno.test("a copy of a known machine waits although it has a token, and is marked", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const [token, other] = await makeTokens(admin, 2);
  const original = machine({ token });
  assert.equal((await ask(site.anonymous, original)).status, 202);
  const copy = await ask(site.anonymous, machine({ token: other, machine_id: original.machine_id }));
  assert.deepEqual(await stand(site.anonymous, copy.json.polling_token), { status: "pending" });
  const [clone] = await waiting(admin);
  assert.equal(clone.clone_of.name, original.fqdn);
  assert.equal((await admin.post(`/api/v1/enrolments/${clone.id}/approve`, { group_ids: [] })).status, 200);
  assert.equal((await stand(site.anonymous, copy.json.polling_token)).status, "approved");
});

Deno.test("an operator sees, decides and revokes within their groups only", async () => {
  await using site = await testSite();
  const [ours, theirs] = [await addGroup(site.database.sql), await addGroup(site.database.sql)];
  const operator = await site.signIn("operator", { groups: [ours] });
  const admin = await site.signIn("admin");
  const refused = await operator.post("/api/v1/enrolment-tokens", { group_ids: [theirs] });
  assert.deepEqual([refused.status, refused.json.error.details[0].field], [400, "group_ids"]);
  const [original] = await makeTokens(admin, 1);
  const [foreign] = await makeTokens(admin, 1, { group_ids: [theirs] });
  const known = machine({ token: original });
  await ask(site.anonymous, known);
  await ask(site.anonymous, machine({ token: foreign, machine_id: known.machine_id }));
  const [clone] = await waiting(admin);
  assert.deepEqual(await waiting(operator), []);
  assert.equal((await operator.post(`/api/v1/enrolments/${clone.id}/approve`)).status, 404);
  assert.equal((await operator.post(`/api/v1/enrolments/${clone.id}/deny`)).status, 404);
  await makeTokens(admin, 1, { group_ids: [theirs] });
  const { json: { items } } = await admin.get("/api/v1/enrolment-tokens");
  const open = items.find(({ state }: { state: string }) => state === "open");
  assert.equal((await operator.delete(`/api/v1/enrolment-tokens/${open.id}`)).status, 404);
  assert.equal((await admin.delete(`/api/v1/enrolment-tokens/${open.id}`)).status, 200);
});

Deno.test("no token and no key is in the log, in the audit log or in a later answer", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const [token] = await makeTokens(admin, 1, { label: "rack 4" });
  const { json: { polling_token } } = await ask(site.anonymous, machine({ token }));
  const { server_key } = await stand(site.anonymous, polling_token);
  await stand(site.anonymous, polling_token);
  const everything = [
    ...site.log_lines,
    (await admin.get("/api/v1/audit?limit=500")).text,
    (await admin.get("/api/v1/enrolment-tokens")).text,
    (await admin.get("/api/v1/hosts")).text,
  ].join("\n");
  for (const secret of [token, polling_token, admin.token, server_key.split("\n")[1]]) {
    assert.ok(!everything.includes(secret));
  }
  assert.match(everything, /\/api\/v1\/enroll\/status\/:token/, "the log holds the route's pattern");
});

Deno.test("the command names the configured address; a Host that could break out makes no token", async () => {
  await using site = await testSite({ public_url: "https://patch.example.org" });
  const { json } = await (await site.signIn("admin")).post("/api/v1/enrolment-tokens");
  assert.match(json.items[0].command, /--manager=https:\/\/patch\.example\.org /);
  await using other = await testSite();
  const admin = await other.signIn("admin");
  for (const host of ["a'b", "$(id)", "a b", 'x";id;"', "{x}"]) {
    const answer = await admin.post("/api/v1/enrolment-tokens", {}, { host });
    assert.ok(answer.status >= 400 && answer.status < 500, `${host}: ${answer.status} ${answer.text}`);
  }
  assert.equal((await admin.get("/api/v1/enrolment-tokens")).json.total, 0);
});

Deno.test("a removed host stands in the list of revoked certificates, whose number grows", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const [token] = await makeTokens(admin, 1);
  const { json: { polling_token } } = await ask(site.anonymous, machine({ token }));
  const { server_crt } = await stand(site.anonymous, polling_token);
  const { serialNumber } = new x509.X509Certificate(server_crt);
  const before = await readList(site);
  assert.deepEqual(before.serials, []);
  assert.equal((await readList(site)).number, before.number, "the same list while nothing changes");
  const { json: { items: [host] } } = await admin.get("/api/v1/hosts");
  const removed = await admin.delete(`/api/v1/hosts/${host.id}`);
  assert.deepEqual(removed.json, { id: host.id, cancelled_jobs: 0, revoked_certificates: 1 });
  const after = await readList(site);
  assert.deepEqual(after.serials, [serialNumber]);
  assert.ok(after.number > before.number);
  assert.equal((await admin.get(`/api/v1/hosts/${host.id}/client.crt`)).status, 404);
});

async function readList(site: TestSite): Promise<{ serials: string[]; number: bigint }> {
  const [pem, der] = [await site.anonymous.get("/api/v1/pki/crl.pem"), await site.anonymous.get("/api/v1/pki/crl.der")];
  assert.equal(der.headers.get("content-type"), "application/pkix-crl");
  const list = new x509.X509Crl(pem.text);
  assert.deepEqual(new Uint8Array(list.rawData), new Uint8Array(der.bytes), "both forms are one list");
  assert.ok(await list.verify({ publicKey: site.services.authority.certificate.publicKey }));
  const extension = new Uint8Array(list.getExtension("2.5.29.20")!.value);
  return {
    serials: list.entries.map(({ serialNumber }) => serialNumber),
    number: BigInt("0x" + extension.slice(2).toHex()),
  };
}
