import assert from "node:assert/strict";
import { loadConfig } from "../core/config/load_config.ts";
import { silentLog } from "../core/log.ts";
import { waitFor } from "../testing/wait_for.ts";
import { type RoleOrder, supervise, type Supervisor } from "./supervisor.ts";

/** An order for the fixture, which does what `trick` says. */
function order(trick: string, role: "web" | "fleet" = "web"): RoleOrder {
  const absent = { env: {}, read: () => ({ problem: "does not exist", missing: true }) };
  const { database: _, ...config } = loadConfig(undefined, absent).config;
  const places = { root: "/", name_servers: [], log_format: "json" as const, schema_version: 1, version: "0" };
  return {
    role,
    entry: new URL("./role_fixture.ts", import.meta.url),
    permissions: {
      net: false,
      read: false,
      write: false,
      env: false,
      run: false,
      ffi: false,
      sys: false,
      import: false,
    },
    start: {
      type: "start",
      config: { ...config, server: { ...config.server, public_url: trick }, places },
      secrets: { database_url: "", database_ca: null },
    },
  };
}

async function supervised(orders: RoleOrder[], body: (roles: Supervisor) => Promise<void>, silence_ms = 30_000) {
  const roles = supervise(orders, { log: silentLog, silence_ms, check_ms: 10 });
  try {
    await body(roles);
  } finally {
    roles.close();
  }
}

/** How each way to fail is told; nothing is started again. */
const failures: { trick: string; silence_ms?: number; code: string; message: RegExp }[] = [
  { trick: "refuse", code: "start_failed", message: /^the door is locked Open it\.$/ },
  { trick: "throw", code: "crashed", message: /out of the blue/ },
  { trick: "hang", silence_ms: 300, code: "silent", message: /^no sign of life for \d+ ms$/ },
  { trick: "stall", silence_ms: 3_000, code: "silent", message: /^a loop stands still: poller \(\d+ ms\)$/ },
];
for (const { trick, silence_ms, code, message } of failures) {
  Deno.test(`a role that does this ends the process: ${trick}`, async () => {
    await supervised([order(trick)], async (roles) => {
      const ended = await roles.ended;
      assert.deepEqual([ended.role, ended.code], ["web", code]);
      assert.match(ended.message, message);
    }, silence_ms);
  });
}

Deno.test("ready comes when all roles are; a stop ends when all have stopped", async () => {
  await supervised([order("turn"), order("", "fleet")], async (roles) => {
    assert.deepEqual(await roles.ready, { web: "127.0.0.1:1", fleet: "127.0.0.1:1" });
    roles.stop(5_000);
    roles.stop(5_000);
    assert.equal((await roles.ended).code, "stopped");
  });
});

Deno.test("a role that does not stop in time is named", async () => {
  await supervised([order("linger"), order("", "fleet")], async (roles) => {
    await roles.ready;
    roles.stop(200);
    assert.deepEqual(await roles.ended, { role: "web", code: "stop_late", message: "it did not stop within 200 ms" });
  });
});

Deno.test("beats keep a role alive beyond the silence, and bring numbers; a second start reloads", async () => {
  // The role lives longer than the silence, which only its beats (every 100 ms here) can bring about.
  await supervised([order("turn")], async (roles) => {
    await roles.ready;
    roles.reload([order("turn")]);
    await waitFor("the reload in the role's numbers", () => roles.metrics().web?.reloads === 1);
    await waitFor("4 s of beats", () => roles.metrics().web.beats > 40);
    roles.reload([order("bad")]);
    assert.deepEqual(await roles.ended, { role: "web", code: "reload_failed", message: "cannot" });
  }, 3_000);
});
