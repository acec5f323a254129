import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import https from "node:https";
import { readPublicKeys } from "../core/audit/signing_key.ts";
import { connect } from "../core/database/connection.ts";
import { type TestLogin, testSocket } from "../testing/database.ts";
import { makeEmptyDatabase } from "../testing/database_server.ts";
import { type HttpClient, httpClient } from "../testing/http_client.ts";
import { keepLogsOf, plant } from "../testing/planted_secrets.ts";
import { testFolder } from "../testing/test_folder.ts";
import { type WebProcess, webProcesses } from "../testing/web_process.ts";

const ROUNDS = 3;

/** As whoever reads the database and both logs afterwards: everything that a first start makes, once. */
async function madeOnce(url: (login: TestLogin) => string, processes: WebProcess[]) {
  const lines = (await Promise.all(processes.map((one) => one.lines()))).flat();
  const said = (event: string, path = "") =>
    lines.filter((line) => line.event === event && String(line.path ?? "").endsWith(path)).length;
  const sql = await connect({ url: url("patch_owner"), max: 1, application_name: "the test" });
  try {
    const [rows] = await sql`
      select (select count(*)::int from users) as users,
        (select count(*)::int from users where role = 'admin' and username = 'admin') as admins,
        (select count(*)::int from passwords where must_change) as one_time_passwords,
        (select count(*)::int from signing_keys) as signing_keys,
        (select count(*)::int from audit_log
          where convert_from(payload, 'UTF8')::jsonb ->> 'action' = 'user.create') as audited`;
    return {
      ...rows,
      passwords_written: said("initial_password.written"),
      roots: said("certificate.issued", "/root.crt"),
      web_certificates: said("certificate.issued", "/ui.crt"),
      client_certificates: said("certificate.issued", "/manager-client.crt"),
      signing_keys_said: said("signing_key.created"),
      complaints: lines.filter(({ level }) => level === "error" || level === "warn"),
    };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

const ONCE = {
  users: 1,
  admins: 1,
  one_time_passwords: 1,
  signing_keys: 1,
  audited: 1,
  passwords_written: 1,
  roots: 1,
  web_certificates: 1,
  client_certificates: 1,
  signing_keys_said: 1,
  complaints: [],
};

/** Signs in at one of them with the password of the file, and is known to the other one. */
async function signsIn(at: HttpClient, other: HttpClient, password: string): Promise<void> {
  const opened = await at.post("/api/v1/auth/login", { username: "admin", password });
  assert.equal(opened.status, 200, opened.text);
  const bearer = { authorization: `Bearer ${opened.json.access_token}` };
  // Forbidden until the password is changed, and that is said only to whom the token is good for.
  const { status, json } = await other.get("/api/v1/hosts", bearer);
  assert.deepEqual([status, json.error.code], [403, "password_change_required"]);
}

for (let round = 1; round <= ROUNDS; round++) {
  Deno.test(`two processes start at once on an empty database and an empty folder, ${round}: everything is made once`, async () => {
    await using cleanup = new AsyncDisposableStack();
    const folder = cleanup.use(await testFolder("first-")).path;
    const { name } = cleanup.use(await makeEmptyDatabase(testSocket()));
    const socket = testSocket();
    const url = (login: TestLogin) =>
      `postgres:///${name}?${new URLSearchParams({ host: socket.slice(0, socket.lastIndexOf("/")), user: login })}`;
    cleanup.defer(() => keepLogsOf(folder));
    const start = await webProcesses({ folder, url });
    const started = await Promise.allSettled([start("one"), start("two")]);
    const processes = started.flatMap((one) => one.status === "fulfilled" ? [cleanup.use(one.value)] : []);
    for (const one of started) if (one.status === "rejected") throw one.reason;

    assert.deepEqual(await madeOnce(url, processes), ONCE);
    const pki = `${folder}/state/pki`;
    const key = createPublicKey(createPrivateKey(await Deno.readTextFile(`${pki}/audit.key`)));
    const known = [...readPublicKeys(await Deno.readTextFile(`${pki}/audit.pub`)).values()];
    assert.deepEqual(
      known.map((one) => one.equals(key)),
      [true],
      "one key signs the audit log, and it is the one there",
    );

    const agent = new https.Agent({ keepAlive: false });
    const [one, two] = processes.map(({ origin, ca }) => httpClient(origin, ca, agent));
    const password = plant((await Deno.readTextFile(`${folder}/state/initial-password`)).trim());
    await signsIn(one, two, password);
    await signsIn(two, one, password);

    await Promise.all(processes.map(({ child }) => child.stop()));
    for (const { lines } of processes) assert.equal((await lines()).at(-1)?.event, "server.stopped");
  });
}
