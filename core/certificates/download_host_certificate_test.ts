import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { addGroup, addHost, addUser, callerContext } from "../../testing/job_scenario.ts";
import type { Sql } from "../database/types.ts";
import { uuidv7 } from "../ids.ts";
import { downloadHostCertificate } from "./download_host_certificate.ts";

async function issue(sql: Sql, host_id: string, serial: string, hours_ago: number, revoked = false): Promise<void> {
  await sql`
    insert into certificates
      (id, kind, serial, fingerprint, subject, pem, host_id, not_before, not_after, issued_at, revoked_at)
    values (${uuidv7()}, 'agent', ${serial}, ${serial}, 'CN=test', ${"PEM " + serial}, ${host_id}, app_now(), app_now(),
      app_now() - make_interval(hours => ${hours_ago}), case when ${revoked} then app_now() end)`;
}

const audited = async (sql: Sql) => (await sql`select action, object_id from audit_log`).length;

Deno.test("the newest certificate that was not revoked, and a row in the audit log", async () => {
  await using database = await testDatabase();
  const user = await addUser(database.sql, "auditor");
  const host_id = await addHost(database.sql);
  await issue(database.sql, host_id, "01", 3);
  await issue(database.sql, host_id, "02", 2);
  await issue(database.sql, host_id, "03", 1, true);
  const found = await downloadHostCertificate(database.web, user.id, host_id, callerContext(user));
  assert.deepEqual([found.serial, found.pem], ["02", "PEM 02"]);
  const [row] = await database.sql`select action, object_id, actor_id from audit_log`;
  assert.deepEqual({ ...row }, { action: "certificate.download", object_id: host_id, actor_id: user.id });
});

Deno.test("no certificate, no host, a host out of scope: 404 and nothing audited", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const operator = await addUser(sql, "operator", [await addGroup(sql)]);
  const foreign = await addHost(sql, { groups: [await addGroup(sql)] });
  const bare = await addHost(sql);
  const revoked = await addHost(sql);
  await issue(sql, foreign, "01", 1);
  await issue(sql, revoked, "02", 1, true);
  const codes: [string, string][] = [
    [bare, "not_found"],
    [revoked, "not_found"],
    [foreign, "host_not_found"],
    [uuidv7(), "host_not_found"],
    ["x", "host_not_found"],
  ];
  for (const [host_id, code] of codes) {
    await assert.rejects(downloadHostCertificate(web, operator.id, host_id, callerContext(operator)), { code });
  }
  assert.equal(await audited(sql), 0);
});
