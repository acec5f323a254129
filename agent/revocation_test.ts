import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { buildCrl } from "../core/ca/crl.ts";
import { startTestManager, type TestManager } from "./enrol_fixture_test.ts";
import { PinnedManager } from "./enrol_manager.ts";
import { CRL_FILE, Revocation } from "./revocation.ts";
import { makePki } from "./server/server_fixture_test.ts";

const CRL = "GET /api/v1/pki/crl.pem";

async function withRevocation(
  body: (
    one: {
      manager: TestManager;
      state: string;
      make: (clock?: typeof systemClock) => Revocation;
      changes: () => number;
    },
  ) => Promise<void>,
) {
  await using manager = await startTestManager();
  const state = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "crl-" });
  let changes = 0;
  try {
    await body({
      manager,
      state,
      changes: () => changes,
      make: (clock = systemClock) =>
        new Revocation({
          state,
          ca: manager.pki.ca,
          manager: PinnedManager.trusting(manager.url, manager.pki.ca, clock),
          clock,
          log: silentLog,
          on_changed: () => changes++,
        }),
    });
  } finally {
    await Deno.remove(state, { recursive: true });
  }
}

const later = (days: number) => ({ now: () => systemClock.now().add({ hours: 24 * days }) });
const revokedEntry = (serial: string) => ({
  serial,
  revoked_at: systemClock.now(),
  not_after: systemClock.now().add({ hours: 24 * 90 }),
  reason: "key_compromise" as const,
});

Deno.test("a fetched list counts, is kept, and is there after a restart", async () => {
  await withRevocation(async ({ manager, make, state, changes }) => {
    const serial = (await manager.pki.manager()).serial;
    const first = make();
    await first.load();
    assert.equal(first.health().crl_status, "missing");
    assert.equal(first.has(serial), false);
    manager.revoked.push(revokedEntry(serial));
    assert.equal(await first.fetch(), true);
    assert.equal(first.has(serial), true);
    assert.equal(changes(), 1);
    const health = first.health();
    assert.equal(health.crl_status, "valid");
    assert.equal(health.crl_age_seconds, 0);
    assert.match(health.crl_next_update!, /Z$/);
    assert.deepEqual(health.problems, []);
    assert.equal(Deno.statSync(`${state}/${CRL_FILE}`).mode! & 0o777, 0o600);
    const second = make();
    await second.load();
    assert.equal(second.has(serial), true);
    assert.equal(second.health().crl_status, "valid");
  });
});

Deno.test("what does not hold changes nothing, and is said", async (t) => {
  const other = await makePki();
  const cases: [string, (manager: TestManager) => Promise<string> | string][] = [
    ["of another root", async () => (await buildCrl(other.authority, [], 99n, systemClock)).pem],
    ["older than ours", async (manager) => (await buildCrl(manager.pki.authority, [], 0n, systemClock)).pem],
    ["garbage", () => "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----"],
    ["another kind of file", (manager) => manager.pki.ca],
    ["endless", () => "x".repeat(5 * 2 ** 20)],
  ];
  for (const [what, make_list] of cases) {
    await t.step(what, async () => {
      await withRevocation(async ({ manager, make, state, changes }) => {
        const serial = (await manager.pki.manager()).serial;
        manager.revoked.push(revokedEntry(serial));
        const list = make();
        await list.fetch();
        const kept = await Deno.readTextFile(`${state}/${CRL_FILE}`);
        const text = await make_list(manager);
        manager.override.set(CRL, () => ({ status: 200, body: text }));
        assert.equal(await list.fetch(), false);
        assert.equal(list.has(serial), true, "the good one still counts");
        assert.equal(list.health().crl_status, "degraded");
        assert.equal(await Deno.readTextFile(`${state}/${CRL_FILE}`), kept);
        assert.equal(changes(), 1);
      });
    });
  }
});

Deno.test("an expired list goes on counting and makes the agent degraded", async () => {
  await withRevocation(async ({ manager, make }) => {
    const serial = (await manager.pki.manager()).serial;
    manager.revoked.push(revokedEntry(serial));
    await make().fetch();
    manager.override.set(CRL, () => ({ status: 503, body: "" }));
    const list = make(later(8));
    await list.load();
    await list.fetch();
    assert.equal(list.has(serial), true);
    assert.equal(list.health().crl_status, "expired");
    assert.match(list.health().problems[0], /expired at .*answered 503/);
  });
});

Deno.test("fetches that meet, as at a start with a reload, are one and both succeed", async () => {
  await withRevocation(async ({ manager, make }) => {
    for (let round = 0; round < 20; round++) {
      const list = make();
      const results = await Promise.all(Array.from({ length: 4 }, () => list.fetch()));
      assert.deepEqual(results, [true, true, true, true], `round ${round}`);
      assert.equal(list.health().crl_status, "valid");
    }
    assert.equal(manager.calls.filter((call) => call === CRL).length, 20, "asked once a round");
  });
});

Deno.test("a damaged file is said and replaced", async () => {
  await withRevocation(async ({ make, state }) => {
    await Deno.writeTextFile(`${state}/${CRL_FILE}`, "x");
    const list = make();
    await list.load();
    assert.equal(list.health().crl_status, "invalid");
    assert.equal(list.health().problems.length, 1);
    await list.fetch();
    assert.equal(list.health().crl_status, "valid");
    assert.deepEqual(list.health().problems, []);
  });
});

Deno.test("a clock that differs from the manager's is said", async () => {
  await withRevocation(async ({ make }) => {
    const list = make(later(1));
    await list.fetch();
    assert.equal(list.health().clock, "skewed");
    assert.match(list.health().problems.join(), /differs from the manager's by 864\d\d s/);
    const right = make();
    await right.fetch();
    assert.equal(right.health().clock, "ok");
  });
});
