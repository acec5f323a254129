import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { anonymous, ask, body, counts, newCsr, newIssuer, refused } from "../../testing/enrolment_scene.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { addGroup, addUser, callerContext } from "../../testing/job_scenario.ts";
import { connect } from "../database/connection.ts";
import { registerHost } from "../hosts/register_host.ts";
import { secretToken, uuidv7 } from "../ids.ts";
import { collectEnrolment } from "./collect_enrolment.ts";
import { createEnrolmentTokens } from "./create_enrolment_tokens.ts";
import { approveEnrolment, denyEnrolment } from "./decide_enrolment.ts";

Deno.test("without token: five a minute from one address, one /64 counts as one address", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const many = await connect({ url: database.url("patch_web"), max: 10 });
  try {
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => ask(many, issuer, clock, body())));
    assert.equal(results.filter((result) => result.status === "fulfilled").length, 5, "also when all come at once");
    for (const result of results) {
      if (result.status === "rejected") assert.equal(result.reason.code, "too_many_requests");
    }
    await ask(many, issuer, clock, body(), "192.0.2.8");
    for (let i = 0; i < 5; i++) await ask(many, issuer, clock, body(), `2001:db8::${i}`);
    await refused(() => ask(many, issuer, clock, body(), "2001:db8::ffff"), "too_many_requests");
    await ask(many, issuer, clock, body(), "2001:db8:0:1::1");
    // A valid token is not counted by address.
    const admin = await addUser(database.sql, "admin");
    const [{ token }] = await createEnrolmentTokens(database.web, admin.id, {}, callerContext(admin, clock));
    assert.equal((await ask(many, issuer, clock, body({ token }))).state, "approved");
    clock.advance({ seconds: 61 });
    await ask(many, issuer, clock, body());
  } finally {
    await many.end();
  }
});

Deno.test("a person decides once; the agent hears of it", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const admin = await addUser(database.sql, "admin");
  const context = callerContext(admin, clock);
  const poll = (token: string) =>
    collectEnrolment(database.web, token, issuer, anonymous(clock)).then((answer) => answer.status);
  const one = await ask(database.web, issuer, clock, body());
  clock.advance({ seconds: 1 });
  const two = await ask(database.web, issuer, clock, body({ csr: await newCsr() }));
  assert.deepEqual([await poll(one.polling_token), await poll(two.polling_token)], ["pending", "pending"]);
  const [first, second] = await database.sql`select id from enrolments order by created_at, id`;
  await denyEnrolment(database.web, admin.id, first.id, context);
  const both = await Promise.allSettled(
    [1, 2].map(() => approveEnrolment(database.web, admin.id, second.id, [], issuer, context)),
  );
  assert.deepEqual(both.map((result) => result.status).sort(), ["fulfilled", "rejected"], "two people at once");
  assert.deepEqual([await poll(one.polling_token), await poll(two.polling_token)], ["denied", "approved"]);
  assert.deepEqual(await counts(database.sql), [1, 1, 2, 2]);
  for (const id of [first.id, second.id, uuidv7(), "x"]) {
    await refused(() => approveEnrolment(database.web, admin.id, id, [], issuer, context), "enrolment_not_found");
    await refused(() => denyEnrolment(database.web, admin.id, id, context), "enrolment_not_found");
  }
  for (const token of ["", "x", secretToken(), "../" + "x".repeat(40)]) assert.equal(await poll(token), "notfound");
});

Deno.test("a request ends by itself, and asking again starts anew", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const admin = await addUser(database.sql, "admin");
  const request = body();
  const one = await ask(database.web, issuer, clock, request);
  const two = await ask(database.web, issuer, clock, request);
  const poll = async (token: string) => (await collectEnrolment(database.web, token, issuer, anonymous(clock))).status;
  assert.deepEqual([await poll(one.polling_token), await poll(two.polling_token)], ["notfound", "pending"]);
  clock.advance({ hours: 7 * 24 });
  assert.equal(await poll(two.polling_token), "notfound");
  const [{ id }] = await database.sql`select id from enrolments where state = 'pending'`;
  await refused(
    () => approveEnrolment(database.web, admin.id, id, [], issuer, callerContext(admin, clock)),
    "enrolment_not_found",
  );
});

Deno.test("known, copied and taken machines", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const admin = await addUser(database.sql, "admin");
  const context = callerContext(admin, clock);
  const tokens = await createEnrolmentTokens(database.web, admin.id, { count: 3 }, context);
  const original = body({ token: tokens[0].token });
  await ask(database.web, issuer, clock, original);
  const again = { ...original, token: tokens[1].token };
  await refused(() => ask(database.web, issuer, clock, again), "already_enrolled");
  await refused(() => ask(database.web, issuer, clock, { ...again, token: undefined }), "already_enrolled");
  const elsewhere = { ...again, fqdn: "copy.example", ip_address: "10.6.0.1" };
  assert.equal((await ask(database.web, issuer, clock, elsewhere)).state, "pending", "the token was not burned by 409");
  const [row] = await database.sql`select id, clone_of from enrolments where state = 'pending'`;
  assert.notEqual(row.clone_of, null);
  await refused(() => ask(database.web, issuer, clock, { ...elsewhere }), "enrolment_token_refused");
  await approveEnrolment(database.web, admin.id, row.id, [], issuer, context);
  await registerHost(database.web, admin.id, { address: "10.6.0.2" }, () => Promise.resolve([]), context);
  const intruder = body({ ip_address: "10.6.0.2", token: tokens[2].token });
  await refused(() => ask(database.web, issuer, clock, intruder), "already_enrolled");
  assert.equal(
    (await ask(database.web, issuer, clock, { ...intruder, token: undefined })).state,
    "pending",
    "tells nothing",
  );
  const [waiting] = await database.sql`select id from enrolments where state = 'pending'`;
  const error = await refused(
    () => approveEnrolment(database.web, admin.id, waiting.id, [], issuer, context),
    "host_exists",
  );
  assert.match(error.message, /10\.6\.0\.2/);
});

Deno.test("approving a machine in the place of a host out of scope is refused without a word of it, and leaves a row", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const [mine, other] = [await addGroup(database.sql), await addGroup(database.sql)];
  const admin = await addUser(database.sql, "admin");
  const operator = await addUser(database.sql, "operator", [mine]);
  const taken = { address: "10.6.0.2", display_name: "Secret shop", group_ids: [other] };
  const resolve = () => Promise.resolve([]);
  const host = await registerHost(database.web, admin.id, taken, resolve, callerContext(admin, clock));
  await ask(database.web, issuer, clock, body({ ip_address: "10.6.0.2" }));
  const [{ id }] = await database.sql`select id from enrolments where state = 'pending'`;
  const context = callerContext(operator, clock);
  const error = await refused(
    () => approveEnrolment(database.web, operator.id, id, [], issuer, context),
    "host_exists",
  );
  assert.doesNotMatch(JSON.stringify([error.message, error.hint, error.details]), /Secret|10\.6\.0\.2/);
  const rows = await database.sql`
    select action, outcome, actor_id, object_id from audit_log where actor_id = ${operator.id}`;
  const expected = { action: "enrolment.approve", outcome: "denied", actor_id: operator.id, object_id: host.id };
  assert.deepEqual(rows.map((row) => ({ ...row })), [expected]);
  const [{ state }] = await database.sql`select state from enrolments where id = ${id}`;
  assert.equal(state, "pending", "an admin may still decide");
});

Deno.test("a stolen token gets no certificate for the manager's own name or address: a person decides", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock, ["Patch.example", "10.9.0.1", "127.0.0.1", "localhost"]);
  const admin = await addUser(database.sql, "admin");
  const tokens = await createEnrolmentTokens(database.web, admin.id, { count: 4 }, callerContext(admin, clock));
  const [byName, byAddress, local, other] = tokens.map(({ token }) => token);
  for (const fields of [{ fqdn: "PATCH.example.", token: byName }, { ip_address: "10.9.0.1", token: byAddress }]) {
    assert.equal((await ask(database.web, issuer, clock, body(fields))).state, "pending", JSON.stringify(fields));
  }
  assert.deepEqual(await counts(database.sql), [0, 0, 0, 2], "no host, no certificate");
  const rows = await database.sql`
    select convert_from(payload, 'UTF8')::jsonb -> 'details' ->> 'own_name' as own from audit_log
    where action = 'enrolment.request'`;
  assert.deepEqual(rows.map((row) => row.own), ["true", "true"]);
  for (const fields of [{ ip_address: "127.0.0.1", token: local }, { token: other }]) {
    assert.equal((await ask(database.web, issuer, clock, body(fields))).state, "approved", JSON.stringify(fields));
  }
});

Deno.test("operators decide for their own groups, auditors not at all", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const [a, b] = [await addGroup(database.sql), await addGroup(database.sql)];
  const operator = await addUser(database.sql, "operator", [a]);
  const stranger = await addUser(database.sql, "operator", [b]);
  const auditor = await addUser(database.sql, "auditor");
  const context = callerContext(operator, clock);
  await refused(
    () => createEnrolmentTokens(database.web, operator.id, { group_ids: [b] }, context),
    "validation_failed",
  );
  const [{ token }] = await createEnrolmentTokens(database.web, operator.id, { group_ids: [a] }, context);
  // A copy waits although it has a token: so there is a request that belongs to a group.
  const admin = await addUser(database.sql, "admin");
  const [extra] = await createEnrolmentTokens(database.web, admin.id, {}, callerContext(admin, clock));
  const original = body({ token: extra.token });
  await ask(database.web, issuer, clock, original);
  await ask(database.web, issuer, clock, { ...original, token, fqdn: "copy.example", ip_address: "10.7.0.1" });
  const [{ id }] = await database.sql`select id from enrolments where state = 'pending'`;
  for (const user of [stranger, auditor]) {
    await refused(() => approveEnrolment(database.web, user.id, id, [], issuer, context), "enrolment_not_found");
    await refused(() => denyEnrolment(database.web, user.id, id, context), "enrolment_not_found");
  }
  await refused(() => approveEnrolment(database.web, operator.id, id, [b], issuer, context), "validation_failed");
  const { host_id } = await approveEnrolment(database.web, operator.id, id, [], issuer, context);
  const groups = await database.sql`select group_id from host_groups where host_id = ${host_id}`;
  assert.deepEqual(groups.map((row) => row.group_id), [a]);
});

Deno.test("a machine that says it is simulated is marked from the start, also before it ever answered", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const issuer = await newIssuer(clock);
  const admin = await addUser(database.sql, "admin");
  const tokens = await createEnrolmentTokens(database.web, admin.id, { count: 3 }, callerContext(admin, clock));
  const said = [{ simulated: "true" }, { simulated: "no" }, { distro: "simulated" }];
  for (const [i, os_details] of said.entries()) {
    const request = body({ fqdn: `s${i}.example`, os_details, token: tokens[i].token });
    assert.equal((await ask(database.web, issuer, clock, request)).state, "approved");
  }
  const hosts = await database.sql`select simulated from hosts order by fqdn`;
  assert.deepEqual(hosts.map((row) => row.simulated), [true, false, false]);
});
