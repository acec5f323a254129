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

/** Time for the supervisor, moved by the test: a busy machine cannot make a role look silent. */
class Elapsed {
  ms = 0;
}

async function supervised(orders: RoleOrder[], body: (roles: Supervisor, time: Elapsed) => Promise<void>) {
  const time = new Elapsed();
  const roles = supervise(orders, { log: silentLog, check_ms: 10, elapsed: () => time.ms });
  try {
    await body(roles, time);
  } finally {
    roles.close();
  }
}

for (
  const { trick, code, message } of [
    { trick: "refuse", code: "start_failed", message: "the door is locked Open it." },
    { trick: "throw", code: "crashed", message: "Uncaught (in promise) Error: out of the blue" },
  ]
) {
  Deno.test(`a role that does this ends the process: ${trick}`, async () => {
    await supervised([order(trick)], async (roles) => {
      const ended = await roles.ended;
      assert.deepEqual([ended.role, ended.code], ["web", code]);
      assert.ok(message.endsWith(ended.message.replace(/^Uncaught (\(in promise\) )?Error: /, "")), ended.message);
    });
  });
}

Deno.test("a role that is silent for more than 30 s ends the process", async () => {
  await supervised([order("hang")], async (roles, time) => {
    time.ms = 30_001;
    assert.deepEqual(await roles.ended, { role: "web", code: "silent", message: "no sign of life for 30001 ms" });
  });
});

Deno.test("a role that beats while one of its loops stands still counts as silent", async () => {
  await supervised([order("stall")], async (roles, time) => {
    await roles.ready;
    // Numbers follow each beat, so the beat that names the loop has been heard.
    await waitFor("a beat", () => roles.metrics().web?.beats > 0);
    time.ms = 30_001;
    const { code, message } = await roles.ended;
    assert.equal(code, "silent");
    assert.match(message, /^a loop stands still: poller \(\d+ ms\)$/);
  });
});

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

Deno.test("beats keep a role alive for as long as they come", async () => {
  await supervised([order("turn")], async (roles, time) => {
    await roles.ready;
    for (let step = 0; step < 4; step++) {
      time.ms += 20_000;
      const before = roles.metrics().web?.beats ?? 0;
      await waitFor("two more beats", () => roles.metrics().web?.beats > before + 1);
    }
    roles.stop(60_000);
    assert.equal((await roles.ended).code, "stopped", "80 s, and never 30 without a beat");
  });
});

Deno.test("a second start reloads; a reload that fails ends the process", async () => {
  await supervised([order("turn")], async (roles) => {
    await roles.ready;
    roles.reload([order("turn")]);
    await waitFor("the reload in the role's numbers", () => roles.metrics().web?.reloads === 1);
    roles.reload([order("bad")]);
    assert.deepEqual(await roles.ended, { role: "web", code: "reload_failed", message: "cannot" });
  });
});
