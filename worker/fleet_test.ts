import assert from "node:assert/strict";
import { loadConfig } from "../core/config/load_config.ts";
import { systemClock } from "../core/clock.ts";
import { schemaVersion } from "../core/database/migrations.ts";
import { rolePermissions, workerPermissions } from "../core/permissions.ts";
import type { FromRole, ToRole } from "../core/role.ts";
import { silentLog } from "../core/log.ts";
import { client_options, manager, root } from "../testing/agent_listener.ts";
import type { TestDatabase } from "../testing/database.ts";
import { waitFor } from "../testing/wait_for.ts";
import { createAgentClient } from "./agent_client.ts";
import { startFleet } from "./fleet.ts";
import { RevokedSerials } from "./revoked_serials.ts";
import { type Bench, openBench, starts, stateOf, testPace } from "./run_fixture_test.ts";

const HOUR_MS = 3_600_000;

async function startRole(database: TestDatabase, slow_read_ms: number) {
  const stopping = new AbortController();
  const revoked = new RevokedSerials();
  const agents = createAgentClient({ ...client_options, revoked });
  const limits: Record<string, number> = {};
  const turns: Record<string, number> = {};
  const fleet = await startFleet({
    ...{ sql: database.fleet, agents, revoked, clock: systemClock, log: silentLog, version: "0.1.0", slow_read_ms },
    signal: stopping.signal,
    pace: testPace,
    loop: (name, limit_ms) => {
      limits[name] = limit_ms;
      return () => void (turns[name] = (turns[name] ?? 0) + 1);
    },
  });
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    stopping.abort(new Error("stop"));
    await fleet.stop(5_000);
  };
  return { fleet, revoked, limits, turns, stop, [Symbol.asyncDispose]: stop };
}

const ended = (bench: Bench, job_id: string) => async () => {
  const state = await stateOf(bench.database.sql, job_id);
  return ["succeeded", "failed", "unknown"].includes(state.state) && state.state;
};

Deno.test("a job and a refresh begin at once when somebody calls, long before the slow read", async () => {
  await using bench = await openBench();
  await using role = await startRole(bench.database, HOUR_MS);
  await waitFor("the first turns", () => role.turns.executor >= 1 && role.turns.poller >= 1);
  const began = performance.now();
  const job_id = await bench.order();
  assert.equal(await waitFor("its end", ended(bench, job_id)), "succeeded");
  assert.ok(performance.now() - began < 10_000);
  const { sql } = bench.database;
  await sql`update host_polls set next_at = app_now(), last_ok_at = null`;
  await sql`select pg_notify('wake_fleet', '{"kind":"poll","id":"x"}')`;
  await waitFor("the poll", async () => (await sql`select from host_polls where last_ok_at is null`).length === 0);
});

Deno.test("a lost notification costs time, not work", async () => {
  await using bench = await openBench();
  const { sql } = bench.database;
  const job_id = await bench.order();
  await sql`update patch_job_hosts set next_at = app_now() + interval '1 hour'`;
  await using role = await startRole(bench.database, 50);
  await waitFor("the first turns", () => role.turns.executor >= 2);
  assert.equal((await stateOf(sql, job_id)).state, "queued");
  // Nobody is told of these changes.
  await sql`update patch_job_hosts set next_at = app_now()`;
  await sql`update host_polls set next_at = app_now(), last_ok_at = null`;
  assert.equal(await waitFor("its end", ended(bench, job_id)), "succeeded");
  await waitFor("the poll", async () => (await sql`select from host_polls where last_ok_at is null`).length === 0);
});

Deno.test("a payload that nobody understands wakes everything, and breaks nothing", async () => {
  await using bench = await openBench();
  await using role = await startRole(bench.database, HOUR_MS);
  await waitFor("the first turns", () => role.turns.executor >= 1 && role.turns.poller >= 1);
  const before = { ...role.turns };
  await bench.database.sql`select pg_notify('wake_fleet', 'not json')`;
  await waitFor("more turns", () => role.turns.executor > before.executor && role.turns.poller > before.poller);
});

Deno.test("the role beats in the database, says how old its loops are, and has a limit for each", async () => {
  await using bench = await openBench();
  await using role = await startRole(bench.database, HOUR_MS);
  const row = await waitFor("the heartbeat", async () => {
    const [found] = await bench.database.web`select * from worker_heartbeat where role = 'fleet'`;
    return found;
  });
  assert.equal(row.version, "0.1.0");
  assert.ok(row.loops.executor >= 0 && row.loops.executor < 60_000, JSON.stringify(row.loops));
  assert.deepEqual(Object.keys(role.limits).sort(), [
    "contents",
    "executor",
    "heartbeat",
    "poller",
    "renewals",
    "retention",
    "revocation_lists",
    "revoked",
    "sweeper",
  ]);
  assert.ok(Object.values(role.limits).every((limit) => limit >= 90_000));
  assert.deepEqual(Object.keys(role.fleet.metrics()).sort(), [
    "job_hosts_running",
    "polls_running",
    "polls_total",
    "renewals_running",
  ]);
});

Deno.test("a certificate that is revoked is refused from the next call on", async () => {
  await using bench = await openBench();
  const { sql } = bench.database;
  await sql`
    insert into certificates (id, kind, serial, fingerprint, subject, pem, not_before, not_after, issued_at, revoked_at)
    values (gen_random_uuid(), 'agent', 'ABCDEF', 'f', 's', 'p', app_now(), app_now() + interval '1 day', app_now(), app_now()),
      (gen_random_uuid(), 'agent', 'feed', 'g', 's', 'p', app_now(), app_now() - interval '1 day', app_now(), app_now()),
      (gen_random_uuid(), 'agent', 'beef', 'h', 's', 'p', app_now(), app_now() + interval '1 day', app_now(), null)`;
  await using role = await startRole(bench.database, HOUR_MS);
  assert.deepEqual(["abcdef", "feed", "beef"].map((serial) => role.revoked.has(serial)), [true, false, false]);
  await sql`update certificates set revoked_at = app_now() where serial = 'beef'`;
  await sql`select pg_notify('wake_fleet', '{"kind":"host","id":"x"}')`;
  await waitFor("the new list", () => role.revoked.has("beef"));
});

Deno.test("the fleet role runs as a worker with exactly its permissions, and stops as told", async () => {
  await using bench = await openBench();
  const { sql, url } = bench.database;
  const pki = await Deno.makeTempDir({ dir: "/var/tmp" });
  await Deno.writeTextFile(`${pki}/root.crt`, root.ca);
  await Deno.writeTextFile(`${pki}/manager-client.crt`, manager.certificate);
  await Deno.writeTextFile(`${pki}/manager-client.key`, manager.key);
  const database_url = url("patch_fleet");
  const { config } = loadConfig(undefined, {
    env: {
      DATABASE_URL: database_url,
      PATCH_MANAGER__PKI__DIRECTORY: pki,
      PATCH_MANAGER__AGENTS__NETWORKS: "127.0.0.0/8",
      PATCH_MANAGER__AGENTS__PORTS: String(bench.agent.port),
      PATCH_MANAGER__LOG__LEVEL: "error",
    },
    read: () => ({ problem: "does not exist", missing: true }),
  });
  const place = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
  const permissions = workerPermissions(rolePermissions("fleet", config, { root: place, files: [], name_servers: [] }));
  const worker = new Worker(
    new URL("./main.ts", import.meta.url),
    { type: "module", deno: { permissions } } as WorkerOptions,
  );
  try {
    const told: FromRole[] = [];
    worker.onmessage = ({ data }: MessageEvent<FromRole>) => void told.push(data);
    worker.onerror = (event) => {
      event.preventDefault();
      told.push({ type: "fatal", code: "error", message: event.message });
    };
    const { database: _, ...rest } = config;
    const start: ToRole = {
      type: "start",
      config: {
        ...rest,
        places: {
          root: place,
          name_servers: [],
          log_format: "json",
          schema_version: await schemaVersion(sql),
          version: "0.1.0",
        },
      },
      secrets: { database_url, database_ca: null },
    };
    worker.postMessage(start);
    const first = await waitFor(
      "ready",
      () => told.find((message) => message.type !== "beat" && message.type !== "metrics"),
    );
    assert.deepEqual(first, { type: "ready", address: null });
    const job_id = await bench.order();
    assert.equal(await waitFor("its end", ended(bench, job_id), { deadline_ms: 60_000 }), "succeeded");
    assert.equal(await starts(bench.agent), 1);
    worker.postMessage({ type: "stop", deadline_ms: 5_000 } satisfies ToRole);
    const end = await waitFor("the end", () => told.find((message) => message.type === "fatal"));
    assert.deepEqual(end, { type: "fatal", code: "stopped", message: "stopped as told" });
  } finally {
    worker.terminate();
    await Deno.remove(pki, { recursive: true });
  }
});
