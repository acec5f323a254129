import assert from "node:assert/strict";
import { createLog, silentLog } from "../../core/log.ts";
import { LINE_LIMIT } from "../../protocol/executor.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { connectExecutor } from "../executor_client.ts";
import { type HostJobEvent, OperationError } from "../host_operations.ts";
import { endOf, openExecutor, order, rebootOrder, repairOrder, rollbackOrder } from "./executor_fixture_test.ts";
import { startExecutor } from "./executor_process_fixture_test.ts";
import { readLines } from "./line_reader.ts";
import { listenOnSocket, serveSocket } from "./socket_server.ts";

async function talk(socket: string, bytes: Uint8Array): Promise<string> {
  const connection = await Deno.connect({ transport: "unix", path: socket });
  const sending = (async () => {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  })().catch(() => {}); // the server may close before it has read all of it
  let answer = "";
  try {
    for await (const line of readLines(connection)) answer += line + "\n";
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  await sending;
  connection.close();
  return answer;
}

const text = (words: string) => new TextEncoder().encode(words);
const start = (order: unknown) => text(JSON.stringify({ id: 1, call: "start", order }) + "\n");
const garbage: [string, Uint8Array][] = [
  ["no JSON", text("hello\n")],
  ["an empty line", text("\n")],
  ["bytes that are not UTF-8", new Uint8Array([0x22, 0xff, 0xfe, 0x22, 10])],
  ["an array", text("[]\n")],
  ["null", text("null\n")],
  ["no such call", text('{"id":1,"call":"exec","args":["/bin/sh"]}\n')],
  ["no id", text('{"call":"health"}\n')],
  ["an extra field", text('{"id":1,"call":"health","root":"/"}\n')],
  ["a job id that is a path", text('{"id":1,"call":"job","job_id":"../../state_id"}\n')],
  ["a run id that is a path", text(JSON.stringify({ id: 1, call: "start", order: order("../x") }) + "\n")],
  [
    "an option for a name",
    text(JSON.stringify({ id: 1, call: "start", order: order("a", { packages: ["-o"] }) }) + "\n"),
  ],
  ["a rollback of a path", start({ ...rollbackOrder("a", "../../state_id") })],
  ["a rollback with packages", start({ ...rollbackOrder("a", crypto.randomUUID()), packages: ["curlew"] })],
  ["a repair with a command", start({ ...repairOrder("a"), command: "id" })],
  ["a restart with a program", start({ ...rebootOrder("a"), reboot_command: "/bin/sh" })],
  ["a restart in the past", start({ ...rebootOrder("a"), reboot_delay_seconds: -1 })],
  ["a restart in a year", start({ ...rebootOrder("a"), reboot_delay_seconds: 31_536_000 })],
  ["a restart with words for the wall", start({ ...rebootOrder("a"), message: "x" })],
  ["an order of another kind", start({ ...repairOrder("a"), operation: "exec" })],
  ["a service that is an option", text('{"id":1,"call":"service","name":"--root=/"}\n')],
  ["a service that is a path", text('{"id":1,"call":"service","name":"../ssh"}\n')],
  ["a prototype", text('{"id":1,"call":"start","order":{"__proto__":{"run_id":"a"}}}\n')],
  ["depth", text("[".repeat(200_000) + "\n")],
  ["a line of 1 MiB", new Uint8Array(LINE_LIMIT + 1).fill(0x20)],
  ["a line without end", new Uint8Array(3 * LINE_LIMIT).fill(0x41)],
];

sandboxTest("garbage costs its sender the connection and nobody else anything", async (bed) => {
  const path = `${bed.folder}/run/executor.sock`;
  const executor = openExecutor(bed);
  const server = serveSocket(await listenOnSocket(path), executor, createLog({ write: () => {} }));
  const client = connectExecutor(path);
  await client.health();
  for (const [what, bytes] of garbage) {
    const answer = await talk(path, bytes);
    assert.match(answer, /^\{"id":0,"error":\{"code":"VALIDATION_ERROR",.*"retryable":false\}\}\n$/, what);
    assert.ok(answer.length < 2000, what);
    assert.ok((await client.health()).agent?.state_id, what);
  }
  assert.deepEqual(await executor.jobs(), []);
  await client.close();
  await server.close();
  await executor.close();
});

sandboxTest("two clients see the same job; a long list comes in several lines", async (bed) => {
  const path = `${bed.folder}/run/executor.sock`;
  const executor = openExecutor(bed);
  const server = serveSocket(await listenOnSocket(path), executor, silentLog);
  const [one, two] = [connectExecutor(path), connectExecutor(path)];
  const seen: [HostJobEvent[], HostJobEvent[]] = [[], []];
  one.watch((event) => seen[0].push(event));
  two.watch((event) => seen[1].push(event));
  await Promise.all([one.health(), two.health()]);
  const job = await one.start(order("both", { packages: ["curlew"] }));
  const end = await endOf(two, job.job_id);
  assert.equal(end.status, "completed");
  assert.deepEqual(await one.job(job.job_id), end);
  await waitFor("the last event", () => seen.every((events) => events.at(-1)?.phase === "done"));
  assert.deepEqual(seen[0], seen[1]);
  assert.equal((await two.jobs()).length, 1);
  // 1 MiB of output that has to be escaped is far more than one line.
  await Deno.writeTextFile(`${bed.folder}/state/jobs/${job.job_id}/output`, '"\\'.repeat(600_000));
  assert.equal((await one.job(job.job_id))!.output.length, 2 ** 20);
  await two.remove(job.job_id);
  assert.equal(await one.job(job.job_id), null);
  assert.equal(await one.job("../state_id"), null);
  for (const refused of [one.cancel("x"), one.remove("x"), one.remove(crypto.randomUUID())]) {
    await assert.rejects(refused, (error) => error instanceof OperationError && error.code === "JOB_NOT_FOUND");
  }
  await assert.rejects(
    one.start(order("none", { packages: ["nginx"] })),
    (error) => error instanceof OperationError && error.code === "PKG_NOT_FOUND" && /nginx/.test(error.message),
  );
  await Promise.all([one.close(), two.close()]);
  await server.close();
  await executor.close();
});

sandboxTest("the client survives restarts of the executor, watching included", async (bed) => {
  const path = `${bed.folder}/run/executor.sock`;
  const client = connectExecutor(path, { retry_ms: 10 });
  await assert.rejects(client.health(), (error) => error instanceof OperationError && error.retryable);
  const events: HostJobEvent[] = [];
  let gaps = 0;
  client.watch((event) => events.push(event), () => gaps++);
  const executor = openExecutor(bed);
  for (const [index, run] of ["first", "second"].entries()) {
    const server = serveSocket(await listenOnSocket(path), executor, silentLog);
    await waitFor("the connection", () => client.health());
    // Also for the first: somebody listened before there was anything to hear.
    assert.equal(gaps, index + 1);
    const job = await client.start(order(run, { dry_run: true }));
    await waitFor("the event", () => events.some((event) => event.job_id === job.job_id && event.phase === "done"));
    await server.close();
  }
  await client.close();
  await assert.rejects(client.health(), OperationError);
  await executor.close();
});

sandboxTest("a socket folder open to others and a second executor are refused", async (bed) => {
  const folder = `${bed.folder}/open`;
  await Deno.mkdir(folder);
  for (const mode of [0o755, 0o777, 0o770]) {
    await Deno.chmod(folder, mode);
    await assert.rejects(listenOnSocket(`${folder}/s`), /chmod 0750/, mode.toString(8));
  }
  await Deno.chmod(folder, 0o750);
  const listener = await listenOnSocket(`${folder}/s`);
  assert.equal((await Deno.stat(`${folder}/s`)).mode! & 0o777, 0o660);
  await assert.rejects(listenOnSocket(`${folder}/s`), /Another executor answers/);
  listener.close();
  // The file is still there: what a killed executor leaves is taken over.
  (await listenOnSocket(`${folder}/s`)).close();
  const executor = openExecutor(bed);
  assert.throws(() => openExecutor(bed), /Another executor uses/);
  await executor.close();
});

sandboxTest("a real executor answers, stops cleanly and keeps its name", async (bed) => {
  const first = await startExecutor(bed);
  const { agent } = await first.operations.health();
  const system = await first.operations.systemInfo();
  assert.deepEqual([system.hostname, system.package_manager?.name, system.pending_reboot], ["sandbox", "apt", false]);
  assert.match(system.machine_id_hash!, /^[0-9a-f]{64}$/);
  const list = await first.operations.patches({});
  assert.deepEqual([list.total, list.security_updates, list.state, list.index_error], [13, 5, "ok", null]);
  assert.ok(list.index_age_seconds! < 60);
  assert.equal((await first.operations.packages()).length, 14);
  assert.equal(await first.stop(), 0);
  const second = await startExecutor(bed);
  assert.equal((await second.operations.health()).agent?.state_id, agent!.state_id);
  assert.equal(await second.stop(), 0);
});
