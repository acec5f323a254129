import assert from "node:assert/strict";
import tls from "node:tls";
import { secretToken } from "../core/ids.ts";
import { openLive } from "../testing/live_client.ts";
import { assertNoSecret, plant } from "../testing/planted_secrets.ts";
import { TEST_PASSWORD, type TestSite, testSite } from "../testing/site.ts";

/** Sends bytes as they are, and returns what comes back until the connection ends. */
function raw(site: TestSite, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = tls.connect({ host: "127.0.0.1", port: site.port, servername: "localhost", ca: site.ca });
  let answer = "";
  socket.on("data", (part: Uint8Array) => answer += new TextDecoder().decode(part));
  socket.on("error", () => resolve(answer));
  socket.on("close", () => resolve(answer));
  socket.setTimeout(5_000, () => socket.destroy());
  socket.end(text);
  return promise;
}

/** Every way in which a secret comes to us, with a secret of its own. */
const ways: [name: string, send: (site: TestSite, secret: string) => Promise<unknown>][] = [
  ["a wrong password", async (site, password) => {
    const { username } = await site.signIn("auditor");
    await site.anonymous.post("/api/v1/auth/login", { username, password });
  }],
  [
    "a password typed as the name",
    (site, username) => site.anonymous.post("/api/v1/auth/login", { username, password: "x" }),
  ],
  ["a password in a form", (site, secret) =>
    site.anonymous.send({
      method: "POST",
      path: "/login",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ username: secret, password: secret, next: "/hosts" }).toString(),
    })],
  ["a new password that will not do", async (site, secret) => {
    const caller = await site.signIn("operator");
    const new_password = secret.repeat(4);
    await caller.post("/api/v1/auth/password", { current_password: TEST_PASSWORD, new_password });
    await caller.post("/api/v1/auth/password", { current_password: secret, new_password: secret });
  }],
  [
    "a bearer token that is no good",
    (site, secret) => site.anonymous.get("/api/v1/hosts", { authorization: `Bearer ${secret}` }),
  ],
  [
    "an API token that is no good",
    (site, secret) => site.anonymous.get("/api/v1/hosts", { authorization: `Bearer lpm_${secret}` }),
  ],
  [
    "a password of HTTP's own",
    (site, secret) => site.anonymous.get("/hosts", { authorization: `Basic ${btoa(`admin:${secret}`)}` }),
  ],
  [
    "cookies that are no good",
    (site, secret) => site.anonymous.get("/hosts", { cookie: `__Host-session=${secret}; __Host-access=${secret}` }),
  ],
  [
    "a field that is not known",
    async (site, secret) => await (await site.signIn("admin")).post("/api/v1/groups", { name: "a", token: secret }),
  ],
  ["JSON that breaks off", (site, secret) =>
    site.anonymous.send({
      method: "POST",
      path: "/api/v1/auth/login",
      headers: { "content-type": "application/json" },
      body: `{"username":"admin","password":"${secret}`,
    })],
  ["another content type", (site, secret) =>
    site.anonymous.send({
      method: "POST",
      path: "/api/v1/auth/login",
      headers: { "content-type": "text/plain" },
      body: `{"username":"admin","password":"${secret}"}`,
    })],
  ["a polling token in the path", (site, secret) => site.anonymous.get(`/api/v1/enroll/${secret}`)],
  ["a path that is nothing", (site, secret) => site.anonymous.get(`/${secret}/${secret}`)],
  ["a search", async (site, secret) => await (await site.signIn("admin")).get(`/hosts?q=${secret}`)],
  ["a token in the address", (site, secret) => site.anonymous.get(`/hosts?access_token=${secret}`)],
  ["a ticket that is no good", (site, secret) => openLive(site, secret)],
  ["a ticket with a Host that is none", (site, secret) =>
    raw(
      site,
      `GET /api/v1/ws/jobs?ticket=${secret} HTTP/1.1\r\nHost: a b/c:99999\r\nUpgrade: websocket\r\n` +
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )],
  ["a request that is none", (site, secret) => raw(site, `GET /?token=${secret} HTTX/9\r\nCookie: ${secret}\r\n\r\n`)],
];

Deno.test("whatever secret is sent in whichever way, neither log nor audit log nor database holds it", async (t) => {
  await using site = await testSite();
  const secrets = new Map<string, string>();
  for (const [name, send] of ways) {
    await t.step(name, async () => {
      const secret = plant(secretToken());
      secrets.set(secret, name);
      await send(site, secret);
      const found = site.log_lines.find((line) => line.includes(secret));
      assert.equal(found?.replaceAll(secret, "[HERE]"), undefined);
    });
  }
  await t.step("also while the database fails", async () => {
    await site.database.sql`alter table passwords rename to passwords_away`;
    const password = plant(secretToken());
    const failed = await site.anonymous.post("/api/v1/auth/login", { username: "admin", password });
    assert.equal(failed.status, 500);
    assert.ok(site.log_lines.some((line) => line.includes('"event":"http.failure"')), "which is logged");
    assertNoSecret(failed.text + site.log_lines.join("\n"), "the log");
    await site.database.sql`alter table passwords_away rename to passwords`;
  });
  await t.step("a dump of the database holds none of them", async () => {
    const tables = await site.database.sql`
      select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`;
    for (const { table_name } of tables) {
      const rows = await site.database.sql`select t::text as row from ${site.database.sql(table_name)} t`;
      const text = rows.map(({ row }) => row).join("\n");
      for (const [secret, name] of secrets) {
        const bytes = new TextEncoder().encode(secret).toHex();
        assert.ok(!text.includes(secret) && !text.includes(bytes), `${name} in ${table_name}`);
      }
    }
  });
});
