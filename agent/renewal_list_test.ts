import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import { CRL_FILE } from "./revocation.ts";
import { listOf, type RenewingAgent, startRenewingAgent } from "./renewal_fixture_test.ts";
import { Client, makePki } from "./server/server_fixture_test.ts";

const put = (agent: RenewingAgent, body: unknown) => agent.client.call("PUT", "/api/v1/crl", body);

Deno.test("a list of revoked certificates that does not hold is refused with words", async (t) => {
  await using agent = await startRenewingAgent();
  const other = await makePki();
  assert.equal((await put(agent, { crl_pem: await listOf(agent.pki, [], 5n) })).status, 200);
  const kept = await Deno.readTextFile(`${agent.state}/${CRL_FILE}`);
  const good = await listOf(agent.pki, [], 9n);
  const cases: [what: string, body: unknown, status: number, words: RegExp][] = [
    ["nothing", undefined, 400, /crl_pem/],
    ["a number", { crl_pem: 1 }, 400, /crl_pem/],
    ["no list", { crl_pem: agent.pki.ca }, 400, /not a list/],
    ["damaged", { crl_pem: good.replace(/[A-Za-z0-9]{8}\n/, "AAAAAAAA\n") }, 400, /damaged|not signed/],
    ["of another root", { crl_pem: await listOf(other, [], 9n) }, 400, /not signed by this manager/],
    ["older than ours", { crl_pem: await listOf(agent.pki, [], 4n) }, 400, /older list/],
    ["too long for a list", { crl_pem: "x".repeat(2 ** 22 + 1) }, 400, /crl_pem/],
    ["too long for a body", { crl_pem: "x".repeat(5 * 2 ** 20) }, 413, /larger than 5 MiB/],
    ["too many values", `{"crl_pem":[${"1,".repeat(20)}1]}`, 413, /values/],
  ];
  for (const [what, body, status, words] of cases) {
    await t.step(what, async () => {
      const answer = await put(agent, body);
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.json.error.message, words);
      assert.equal(await Deno.readTextFile(`${agent.state}/${CRL_FILE}`), kept);
    });
  }
});

Deno.test("a newer list counts at once, also for connections that are open, and over a restart", async () => {
  await using agent = await startRenewingAgent();
  const second = await agent.pki.manager();
  const other = new Client(agent.port, { ca: agent.pki.ca, ...second });
  const socket = other.socket();
  await socket.next();
  const first = await put(agent, { crl_pem: await listOf(agent.pki, [], 1n) });
  assert.deepEqual([first.status, first.json.data.status, first.json.data.number], [200, "installed", "1"]);
  assert.match(first.json.data.next_update, /Z$/);
  const list = await listOf(agent.pki, [second.serial], 2n);
  assert.equal((await put(agent, { crl_pem: list })).json.data.status, "installed");
  await socket.closed;
  await assert.rejects(other.call("GET", "/health"));
  assert.equal((await put(agent, { crl_pem: list })).json.data.status, "unchanged");
  assert.equal((await agent.client.call("GET", "/health")).json.data.crl_status, "valid");
  await agent.stop();
  await agent.start();
  assert.equal(agent.revocation.has(second.serial), true);
});

Deno.test("a list with the sender on it takes effect before the answer", async () => {
  await using agent = await startRenewingAgent();
  const sender = await agent.pki.manager();
  const client = new Client(agent.port, { ca: agent.pki.ca, ...sender });
  const crl_pem = await listOf(agent.pki, [sender.serial], 1n);
  await assert.rejects(client.call("PUT", "/api/v1/crl", { crl_pem }));
  assert.equal(agent.revocation.has(sender.serial), true);
});

Deno.test("lists that meet end with the newest", async () => {
  await using agent = await startRenewingAgent();
  const numbers = [3n, 9n, 1n, 7n, 5n];
  const lists = await Promise.all(numbers.map((number) => listOf(agent.pki, [], number)));
  const answers = await Promise.all(lists.map((crl_pem) => put(agent, { crl_pem })));
  assert.ok(answers.every((one) => [200, 400].includes(one.status)));
  const last = await put(agent, { crl_pem: lists[3] });
  assert.equal(last.status, 400, "number 9 is in place");
  assert.equal((await put(agent, { crl_pem: lists[1] })).json.data.status, "unchanged");
  assert.ok(agent.revocation.health().crl_age_seconds! <= 60);
  assert.ok(Date.parse(agent.revocation.health().crl_next_update!) > systemClock.now().epochMilliseconds);
});
