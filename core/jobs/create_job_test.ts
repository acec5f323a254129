import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { addGroup, addHost, addUser, callerContext, offer } from "../../testing/job_scenario.ts";
import type { Sql } from "../database/connection.ts";
import { AppError, type ErrorCode } from "../errors.ts";
import { createJob, type JobViewer } from "./create_job.ts";
import type { JobOrderInput } from "./types.ts";

const NOBODY = "018f0000-0000-7000-8000-000000000000";

function order(sql: Sql, user: JobViewer, input: Partial<JobOrderInput>, key: string | null = null) {
  return createJob(sql, user, { kind: "apply", host_ids: [], ...input }, key, callerContext(user));
}

function refused(code: ErrorCode, field?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    if (field !== undefined) assert.ok(error.details.some((one) => one.field === field), JSON.stringify(error.details));
    return true;
  };
}

async function nothingStored(sql: Sql) {
  for (const table of ["patch_jobs", "patch_job_hosts", "patch_job_patches", "live_events", "audit_log"]) {
    const [{ n }] = await sql`select count(*)::int as n from ${sql(table)}`;
    assert.equal(n, 0, table);
  }
}

/** Input that is refused before anything is looked up: field and value that replaces a good one. */
const BAD: [string, Record<string, unknown>][] = [
  ["kind", { kind: "rollback" }],
  ["kind", { kind: "reboot" }],
  ["host_ids", { host_ids: [] }],
  ["host_ids.0", { host_ids: ["web1"] }],
  ["host_ids.0", { host_ids: ["' or 1=1 --"] }],
  ["host_ids", { host_ids: Array(10_001).fill(NOBODY) }],
  ["packages", { packages: [] }],
  ["packages.0.name", { packages: [{ name: "-o Dir::Etc=/tmp" }] }],
  ["packages.0.name", { packages: [{ name: "a b" }] }],
  ["packages.0.version", { packages: [{ name: "bash", version: "1;reboot" }] }],
  ["packages.0", { packages: [{ name: "bash", arch: "amd64" }] }],
  ["security_only", { security_only: "yes" }],
  ["reboot", { reboot: "later" }],
  ["reboot", { reboot: true }],
  ["reboot_delay_seconds", { reboot: "always", reboot_delay_seconds: -1 }],
  ["reboot_delay_seconds", { reboot: "always", reboot_delay_seconds: 86_401 }],
  ["reason", { reason: "x".repeat(1_001) }],
  ["reason", { reason: "a\u0000b" }],
  ["deadline_minutes", { deadline_minutes: 4 }],
  ["deadline_minutes", { deadline_minutes: 10_081 }],
  ["deadline_minutes", { deadline_minutes: 7.5 }],
  ["", { wave: 2 }],
];

Deno.test("an order that is not as expected is refused with its field, and nothing is stored", async (t) => {
  await using database = await testDatabase();
  const admin = await addUser(database.sql, "admin");
  for (const [field, change] of BAD) {
    const words = JSON.stringify(change).slice(0, 60);
    await t.step(`${field || "unknown field"}: ${words}`, async () => {
      await assert.rejects(
        order(database.web, admin, { host_ids: [NOBODY], ...change } as never),
        refused("validation_failed", field),
      );
    });
  }
  for (const key of ["", "a b", "ä", "x".repeat(129), "a\nb"]) {
    await t.step(`Idempotency-Key ${JSON.stringify(key).slice(0, 20)}`, async () => {
      await assert.rejects(
        order(database.web, admin, { host_ids: [NOBODY] }, key),
        refused("validation_failed", "Idempotency-Key"),
      );
    });
  }
  await nothingStored(database.sql);
});

Deno.test("hosts out of scope answer like hosts that do not exist", async (t) => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const [mine, theirs] = [await addGroup(sql), await addGroup(sql)];
  const operator = await addUser(sql, "operator", [mine]);
  const hosts = { own: await addHost(sql, { groups: [mine] }), foreign: await addHost(sql, { groups: [theirs] }) };
  for (const id of Object.values(hosts)) await offer(sql, id, { name: "bash", to: "2.0" });
  const messages: string[] = [];
  for (const [what, id] of [["of another group", hosts.foreign], ["unknown", NOBODY]] as const) {
    await t.step(what, async () => {
      await assert.rejects(order(web, operator, { host_ids: [hosts.own, id] }), (error) => {
        refused("host_not_found", "host_ids.1")(error);
        messages.push((error as AppError).message + JSON.stringify((error as AppError).details));
        return true;
      });
    });
  }
  assert.equal(messages[0], messages[1]);
  await t.step("removed", async () => {
    await sql`update hosts set removed_at = app_now() where id = ${hosts.own}`;
    await assert.rejects(order(web, operator, { host_ids: [hosts.own] }), refused("host_not_found"));
  });
  await t.step("an auditor may order nothing, although all hosts are visible", async () => {
    const auditor = await addUser(sql, "auditor");
    await assert.rejects(order(web, auditor, { host_ids: [hosts.foreign] }), refused("forbidden"));
  });
  await t.step("a disabled user sees no host", async () => {
    await sql`update users set disabled_at = app_now() where id = ${operator.id}`;
    await assert.rejects(order(web, operator, { host_ids: [hosts.own] }), refused("host_not_found"));
  });
  await nothingStored(sql);
});

Deno.test("nothing to install is nothing to do", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const host = await addHost(sql);
  await assert.rejects(order(web, admin, { host_ids: [host] }), refused("nothing_to_do"));
  await offer(sql, host, { name: "held", to: "2", state: "held" }, { name: "phased", to: "2", state: "phased" });
  await assert.rejects(order(web, admin, { host_ids: [host] }), refused("nothing_to_do"));
  await offer(sql, host, { name: "bash", to: "2.0" });
  await assert.rejects(order(web, admin, { host_ids: [host], security_only: true }), refused("nothing_to_do"));
  await assert.rejects(order(web, admin, { host_ids: [host], packages: [{ name: "zsh" }] }), refused("nothing_to_do"));
  await nothingStored(sql);
});

Deno.test("another version than the one that was seen is a conflict, on any of the hosts", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const [debian, fedora] = [await addHost(sql), await addHost(sql)];
  await offer(sql, debian, { name: "openssl", to: "3.0-2" });
  await offer(sql, fedora, { name: "openssl", to: "3.1-1.fc" });
  const both = [{ name: "openssl", version: "3.0-2" }, { name: "openssl", version: "3.1-1.fc" }];
  await assert.rejects(
    order(web, admin, { host_ids: [debian, fedora], packages: [both[0]] }),
    refused("conflict", "packages.0.version"),
  );
  await nothingStored(sql);
  const made = await order(web, admin, { host_ids: [debian, fedora], packages: both });
  assert.equal(made.patches, 2);
});

Deno.test("of two versions one may be left out: its hosts keep what they have, and a third is still a conflict", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const [debian, fedora] = [await addHost(sql), await addHost(sql)];
  await offer(sql, debian, { name: "openssl", to: "3.0-2" });
  await offer(sql, fedora, { name: "openssl", to: "3.1-1.fc" }, { name: "bash", to: "5.3" });
  const host_ids = [debian, fedora];
  const [wanted, except] = [[{ name: "openssl", version: "3.0-2" }], [{ name: "openssl", version: "3.1-1.fc" }]];
  const made = await order(web, admin, { host_ids, packages: wanted, except }, "key");
  assert.deepEqual([made.hosts, made.patches, made.left_out], [1, 1, [fedora]]);
  const again = await order(web, admin, { host_ids, packages: wanted, except }, "key");
  assert.deepEqual([again.job_id, again.repeated], [made.job_id, true]);
  await assert.rejects(order(web, admin, { host_ids, packages: wanted }, "key"), refused("idempotency_conflict"));
  assert.equal((await order(web, admin, { host_ids, except })).patches, 2, "all but that one");
  await assert.rejects(order(web, admin, { host_ids: [fedora], packages: wanted, except }), refused("nothing_to_do"));
  await assert.rejects(
    order(web, admin, { host_ids, packages: wanted, except: [...except, ...wanted] }),
    refused("validation_failed", "except.1"),
  );
  await offer(sql, fedora, { name: "openssl", to: "3.1-2.fc" });
  await assert.rejects(
    order(web, admin, { host_ids, packages: wanted, except }),
    refused("conflict", "packages.0.version"),
    "nobody saw this one",
  );
});

Deno.test("a job freezes versions, leaves out hosts without work, and is told and audited once", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const [one, two, idle] = [await addHost(sql), await addHost(sql), await addHost(sql)];
  await offer(sql, one, { name: "bash", from: "1.0", to: "1.1" }, { name: "zsh", to: "9", state: "held" });
  await offer(sql, two, { name: "bash", from: "1.0", to: "1.1" }, { name: "curl", to: "8.1", security: true });
  const heard: string[] = [];
  const channel = await sql.listen("wake_fleet", (payload) => heard.push(payload));
  const before = (await sql`select app_now() as now`)[0].now;
  const made = await order(web, admin, { host_ids: [one, two, idle, one], reason: " CVE-2026-1 " });
  assert.deepEqual({ ...made, job_id: "" }, { job_id: "", repeated: false, hosts: 2, patches: 3, left_out: [idle] });
  const [job] = await sql`select * from patch_jobs`;
  assert.equal(job.reason, "CVE-2026-1");
  const minutes = job.deadline_at.since(before).total("minutes");
  assert.ok(minutes > 119.9 && minutes < 121, `${minutes}`);
  const rows = await sql`select host_id, state, run_id, attempt, fence from patch_job_hosts order by host_id`;
  assert.deepEqual(rows.map((row) => [row.host_id, row.state, row.attempt, row.fence]), [
    [one, "queued", 1, 0],
    [two, "queued", 1, 0],
  ]);
  assert.equal(new Set(rows.map((row) => row.run_id)).size, 2);
  const patches = await sql`
    select host_id, name, arch, from_version, to_version, origin, outcome from patch_job_patches order by host_id, name`;
  assert.deepEqual([...patches].map((row) => Object.values(row)), [
    [one, "bash", "amd64", "1.0", "1.1", "ordered", "pending"],
    [two, "bash", "amd64", "1.0", "1.1", "ordered", "pending"],
    [two, "curl", "amd64", "1.0", "8.1", "ordered", "pending"],
  ]);
  const events = await sql`select topic, kind, data from live_events order by seq`;
  assert.deepEqual(events.map((event) => [event.topic, event.kind]), [
    ["jobs", "job_state"],
    [`job:${made.job_id}`, "job_state"],
  ]);
  assert.deepEqual(events[0].data, { job_id: made.job_id, state: "queued", counts: { queued: 2 } });
  const [audit] = await sql`select action, object_id, convert_from(payload, 'UTF8')::jsonb as entry from audit_log`;
  assert.equal(audit.action, "job.create");
  assert.equal(audit.object_id, made.job_id);
  assert.deepEqual(audit.entry.details.patches, ["bash 1.1", "curl 8.1"]);
  assert.deepEqual(heard.map((payload) => JSON.parse(payload)), [{ kind: "job", id: made.job_id }]);
  await channel.unlisten();
});

Deno.test("the same key is the same job, whoever asks at the same time; another order under it is a conflict", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const other = await addUser(sql, "admin");
  const [one, two] = [await addHost(sql), await addHost(sql)];
  for (const host of [one, two]) await offer(sql, host, { name: "bash", to: "2.0" });
  const made = await Promise.all(
    Array.from({ length: 6 }, (_, i) => order(web, admin, { host_ids: i % 2 ? [one, two] : [two, one, one] }, "key-1")),
  );
  assert.equal(new Set(made.map((job) => job.job_id)).size, 1);
  assert.equal(made.filter((job) => !job.repeated).length, 1);
  await assert.rejects(order(web, admin, { host_ids: [one] }, "key-1"), refused("idempotency_conflict"));
  await assert.rejects(
    order(web, admin, { host_ids: [one, two], security_only: true }, "key-1"),
    refused("idempotency_conflict"),
  );
  const theirs = await order(web, other, { host_ids: [one, two] }, "key-1");
  assert.notEqual(theirs.job_id, made[0].job_id, "keys belong to a person");
  const [{ n }] = await sql`select count(*)::int as n from audit_log`;
  assert.equal(n, 2);
});

Deno.test("a job on 2,500 hosts with 40 patches each is ordered, and its audit row stays small", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  await sql`
    insert into hosts (id, fqdn, address, port, tls_name, source, health_since, created_at)
    select gen_random_uuid(), 'host' || n, '10.0.0.0'::inet + n, 12443, 'host' || n, 'manual', app_now(), app_now()
    from generate_series(1, 2500) n`;
  await sql`insert into packages (name, arch) select 'package' || n, 'amd64' from generate_series(1, 40) n`;
  await sql`
    insert into update_offers (hash, package_id, version, severity, first_seen_at)
    select int8send(id), id, '2.0', 'unknown', app_now() from packages`;
  await sql`
    insert into host_patches (host_id, package_id, offer_id, current_version, state, first_seen_at)
    select h.id, o.package_id, o.id, '1.0', 'installable', app_now() from hosts h cross join update_offers o`;
  const host_ids = (await sql`select id from hosts`).map((row) => row.id as string);
  const made = await order(web, admin, { host_ids });
  assert.deepEqual([made.hosts, made.patches], [2_500, 100_000]);
  const [audit] =
    await sql`select length(payload) as bytes, convert_from(payload, 'UTF8')::jsonb as entry from audit_log`;
  assert.ok(audit.bytes < 8_192, `${audit.bytes} bytes`);
  assert.equal(audit.entry.details.hosts.count, 2_500);
});
