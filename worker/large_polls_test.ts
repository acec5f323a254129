import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { agentServer, client_options, envelope } from "../testing/agent_listener.ts";
import { testDatabase } from "../testing/database.ts";
import { HONEST, hostileHandler } from "../testing/hostile_hosts.ts";
import { addAgentHost } from "../testing/simulated_agent.ts";
import { createAgentClient } from "./agent_client.ts";
import { LargeAnswers } from "./large_answers.ts";
import { createPoller } from "./poller.ts";

const PACKAGES = "/api/v1/packages";
const COUNT = 8_000;
/** Longer than what needs no place. */
const large_list = envelope({
  packages: Array.from({ length: COUNT }, (_, index) => ({
    name: `package-${index}`,
    version: "1.0-1",
    source_package: "s".repeat(120),
  })),
});

Deno.test("a host for whose large answer there was no room is not failing, not forgotten, and asked again", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  let asked = 0;
  await using big = await agentServer(hostileHandler({
    answers: {
      [PACKAGES]: (_request, response) => {
        asked++;
        response.end(large_list);
      },
    },
  }));
  await using small = await agentServer(hostileHandler({ answers: HONEST }));
  const id = await addAgentHost(sql, big);
  const other = await addAgentHost(sql, small);
  const large = new LargeAnswers({ places: 1, wait_ms: 50 });
  const agents = createAgentClient({ ...client_options, large });
  const cut = new AbortController();
  const poller = createPoller({
    ...{ sql: database.fleet, agents, clock: systemClock, log: silentLog },
    signal: cut.signal,
    stopping: cut.signal,
    pace: null,
  });
  const ask = async () => {
    await poller.turn();
    await poller.idle();
  };
  const standing = async (host_id: string) =>
    (await sql`
      select h.health, h.health_reason, h.not_answering_since, d.refused_reason, d.received_at, p.failures, p.last_at,
        p.last_error, p.lease_until, p.parked_reason,
        extract(epoch from p.next_at - app_now())::float8 as seconds,
        (select count(*)::int from host_packages where host_id = h.id) as packages
      from hosts h join host_patch_data d on d.host_id = h.id
        join host_polls p on p.host_id = h.id and p.kind = 'patches'
      where h.id = ${host_id}`)[0];
  try {
    const holder = large.turn();
    holder.tryTake();
    await ask();
    const { seconds, ...kept } = await standing(id);
    assert.deepEqual(kept, {
      ...{ health: "healthy", health_reason: null, not_answering_since: null },
      ...{ refused_reason: null, received_at: null, packages: 0 },
      ...{ failures: 0, last_at: null, last_error: null, lease_until: null, parked_reason: null },
    });
    assert.ok(seconds > 0 && seconds <= 10, `asked again in ${seconds} s`);
    assert.equal((await standing(other)).packages, 1, "small answers need no room");
    await ask();
    assert.equal(asked, 1, "not before its time");
    holder.release();
    await sql`update host_polls set next_at = app_now() where host_id = ${id}`;
    await ask();
    const after = await standing(id);
    assert.deepEqual([after.packages, after.failures, after.health], [COUNT, 0, "healthy"]);
    assert.ok(after.received_at && after.last_at && after.seconds > 0, "answered, and due in its next own slot");
    const next = large.turn();
    assert.equal(next.tryTake(), true, "the place is free again");
    next.release();
  } finally {
    agents.close();
  }
});
