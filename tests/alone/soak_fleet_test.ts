import assert from "node:assert/strict";
import { runSoak } from "../../testing/soak/run.ts";
import { soakWords } from "../../testing/soak/words.ts";
import { testDatabase } from "../../testing/database.ts";
import { testFolder } from "../../testing/test_folder.ts";
import { makeTraits } from "../../agent/backends/simulated/traits.ts";

const HOSTS = 300;
const SEED = 7;
const SHARES = { dead: 0.05, slow: 0.05, flaky: 0.05, failing: 0.05 };

/**
 * The soak of `deno task soak` with shortened intervals, about five minutes: the fleet role as a process of its own
 * with its production permissions, 300 simulated hosts as another, a restart in the middle. Counts, no times: what a
 * busy machine shifts is printed, and what it explains is left out of the judgement by its own late timers.
 */
Deno.test(`${HOSTS} hosts over a restart: no poll missed, no false alarm, every dead host noticed, no burst`, async () => {
  await using database = await testDatabase();
  await using folder = await testFolder("s-");
  const result = await runSoak({
    folder: folder.path,
    database,
    hosts: HOSTS,
    seed: SEED,
    shares: SHARES,
    release_minutes: 2,
    health_seconds: 30,
    patches_seconds: 300,
    before_ms: 110_000,
    after_ms: 85_000,
    outage_ms: 10_000,
    say: (words) => console.log(words),
  });
  console.log(soakWords(result));
  const troubles = Array.from({ length: HOSTS }, (_, index) => makeTraits(SEED, index, SHARES).trouble);
  const silent = troubles.filter((trouble) => trouble === "silent" || trouble === "refusing").length;
  const flaky = troubles.filter((trouble) => trouble === "flaky").length;
  assert.ok(silent > 10 && flaky > 10, "the fleet has its share of trouble");
  assert.equal(result.hosts, HOSTS - silent - flaky);
  assert.ok(result.polls > 2 * result.hosts, `${result.polls} polls`);
  assert.equal(result.missed, 0);
  assert.equal(result.missed_flaky, 0);
  assert.deepEqual(result.false_alarms, []);
  assert.deepEqual(result.unnoticed, []);
  const reasons = Object.keys(result.reasons).sort();
  assert.equal(reasons.length, 2, reasons.join("\n"));
  assert.match(reasons[0], /^Connection refused on port 12443\./);
  assert.match(reasons[1], /^No answer from ADDRESS on port 12443\./);
  // Those of silent hosts are tried once, those of refusing ones cannot be seen.
  assert.ok(
    result.most_undisturbed <= 3 * result.mean_per_second,
    `${result.most_undisturbed} polls in a second, ${result.mean_per_second} in the mean`,
  );
  assert.deepEqual(Object.keys(result.complaints).filter((words) => !words.startsWith("loop.failed")), []);
  assert.ok(result.changed_reports >= HOSTS - silent, `${result.changed_reports} reports landed`);
});
