import assert from "node:assert/strict";
import tls from "node:tls";
import { allowNetwork, clearNetworks } from "../core/access/change_networks.ts";
import { systemClock } from "../core/clock.ts";
import { openLive } from "../testing/live_client.ts";
import { assertOnceWithin } from "../testing/once_within.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { waitFor } from "../testing/wait_for.ts";

/** As `patch-manager access` acts. */
const atTheConsole = {
  actor: { kind: "system", name: "console" } as const,
  address: null,
  request_id: null,
  clock: systemClock,
};

/** Tests come from 127.0.0.1; behind it as a trusted proxy they come from wherever the header says. */
const behindProxy = { access: { trusted_proxies: ["127.0.0.1"], agent_networks: ["10.20.0.0/16"] } };

async function changes({ database }: TestSite) {
  const found = await database.sql`
    select convert_from(payload, 'UTF8')::jsonb as row from audit_log
    where convert_from(payload, 'UTF8')::jsonb ->> 'action' = 'allowed_network.change' order by seq`;
  return found.map(({ row }) => row);
}

const put = (networks: unknown) => ({ method: "PUT", path: "/api/v1/allowed-networks", json: { networks } });

Deno.test("lists that are refused, each with the reason; nothing changes", async (t) => {
  await using site = await testSite(behindProxy);
  const admin = await site.signIn("admin");
  for (
    const [what, networks, field, words] of [
      ["host bits", [{ network: "10.1.2.3/16" }], "networks.0.network", /host bits set.*10\.1\.0\.0\/16/],
      [
        "leading zeros",
        [{ network: "127.0.0.0/8" }, { network: "010.0.0.0/8" }],
        "networks.1.network",
        /leading zeros/,
      ],
      ["half an address", [{ network: "10.1" }], "networks.0.network", /not complete/],
      ["a zone", [{ network: "fe80::1%eth0" }], "networks.0.network", /interface/],
      ["twice", [{ network: "127.0.0.0/8" }, { network: "127.0.0.0/8" }], "networks.1.network", /twice/],
      [
        "twice in other spellings",
        [{ network: "2001:db8::1" }, { network: "2001:DB8:0::1/128" }],
        "networks.1.network",
        /twice/,
      ],
      ["a long note", [{ network: "127.0.0.0/8", note: "x".repeat(201) }], "networks.0.note", /200/],
      ["no list", "127.0.0.0/8", "networks", /./],
      ["an unknown field", [{ network: "127.0.0.0/8", until: "noon" }], "networks.0.until", /no such field/],
      [
        "too many",
        Array.from({ length: 1001 }, (_, i) => ({ network: `10.${i >> 8}.${i & 255}.0/24` })),
        "networks",
        /1000|1,000/,
      ],
    ] as [string, unknown, string, RegExp][]
  ) {
    await t.step(what, async () => {
      const { status, json } = await admin.send(put(networks));
      assert.equal(status, 400, JSON.stringify(json));
      assert.equal(json.error.details[0].field, field);
      assert.match(json.error.details[0].problem, words);
    });
  }
  await t.step("one that locks out whoever saves it", async () => {
    const { status, json } = await admin.send(put([{ network: "10.1.0.0/16" }]));
    assert.deepEqual([status, json.error.code], [409, "would_lock_out"]);
    assert.match(json.error.message, /You come from 127\.0\.0\.1/);
  });
  await t.step("one that locks them out behind a proxy, although the proxy is in it", async () => {
    const headers = { "x-forwarded-for": "203.0.113.5" };
    const { json } = await admin.send({ ...put([{ network: "127.0.0.0/8" }]), headers });
    assert.match(json.error.message, /You come from 203\.0\.113\.5/);
  });
  assert.deepEqual((await admin.get("/api/v1/allowed-networks")).json.items, []);
});

Deno.test("a saved list is in force at once, canonical, and a row of the audit log", async () => {
  await using site = await testSite(behindProxy);
  const admin = await site.signIn("admin");
  const saved = await admin.send(put([{ network: "127.0.0.1", note: "this machine" }, { network: "2001:DB8::/32" }]));
  assert.equal(saved.status, 200, JSON.stringify(saved.json));
  assert.deepEqual(
    saved.json.items.map(({ network, note, created_by }: Record<string, string>) => [network, note, created_by]),
    [
      ["127.0.0.1/32", "this machine", admin.username],
      ["2001:db8::/32", "", admin.username],
    ],
  );
  const from = (address: string) => admin.get("/api/v1/hosts", { "x-forwarded-for": address });
  await waitFor("the list in memory", async () => (await from("203.0.113.5")).status === 403);
  assert.equal((await from("203.0.113.5")).json.error.code, "address_refused");
  for (const address of ["2001:db8::5", "127.0.0.1", "::ffff:127.0.0.1"]) {
    assert.equal((await from(address)).status, 200, address);
  }
  // Not to be talked round: what a client writes itself stands left of what the proxy wrote.
  for (const forged of ["2001:db8::5, 203.0.113.5", "127.0.0.1, 203.0.113.5", "203.0.113.5"]) {
    assert.equal((await from(forged)).status, 403, forged);
  }
  assert.equal((await from("unknown")).json.error.code, "bad_request");
  // Pages, assets' neighbours and the API alike; hosts reach what they need from where they are.
  const stranger = { "x-forwarded-for": "203.0.113.5" };
  const host = { "x-forwarded-for": "10.20.0.9" };
  for (const path of ["/login", "/dashboard", "/status/health", "/api/v1/nothing", "/api/v1/openapi.json"]) {
    assert.equal((await site.anonymous.get(path, stranger)).status, 403, path);
    assert.equal((await site.anonymous.get(path, host)).status, 403, path);
  }
  for (const path of ["/api/v1/ca/root.crt", "/api/v1/pki/crl.pem"]) {
    assert.equal((await site.anonymous.get(path, stranger)).status, 403, path);
    assert.equal((await site.anonymous.get(path, host)).status, 200, path);
  }
  assert.equal((await site.anonymous.post("/api/v1/enroll", {}, host)).status, 400);
  const page = await site.anonymous.get("/login", { ...stranger, accept: "text/html" });
  assert.match(page.text, /not among those that may come in/);

  const [row] = await changes(site);
  assert.deepEqual(row.details.added, ["127.0.0.1/32", "2001:db8::/32"]);
  assert.deepEqual([row.outcome, row.actor.id, row.address], ["success", admin.user_id, "127.0.0.1"]);
});

Deno.test("the address in the audit log and in sessions is that of the client, not of the proxy", async () => {
  await using site = await testSite(behindProxy);
  const admin = await site.signIn("admin");
  await admin.post("/api/v1/groups", { name: "web" }, { "x-forwarded-for": "192.0.2.1, 203.0.113.5" });
  const log = (await admin.get("/api/v1/audit?action=group.create")).json;
  assert.equal(log.items[0].address, "203.0.113.5");
});

Deno.test("without a trusted proxy nobody's X-Forwarded-For is believed", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  await admin.post("/api/v1/groups", { name: "web" }, { "x-forwarded-for": "203.0.113.5" });
  assert.equal((await admin.get("/api/v1/audit?action=group.create")).json.items[0].address, "127.0.0.1");
  assert.equal((await admin.send(put([{ network: "203.0.113.0/24" }]))).json.error.code, "would_lock_out");
});

Deno.test("who is neither allowed nor a proxy is cut off without an answer, open connections too", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const again = () =>
    waitFor("the way in again", async () => (await admin.get("/api/v1/hosts").catch(() => null))?.status === 200);
  let times = 0;
  await assertOnceWithin(1_000, "an open connection is cut", async () => {
    if (times++ > 0) await clearNetworks(site.database.sql, atTheConsole);
    await again();
    const open = tls.connect({ port: site.port, host: "127.0.0.1", servername: "localhost", ca: site.ca });
    const closed = Promise.withResolvers<void>();
    open.on("error", () => {});
    open.on("close", () => closed.resolve());
    await new Promise((resolve) => open.once("secureConnect", resolve));
    await allowNetwork(site.database.sql, "203.0.113.0/24", atTheConsole);
    const before = performance.now();
    await closed.promise;
    return performance.now() - before;
  });
  await assert.rejects(admin.get("/api/v1/hosts"));
  // Not even our certificate.
  const stranger = tls.connect({ port: site.port, host: "127.0.0.1", servername: "localhost", ca: site.ca });
  const seen = await new Promise<string>((resolve) => {
    stranger.on("secureConnect", () => resolve("a handshake"));
    stranger.on("error", () => resolve("nothing"));
    stranger.on("close", () => resolve("nothing"));
  });
  assert.equal(seen, "nothing");
  await clearNetworks(site.database.sql, atTheConsole);
  await again();
  assert.deepEqual((await changes(site)).slice(-2).map(({ actor, details }) => [actor.name, details.after]), [
    ["console", ["203.0.113.0/24"]],
    ["console", []],
  ]);
});

Deno.test("an open socket behind a proxy is closed when its address may not come in any more", async () => {
  await using site = await testSite(behindProxy);
  const admin = await site.signIn("admin");
  const outside = { "x-forwarded-for": "203.0.113.5" };
  const inside = (await admin.post("/api/v1/ws/ticket")).json;
  const staying = await openLive(site, inside.ticket);
  assert.ok(!("refused" in staying));
  const unused = (await admin.post("/api/v1/ws/ticket")).json;
  await assertOnceWithin(1_000, "an open socket is closed", async () => {
    await clearNetworks(site.database.sql, atTheConsole);
    const leaving = await waitFor("the way in", async () => {
      const { ticket } = (await admin.post("/api/v1/ws/ticket", undefined, outside)).json;
      const opened = await openLive(site, ticket, outside);
      return "refused" in opened ? null : opened;
    });
    const before = performance.now();
    await allowNetwork(site.database.sql, "127.0.0.0/8", atTheConsole);
    assert.equal(await leaving.closed, 4403);
    return performance.now() - before;
  });
  staying.subscribe({ topic: "hosts" });
  await staying.frame("an answer", ({ kind }) => kind === "following");
  const refused = await openLive(site, unused.ticket, outside);
  assert.equal("refused" in refused && refused.refused, 403);
  staying[Symbol.dispose]();
});

Deno.test("two who save at once: one list stands, whole, and each has a row", async () => {
  await using site = await testSite();
  const admins = await Promise.all([site.signIn("admin"), site.signIn("admin")]);
  const lists = [["127.0.0.0/8", "10.1.0.0/16"], ["127.0.0.0/8", "10.2.0.0/16"]];
  const answers = await Promise.all(
    admins.map((admin, i) => admin.send(put(lists[i].map((network) => ({ network }))))),
  );
  assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
  const stored = (await admins[0].get("/api/v1/allowed-networks")).json.items.map((one: { network: string }) =>
    one.network
  );
  assert.ok(lists.some((list) => list.toSorted().join() === stored.toSorted().join()), stored.join());
  const [first, second] = await changes(site);
  assert.deepEqual(second.details.before, first.details.after, "the second saw what the first did");
});
