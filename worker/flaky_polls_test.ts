import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { agentServer, client_options } from "../testing/agent_listener.ts";
import { testDatabase } from "../testing/database.ts";
import { HONEST, hostileHandler } from "../testing/hostile_hosts.ts";
import { addAgentHost } from "../testing/simulated_agent.ts";
import { createAgentClient } from "./agent_client.ts";
import { createPoller } from "./poller.ts";

const HEALTH = "/api/v1/health";
const ROUNDS = 9;
const STALL_MS = 2_000;

interface Case {
  name: string;
  /** What becomes of a host's nth question for its health, from 0 on. */
  turn: (nth: number) => "answered" | "broken" | "stalled";
  /** Health after each round, a minute apart each. */
  health: ("healthy" | "pending" | "unreachable")[];
  /** Rounds after which it is told that it does not answer. */
  silent: number;
}

const always = (health: "healthy") => Array.from({ length: ROUNDS }, () => health);
const cases: Case[] = [
  ...Array.from({ length: 20 }, (_, index): Case => ({
    name: `one connection in 20 breaks, number ${index}`,
    turn: (nth) => nth % 20 === index ? "broken" : "answered",
    health: always("healthy"),
    silent: 0,
  })),
  {
    name: "every other connection breaks",
    turn: (nth) => nth % 2 === 0 ? "broken" : "answered",
    health: always("healthy"),
    silent: 0,
  },
  {
    name: "2 s of stall, twice in a row",
    turn: (nth) => nth < 2 ? "stalled" : "answered",
    health: always("healthy"),
    silent: 0,
  },
  {
    name: "2 s of stall on the second try",
    turn: (nth) => nth === 0 ? "broken" : nth === 1 ? "stalled" : "answered",
    health: always("healthy"),
    silent: 0,
  },
  {
    // Broken in the first try and in the second: that poll has failed, and the next one has not.
    name: "two in three break",
    turn: (nth) => nth % 3 === 0 ? "answered" : "broken",
    health: always("healthy"),
    silent: 4,
  },
  {
    name: "all break",
    turn: () => "broken",
    health: ["pending", ...Array.from({ length: ROUNDS - 1 }, () => "unreachable" as const)],
    silent: 9,
  },
];

Deno.test("stalls of 2 s and lost connections make no host unreachable; a host that is gone is noticed", async () => {
  await using database = await testDatabase();
  await using cleanup = new AsyncDisposableStack();
  const { sql } = database;
  const ids: string[] = [];
  const honest = hostileHandler({ answers: HONEST });
  for (const { turn } of cases) {
    let nth = 0;
    const agent = await agentServer((request, response) => {
      const what = request.url === HEALTH ? turn(nth++) : "answered";
      if (what === "broken") return request.socket.destroy();
      if (what === "answered") return honest(request, response);
      setTimeout(() => honest(request, response), STALL_MS);
    });
    ids.push(await addAgentHost(sql, cleanup.use(agent)));
  }
  await sql`update host_polls set next_at = 'infinity' where kind = 'patches'`;
  const agents = createAgentClient(client_options);
  cleanup.defer(() => agents.close());
  const { signal } = new AbortController();
  const poller = createPoller({
    ...{ sql: database.fleet, agents, clock: systemClock, log: silentLog, signal, stopping: signal },
    pace: null,
  });
  const seen = cases.map(() => ({ health: [] as string[], silent: 0 }));
  for (let round = 0; round < ROUNDS; round++) {
    await sql`update host_polls set next_at = app_now() where kind = 'health'`;
    // A minute has passed since: the pause before the retry.
    await sql`update hosts set not_answering_since = not_answering_since - interval '1 minute'`;
    await poller.turn();
    await poller.idle();
    const rows = new Map((await sql`select id, health, not_answering_since from hosts`).map((row) => [row.id, row]));
    for (const [index, id] of ids.entries()) {
      seen[index].health.push(rows.get(id)!.health);
      if (rows.get(id)!.not_answering_since) seen[index].silent++;
    }
  }
  for (const [index, { name, health, silent }] of cases.entries()) {
    assert.deepEqual(seen[index], { health, silent }, name);
  }
});
