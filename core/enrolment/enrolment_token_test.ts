import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { EnrolStatus } from "../../protocol/enrolment.ts";
import { testDatabase } from "../../testing/database.ts";
import { anonymous, ask, body, counts, CRL, newCsr, newIssuer, refused } from "../../testing/enrolment_scene.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { addGroup, addUser, callerContext } from "../../testing/job_scenario.ts";
import { connect } from "../database/connection.ts";
import { secretToken, uuidv7 } from "../ids.ts";
import { collectEnrolment } from "./collect_enrolment.ts";
import { createEnrolmentTokens, revokeEnrolmentToken } from "./create_enrolment_tokens.ts";

Deno.test("bad requests: nothing is stored", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const table: [string, unknown, string][] = [
    ["null", null, ""],
    ["a list", [], ""],
    ["nothing", {}, "machine_id"],
    ["no machine", body({ machine_id: "" }), "machine_id"],
    ["a long machine id", body({ machine_id: "x".repeat(129) }), "machine_id"],
    ["NUL", body({ machine_id: "a\u0000" }), "machine_id"],
    ["a shell in the name", body({ fqdn: "$(reboot)" }), "fqdn"],
    ["a wildcard", body({ fqdn: "*.example" }), "fqdn"],
    ["a dash", body({ fqdn: "-oProxyCommand=x" }), "fqdn"],
    ["a path", body({ fqdn: "../../etc" }), "fqdn"],
    ["a name as address", body({ ip_address: "example.org" }), "ip_address"],
    ["no machine's address", body({ ip_address: "0.0.0.0" }), "ip_address"],
    ["a multicast address", body({ ip_address: "ff02::1" }), "ip_address"],
    ["a zone", body({ ip_address: "fe80::1%eth0" }), "ip_address"],
    ["port 0", body({ port: 0 }), "port"],
    ["port as text", body({ port: "12443" }), "port"],
    ["no request at all", body({ csr: "hello" }), "csr"],
    ["a damaged request", body({ csr: (await newCsr()).replace("M", "A") }), "csr"],
    ["a private key", body({ csr: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" }), "csr"],
    ["details that are no object", body({ os_details: "x" }), "os_details"],
  ];
  for (const [words, request, field] of table) {
    const error = await refused(() => ask(database.web, issuer, clock, request), "validation_failed");
    assert.equal(error.details[0].field, field, words);
  }
  assert.deepEqual(await counts(database.sql), [0, 0, 0, 0]);
});

Deno.test("token: in at once, with names from our record and not from the request", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const admin = await addUser(database.sql, "admin");
  const group = await addGroup(database.sql);
  const [{ token }] = await createEnrolmentTokens(
    database.web,
    admin.id,
    { group_ids: [group], label: "rack 4" },
    callerContext(admin, clock),
  );
  const request = body({ token, csr: await newCsr(), fqdn: "Web7.Example.", ip_address: "::ffff:10.5.9.9" });
  const asked = await ask(database.web, issuer, clock, request);
  assert.equal(asked.state, "approved");
  assert.deepEqual(await counts(database.sql), [1, 1, 2, 1]);
  const [host] = await database.sql`
    select h.*, host(h.address) as ip, (select group_id from host_groups) as group_id from hosts h`;
  assert.deepEqual([host.fqdn, host.ip, host.tls_name, host.source, host.group_id, host.machine_hash], [
    "web7.example",
    "10.5.9.9",
    "web7.example",
    "enrolment",
    group,
    request.machine_id,
  ]);
  const answer = await collectEnrolment(database.web, asked.polling_token, issuer, anonymous(clock));
  assert.ok(EnrolStatus.parse(answer).status === "approved" && answer.status === "approved");
  assert.equal(answer.server_key, undefined, "the key stays on the machine");
  assert.equal(answer.crl_pem, CRL);
  const certificate = new X509Certificate(answer.server_crt);
  assert.equal(certificate.subjectAltName, "DNS:web7.example, IP Address:10.5.9.9");
  assert.equal(certificate.subject, "CN=web7.example");
  assert.equal(certificate.checkIssued(new X509Certificate(answer.ca_crt)), true);
  assert.equal(certificate.verify(new X509Certificate(answer.ca_crt).publicKey), true);
  assert.deepEqual(await collectEnrolment(database.web, asked.polling_token, issuer, anonymous(clock)), {
    status: "notfound",
  });
  const polls = await database.sql`select next_at from host_polls`;
  for (const { next_at } of polls) {
    assert.equal(next_at.since(clock.now()).total("seconds"), 5, "soon after collection");
  }
  const everything = JSON.stringify([
    ...await database.sql`select convert_from(payload, 'UTF8') as p from audit_log`,
    ...await database.sql`select * from enrolment_tokens`,
    ...await database.sql`select * from enrolments`,
    ...await database.sql`select * from live_events`,
  ]);
  for (const secret of [token, asked.polling_token]) assert.ok(!everything.includes(secret), "a token is kept nowhere");
  const actions = await database.sql`select action from audit_log order by seq`;
  assert.deepEqual(actions.map((row) => row.action), [
    "enrolment_token.create",
    "enrolment.approve",
    "certificate.collect",
  ]);
});

Deno.test("an agent without request gets a key once, which is kept nowhere", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const admin = await addUser(database.sql, "admin");
  const [{ token }] = await createEnrolmentTokens(database.web, admin.id, {}, callerContext(admin, clock));
  const { polling_token } = await ask(database.web, issuer, clock, body({ token }));
  assert.deepEqual(await counts(database.sql), [1, 0, 2, 1], "no certificate before somebody can have it");
  // Two collectors at once: one of them gets it.
  const answers = await Promise.all(
    [1, 2, 3].map(() => collectEnrolment(database.web, polling_token, issuer, anonymous(clock))),
  );
  const got = answers.filter((answer) => answer.status === "approved");
  assert.equal(got.length, 1);
  assert.ok(got[0].status === "approved" && got[0].server_key);
  const key = createPrivateKey(got[0].server_key);
  assert.equal(new X509Certificate(got[0].server_crt).checkPrivateKey(key), true);
  const [row] = await database
    .sql`select row_to_json(c)::text as c, (select row_to_json(e)::text from enrolments e) as e from certificates c`;
  for (const text of [row.c, row.e]) assert.ok(!text.includes("PRIVATE KEY"));
});

Deno.test("20 machines with one token at once: one is let in", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const admin = await addUser(database.sql, "admin");
  const [{ token }] = await createEnrolmentTokens(database.web, admin.id, {}, callerContext(admin, clock));
  const many = await connect({ url: database.url("patch_web"), max: 10 });
  try {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => ask(many, issuer, clock, body({ token }), `192.0.2.${i}`)),
    );
    assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
    for (const result of results) {
      if (result.status === "rejected") {
        assert.equal(result.reason.code, "enrolment_token_refused", String(result.reason));
      }
    }
    assert.deepEqual(await counts(database.sql), [1, 0, 2, 1]);
  } finally {
    await many.end();
  }
});

Deno.test("unknown, used, revoked and expired tokens get the same answer, and guessing is slowed down", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  await database.setNow(clock.now());
  const issuer = await newIssuer(clock);
  const admin = await addUser(database.sql, "admin");
  const context = callerContext(admin, clock);
  const tokens = await createEnrolmentTokens(database.web, admin.id, { count: 3, expires_in_hours: 1 }, context);
  await ask(database.web, issuer, clock, body({ token: tokens[0].token }));
  await revokeEnrolmentToken(database.web, tokens[1].id, context);
  await refused(() => revokeEnrolmentToken(database.web, tokens[1].id, context), "not_found");
  clock.advance({ hours: 1 });
  await database.setNow(clock.now());
  const answers = [];
  for (const token of [secretToken(), tokens[0].token, tokens[1].token, tokens[2].token, ""]) {
    const error = await refused(() => ask(database.web, issuer, clock, body({ token })), "enrolment_token_refused");
    answers.push(JSON.stringify([error.message, error.hint, error.details]));
  }
  assert.equal(new Set(answers).size, 1);
  await refused(() => ask(database.web, issuer, clock, body({ token: secretToken() })), "too_many_requests");
  const [{ denied }] = await database.sql`select count(*)::int as denied from audit_log where outcome = 'denied'`;
  assert.equal(denied, 5, "written down, but not without bound");
  assert.deepEqual((await counts(database.sql))[3], 1, "a refused token leaves nothing in the queue");
});

Deno.test("orders for tokens that are refused", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const admin = await addUser(database.sql, "admin");
  const table: unknown[] = [
    null,
    { count: 0 },
    { count: 1001 },
    { count: "5" },
    { expires_in_hours: 0 },
    { expires_in_hours: 721 },
    { group_ids: ["x"] },
    { group_ids: [uuidv7()] },
    { label: "x".repeat(201) },
    { more: 1 },
  ];
  for (const order of table) {
    await refused(
      () => createEnrolmentTokens(database.web, admin.id, order, callerContext(admin, clock)),
      "validation_failed",
    );
  }
  const tokens = await createEnrolmentTokens(database.web, admin.id, { count: 50 }, callerContext(admin, clock));
  assert.equal(new Set(tokens.map((row) => row.token)).size, 50);
  for (const { token } of tokens) assert.match(token, /^[A-Za-z0-9_-]{43}$/);
});

Deno.test("the fleet's login reads no token and no request", async () => {
  await using database = await testDatabase();
  for (const table of ["enrolment_tokens", "enrolments"]) {
    await assert.rejects(() => database.fleet`select * from ${database.fleet(table)}`, { code: "42501" });
  }
  await assert.rejects(() => database.fleet`select pem from certificates`, { code: "42501" });
});
