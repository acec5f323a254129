import assert from "node:assert/strict";
import { type Clock, systemClock } from "../core/clock.ts";
import { startTestManager } from "./enrol_fixture_test.ts";
import { ManagerError, PinnedManager, readManagerUrl } from "./enrol_manager.ts";
import { makePki } from "./server/server_fixture_test.ts";

Deno.test("who is on the other side is told apart", async (t) => {
  const wrong = async (
    options: Parameters<typeof startTestManager>[0],
    clock: Clock = systemClock,
    host = "127.0.0.1",
  ) => {
    await using manager = await startTestManager(options);
    const url = `https://${host}:${manager.port}`;
    try {
      const pinned = await PinnedManager.open(url, manager.fingerprint, clock);
      await pinned.call("api/v1/enroll", { method: "POST", body: {} });
    } catch (thrown) {
      assert.ok(thrown instanceof ManagerError, String(thrown));
      assert.ok(!manager.calls.includes("POST /api/v1/enroll"));
      return thrown;
    }
    throw new Error("it was accepted");
  };
  await t.step("its certificate comes from another authority", async () => {
    const error = await wrong({ ui_pki: await makePki() });
    assert.equal(error.problem, "untrusted");
    assert.match(error.message, /did not issue/);
  });
  await t.step("its certificate is for another name", async () => {
    const error = await wrong({ names: ["manager.example"] });
    assert.equal(error.problem, "name_mismatch");
    assert.match(error.message, /not for 127\.0\.0\.1/);
  });
  await t.step("its certificate is for another name, by name", async () => {
    assert.equal((await wrong({ names: ["manager.example"] }, systemClock, "localhost")).problem, "name_mismatch");
  });
  await t.step("it speaks TLS 1.2 only", async () => {
    const error = await wrong({ tls: { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } });
    assert.equal(error.problem, "not_tls");
  });
  await t.step("its certificate has expired", async () => {
    const past = { now: () => systemClock.now().subtract({ hours: 24 * 100 }) };
    const error = await wrong({ clock: past, pki: await makePki(past) });
    assert.equal(error.problem, "untrusted");
    assert.match(error.message, /valid from/);
  });
  await t.step("our clock is wrong", async () => {
    // TLS itself reads the machine's clock, so the certificate is what is moved here; the words compare ours.
    const past = { now: () => systemClock.now().subtract({ hours: 24 * 100 }) };
    const ahead = { now: () => systemClock.now().add({ hours: 24 }) };
    const error = await wrong({ clock: past, pki: await makePki(past) }, ahead);
    assert.equal(error.problem, "clock_skew");
    assert.match(error.message, /Set the clock/);
  });
  await t.step("nobody listens", async () => {
    const manager = await startTestManager();
    await manager[Symbol.asyncDispose]();
    await assert.rejects(
      PinnedManager.open(manager.url, manager.fingerprint, systemClock),
      (error: ManagerError) => error.problem === "unreachable" && /refused/i.test(error.message),
    );
  });
});

Deno.test("addresses of managers", () => {
  assert.equal(readManagerUrl("https://m.example:8443").href, "https://m.example:8443/");
  assert.equal(readManagerUrl("https://m.example/patch").href, "https://m.example/patch/");
  for (
    const bad of ["http://m.example", "m.example", "", "https://u:p@m.example", "https://m.example/?token=x", "ftp://m"]
  ) {
    assert.throws(() => readManagerUrl(bad), ManagerError, bad);
  }
});

Deno.test("the manager's addresses are those at which it answered as itself", async (t) => {
  await using manager = await startTestManager();
  const at = (host: string) => `https://${host}:${manager.port}`;
  await t.step("written as an address", () => {
    assert.deepEqual([...PinnedManager.trusting(at("192.0.2.7"), manager.pki.ca, systemClock).addresses], [
      "192.0.2.7",
    ]);
    const six = PinnedManager.trusting(at("[2001:db8::7]"), manager.pki.ca, systemClock);
    assert.deepEqual([...six.addresses], ["2001:db8::7"]);
  });
  await t.step("behind a name", async () => {
    const named = PinnedManager.trusting(at("localhost"), manager.pki.ca, systemClock);
    assert.deepEqual([...named.addresses], []);
    await named.locate();
    assert.deepEqual([...named.addresses], ["127.0.0.1"]);
  });
  await t.step("somebody else there is not the manager", async () => {
    const named = PinnedManager.trusting(at("localhost"), (await makePki()).ca, systemClock);
    await named.locate();
    assert.deepEqual([...named.addresses], []);
  });
});
