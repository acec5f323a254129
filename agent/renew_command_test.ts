import assert from "node:assert/strict";
import { type Clock, systemClock } from "../core/clock.ts";
import { testFolder } from "../testing/test_folder.ts";
import { IdentityError, storeIdentity, writeWhole } from "./certificates.ts";
import { renewalStatus } from "./renew_command.ts";
import { keepFormer, pendingRequest } from "./renewal_files.ts";
import { names } from "./renewal_fixture_test.ts";
import { makePki } from "./server/server_fixture_test.ts";

const inDays = (days: number): Clock => ({ now: () => systemClock.now().add({ hours: Math.round(days * 24) }) });

Deno.test("what renew says over the ninety days of a certificate", async (t) => {
  await using folder = await testFolder("renew-");
  const state = folder.path;
  await assert.rejects(renewalStatus(state, systemClock), IdentityError);
  const pki = await makePki();
  const pair = await pki.agent([names.address], [names.fqdn]);
  await storeIdentity(state, { ca: pki.ca, ...pair });
  await assert.rejects(renewalStatus(state, systemClock), /not enrolled/);
  const enrolment = { manager: "https://manager.example:8443/", ...names, port: 12443 };
  await writeWhole(`${state}/enrolment.json`, JSON.stringify(enrolment));
  const cases: [days: number, state: string, words: RegExp][] = [
    [0, "later", /manager\.example:8443 renews it by itself after/],
    [59, "later", /by itself after/],
    [60.5, "due", /renews it these days/],
    [62.5, "due", /renews it these days/],
    [63.5, "overdue", /should have renewed it after .*patch-agent doctor/],
    [89, "overdue", /it ends at/],
    [90.5, "ended", /ended at .* patch-agent enrol/],
  ];
  for (const [days, wanted, words] of cases) {
    await t.step(`after ${days} days`, async () => {
      const status = await renewalStatus(state, inDays(days));
      assert.equal(status.state, wanted);
      assert.match(status.message, words);
      const from = Temporal.Instant.from(status.due), to = Temporal.Instant.from(status.not_after);
      const third = (to.epochMilliseconds - from.epochMilliseconds) / 86_400_000;
      assert.ok(third > 29.9 && third < 30.1, `the last third is ${third} days`);
    });
  }
  await t.step("asked for", async () => {
    await pendingRequest(state, names.fqdn, systemClock);
    assert.equal((await renewalStatus(state, inDays(61))).state, "waiting");
    assert.equal((await renewalStatus(state, inDays(91))).state, "ended", "that is what counts then");
  });
  await t.step("sent and not used", async () => {
    await keepFormer(state, { ca: pki.ca, ...pair });
    assert.equal((await renewalStatus(state, inDays(61))).state, "unconfirmed");
  });
});
