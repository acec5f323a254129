import assert from "node:assert/strict";
import type { HostOperations } from "../agent/host_operations.ts";
import type { Patch } from "../protocol/api.ts";
import { waitFor } from "../testing/wait_for.ts";
import { applyOrder, run, runJob } from "./agent_chroot_fixture_test.ts";
import { callOnce, garbage, injectedNames, type RawConnection, rawConnection } from "./agent_hostile_fixture_test.ts";

/** Connections that the executor takes; the proper client has one of them. */
const CONNECTIONS = 16;

/** The executor that is attacked. */
export interface Target {
  socket: string;
  operations: HostOperations;
  /** Updates that can be installed together. */
  listed: Patch[];
}

/** Everything that a network side in foreign hands would try, as steps of a test. */
export async function attack(context: Deno.TestContext, target: Target): Promise<void> {
  const { socket, operations, listed } = target;
  const { name } = listed[0];
  const step = (words: string, body: () => Promise<void>) =>
    context.step(words, async () => {
      await body();
      // Alive, and a proper call works right after.
      assert.ok((await operations.health()).agent?.state_id, words);
    });

  await step("garbage costs its sender the connection, in words", async () => {
    for (const [what, bytes] of garbage()) {
      const connection = await rawConnection(socket);
      await connection.send(bytes);
      await waitFor(`the end after ${what}`, () => connection.is_closed);
      connection.close();
      assert.match(connection.lines.at(-1) ?? "", /^\{"id":0,"error":\{"code":"VALIDATION_ERROR",/, what);
      assert.equal(connection.lines.length, 1, what);
      assert.ok(connection.lines[0].length < 2_000, what);
    }
  });

  await step("an order with a name that acts is refused, wherever the name stands", async () => {
    for (const injected of injectedNames(name)) {
      const shown = JSON.stringify(injected).slice(0, 40);
      const orders: [where: string, order: unknown][] = [
        ["packages", applyOrder({ packages: [injected] })],
        ["beside a real name", applyOrder({ packages: [name, injected] })],
        ["versions", applyOrder({ packages: [name], versions: { [name]: injected } })],
      ];
      for (const [where, order] of orders) {
        const { code, result } = await callOnce(socket, { id: 1, call: "start", order });
        if (code === "VALIDATION_ERROR" || code === "PKG_NOT_FOUND") continue;
        assert.equal(code, null, `${where} ${shown}`);
        // It is a possible version, so it becomes a job: one that refuses.
        const { job_id } = result as { job_id: string };
        const job = await waitFor("its end", async () => {
          const job = await operations.job(job_id);
          return job?.completed_at ? job : null;
        }, { deadline_ms: 60_000 });
        assert.deepEqual([job.status, job.changes, job.exit_code], ["failed", [], null], `${where} ${shown}`);
        assert.match(job.error_code ?? "", /^(?:PKG_NOT_FOUND|DEPENDENCY_CONFLICT|PKG_MANAGER_ERROR)$/, shown);
      }
    }
  });

  await step("orders of wrong types are refused", async () => {
    const good = applyOrder({ dry_run: true });
    const bad: Record<string, unknown>[] = [
      { operation: "exec" },
      { operation: "install" },
      { operation: ["apply"] },
      { packages: name },
      { packages: { 0: name } },
      { packages: [[name]] },
      { packages: Array(5_001).fill(name) },
      { versions: [] },
      { versions: { [name]: 1 } },
      { versions: { [name]: "-o" } },
      { new_packages: ["-o"] },
      { security_only: "false" },
      { dry_run: 1 },
      { reboot: "now" },
      { reboot: true },
      { reboot_delay_seconds: -1 },
      { reboot_delay_seconds: 1e9 },
      { reboot_delay_seconds: "0; id" },
      { run_id: "../../etc/x" },
      { run_id: "a/b" },
      { run_id: "" },
      { run_id: "-o x" },
      { run_id: "a".repeat(65) },
      { deadline_ms: "never" },
      { deadline_ms: -1 },
      { state_id: {} },
      { force: true },
      { root: "/" },
      { arguments: ["-o", "Dpkg::Pre-Invoke::=id"] },
    ];
    for (const change of bad) {
      const { code } = await callOnce(socket, { id: 1, call: "start", order: { ...good, ...change } });
      assert.equal(code, "VALIDATION_ERROR", JSON.stringify(change).slice(0, 80));
    }
    for (
      const order of [null, [], "apply", 1, {}, { ...run(), operation: "rollback", job_id: "../x", dry_run: false }]
    ) {
      const { code } = await callOnce(socket, { id: 1, call: "start", order });
      assert.equal(code, "VALIDATION_ERROR", JSON.stringify(order));
    }
    const none = { ...run(), operation: "rollback", job_id: crypto.randomUUID(), dry_run: false };
    assert.notEqual((await callOnce(socket, { id: 1, call: "start", order: none })).code, null);
  });

  await step("an order from yesterday or for another machine starts nothing", async () => {
    const stale: [Record<string, unknown>, string][] = [
      [{ deadline_ms: 1 }, "DEADLINE_PASSED"],
      [{ state_id: "another" }, "STATE_CHANGED"],
    ];
    for (const [change, expected] of stale) {
      const { code } = await callOnce(socket, { id: 1, call: "start", order: { ...applyOrder(), ...change } });
      assert.equal(code, expected);
    }
  });

  await step("100 connections at once: some are taken, the others closed, the first one goes on", async () => {
    const connections = await Promise.all(Array.from({ length: 100 }, () => rawConnection(socket)));
    // Half a line of almost the greatest length: as much memory as a connection can take.
    const half = new Uint8Array(2 ** 20 - 2).fill(0x20);
    await Promise.all(connections.map((connection) => connection.send(half)));
    await waitFor("the refusals", () => connections.filter((one) => one.is_closed).length >= 100 - CONNECTIONS);
    assert.ok((await operations.health()).agent?.state_id);
    for (const connection of connections) connection.close();
    await Promise.all(connections.map((connection) => connection.closed));
    await waitFor("a free place", async () => (await callOnce(socket, { id: 7, call: "health" })).code === null);
  });

  await step("thousands of calls on one connection: each is answered once, done or refused", async () => {
    const count = 5_000;
    const connection = await rawConnection(socket);
    const calls = Array.from({ length: count }, (_, index) => JSON.stringify({ id: index + 1, call: "jobs" }) + "\n");
    await connection.send(calls.join(""));
    const ends = () => connection.lines.filter((line) => /^\{"id":\d+,"(?:end|error)"/.test(line));
    await waitFor("all answers", () => ends().length >= count, { deadline_ms: 60_000, every_ms: 100 });
    const ids = ends().map((line) => JSON.parse(line).id);
    assert.equal(new Set(ids).size, count);
    assert.equal(ids.length, count);
    connection.close();
    await connection.closed;
  });

  await step("a peer that asks and does not read", async () => {
    const connection = await rawConnection(socket, false);
    const call = JSON.stringify({ id: 1, call: "packages" }) + "\n";
    // The socket's own buffers fill, then writing stops: whatever is not taken by then never will be.
    const sending = connection.send(call.repeat(5_000));
    for (let round = 0; round < 10; round++) assert.ok((await operations.health()).agent?.state_id);
    connection.close();
    await sending;
  });

  await step("a call that comes byte by byte is answered, half a call is forgotten", async () => {
    const [slow, half] = await Promise.all([rawConnection(socket), rawConnection(socket)]);
    await half.send('{"id":1,"call":"packa');
    for (const byte of new TextEncoder().encode('{"id":3,"call":"health"}\n')) {
      await slow.send(new Uint8Array([byte]));
      // Others are served between two bytes.
      assert.ok((await operations.health()).agent?.state_id);
    }
    await waitFor("the answer", () => slow.lines.some((line) => line === '{"id":3,"end":true}'));
    assert.deepEqual([half.lines, half.is_closed, slow.is_closed], [[], false, false]);
    for (const connection of [slow, half]) connection.close();
    await Promise.all([slow.closed, half.closed]);
  });

  await step("connections that come and go", async () => {
    for (let round = 0; round < 300; round++) {
      const connection: RawConnection = await rawConnection(socket);
      await connection.send(round % 2 ? "" : '{"id":1,"call":"jobs"}\n');
      connection.close();
      await connection.closed;
    }
  });

  await step("what is listed can be asked for, and nothing beside it comes along", async () => {
    const packages = listed.map((patch) => patch.name);
    const versions = Object.fromEntries(listed.map((patch) => [patch.name, patch.available_version]));
    const dry = await runJob(operations, applyOrder({ packages, versions, new_packages: [], dry_run: true }));
    assert.equal(dry.status, "completed", dry.error ?? "");
    assert.deepEqual(dry.changes.map((change) => change.name).sort(), packages.sort());
  });
}
