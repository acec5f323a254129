import assert from "node:assert/strict";
import { openBench, runToEnd, starts } from "./run_fixture_test.ts";

Deno.test("an ordered update arrives, is read again, and is told on the way", async () => {
  await using bench = await openBench();
  const { sql } = bench.database;
  const before =
    await sql`select name from host_patches hp join packages p on p.id = hp.package_id where state = 'installable'`;
  assert.ok(before.length > 0, "the simulated host has updates");
  const job_id = await bench.order();
  const end = await runToEnd(bench, job_id);
  assert.equal(end.state, "succeeded", `${end.message} ${end.error}`);
  assert.equal(end.progress, 100);
  assert.equal(await starts(bench.agent), 1);
  const patches = await sql`select origin, outcome, count(*)::int as n from patch_job_patches group by 1, 2`;
  assert.deepEqual(patches.map((row) => ({ ...row })), [{ origin: "ordered", outcome: "applied", n: before.length }]);
  const [{ left }] = await sql`select count(*)::int as left from host_patches where state = 'installable'`;
  assert.equal(left, 0, "the read-back landed as a report");
});
