import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { silentLog } from "../core/log.ts";
import { client_options } from "../testing/agent_listener.ts";
import { testDatabase } from "../testing/database.ts";
import { HOSTILITIES, startHostile } from "../testing/hostile_hosts.ts";
import { addAgentHost, startTestAgent } from "../testing/simulated_agent.ts";
import { createAgentClient } from "../worker/agent_client.ts";
import { createPoller } from "../worker/poller.ts";

/** What is kept of a host after one round of polls. */
async function standing(sql: Sql, id: string) {
  const [row] = await sql`
    select h.health, h.health_reason, h.not_answering_since, d.refused_reason, d.received_at,
      (select last_error from host_polls where host_id = h.id and kind = 'patches') as patches_error,
      (select count(*)::int from host_packages where host_id = h.id) as packages,
      (select count(*)::int from host_patches where host_id = h.id) as updates,
      (select count(parked_reason)::int from host_polls where host_id = h.id) as parked,
      (select max(last_duration_ms) from host_polls where host_id = h.id) as duration_ms
    from hosts h join host_patch_data d on d.host_id = h.id where h.id = ${id}`;
  return row;
}

for (const hostility of HOSTILITIES) {
  Deno.test(`hostile host: ${hostility.name}`, async () => {
    await using database = await testDatabase();
    const { sql, fleet } = database;
    await using bad = await startHostile(hostility);
    await using good = await startTestAgent();
    const bad_id = await addAgentHost(sql, bad);
    const good_id = await addAgentHost(sql, good);
    await sql`update hosts set machine_hash = ${"a".repeat(64)} where id = ${bad_id}`;
    await sql`insert into system_config (key, value, changed_at) values ('poll.patches_timeout_seconds', '5', app_now())`;
    const agents = createAgentClient(client_options);
    const cut = new AbortController();
    const poller = createPoller({
      ...{ sql: fleet, agents, clock: systemClock, log: silentLog },
      signal: cut.signal,
      stopping: cut.signal,
    });
    try {
      await poller.turn();
      await poller.idle();
    } finally {
      agents.close();
    }
    const { end } = hostility;
    const host = await standing(sql, bad_id);
    const silent = host.not_answering_since !== null;
    assert.equal(silent && host.health === "pending" ? "not answering" : host.health, end.health, host.health_reason);
    said("reason", host.health_reason, end.reason);
    said("refusal", host.refused_reason, end.refused);
    said("failure", host.patches_error, end.failed ?? null);
    assert.deepEqual([host.packages, host.updates], end.stored);
    assert.equal(host.parked, 0, "it is asked again");
    const other = await standing(sql, good_id);
    assert.equal(other.health, "healthy", other.health_reason);
    assert.equal(other.packages, (await good.host.packages()).length, "the good host's report is whole");
    assert.ok(other.received_at && other.packages > 50);
    assert.ok(other.duration_ms < 3_000, `the good host's poll took ${other.duration_ms} ms`);
    assert.deepEqual([other.refused_reason, other.patches_error], [null, null]);
  });
}

function said(what: string, words: string | null, wanted: RegExp | null): void {
  if (wanted === null) assert.equal(words, null, what);
  else assert.match(words ?? "(nothing)", wanted, what);
}
