import assert from "node:assert/strict";
import { type BrowserClient, browserClient } from "../testing/browser_client.ts";
import { type FakeClock, fakeClock } from "../testing/fake_clock.ts";
import type { ClientAnswer } from "../testing/http_client.ts";
import { type TestSite, testSite } from "../testing/site.ts";

/** Numbers below a bound, the same ones for the same seed: a run that fails can be run again. */
function numbers(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 % 2_147_483_647 || 1;
  return (below) => (state = state * 48_271 % 2_147_483_647) % below;
}

interface Fate {
  /** The browser gives up, before anything of the answer has come: what it sets is lost. */
  aborted: boolean;
  /** Its answer comes as the so many-th. */
  place: number;
}

/**
 * Tabs of one browser send requests at the same moment, all with the cookies of that moment. Answers come in any order,
 * those of aborted requests not at all.
 */
async function burst(browser: BrowserClient, fates: Fate[]): Promise<(ClientAnswer | null)[]> {
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const answers = await Promise.all(fates.map(() => browser.plain.get("/api/v1/auth/me", { cookie })));
  const arriving = fates.map((fate, n) => ({ ...fate, answer: answers[n] })).sort((a, b) => a.place - b.place);
  for (const { aborted, answer } of arriving) if (!aborted) browser.keep(answer);
  return answers.map((answer, n) => fates[n].aborted ? null : answer);
}

async function honestUser(site: TestSite, clock: FakeClock, seed: number, rounds: number): Promise<void> {
  const next = numbers(seed);
  const caller = await site.signIn("operator", { kind: "browser" });
  const cookies = `__Host-access=${caller.token}; __Host-session=${caller.refresh_token}`;
  const browser = browserClient(site.client(), site.origin, cookies);
  for (let round = 0; round < rounds; round++) {
    // Mostly around the moments at which something ends: the access token, the token before, the half minute.
    const pause = [0, 1, 29, 31, 60, 899, 900, 901, next(1_200)][next(9)];
    clock.advance({ seconds: pause });
    const lossy = next(3);
    const fates = Array.from({ length: 1 + next(8) }, () => ({
      aborted: lossy === 0 || (lossy === 1 && next(2) === 0),
      place: next(100),
    }));
    const answers = await burst(browser, fates);
    for (const answer of answers) {
      if (answer === null) continue;
      assert.equal(answer.status, 200, `seed ${seed}, round ${round} after ${pause} s: ${answer.text}`);
      assert.equal(answer.json.id, caller.user_id);
    }
  }
  const last = await browser.get("/api/v1/auth/me");
  assert.equal(last.status, 200, `seed ${seed}: at the end`);
}

Deno.test("tabs that refresh at once, answers that are lost: an honest user stays signed in", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  // Each life is shorter than a day, the longest that a session may have.
  for (let seed = 1; seed <= 8; seed++) await honestUser(site, clock, seed, 30);
  const rows = await site.database.sql`select action from audit_log where action = 'session.revoke'`;
  assert.equal(rows.length, 0, "nobody was taken for a thief");
  const [{ most }] = await site.database.sql`select max(rotation) as most from sessions`;
  assert.ok(most > 3, `tokens were exchanged, ${most} times at most`);
});

Deno.test("a copied token is found out whenever its owner goes on, however the two are mixed", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  for (let seed = 1; seed <= 8; seed++) {
    const next = numbers(seed);
    const caller = await site.signIn("operator", { kind: "browser" });
    const cookies = `__Host-session=${caller.refresh_token}`;
    const [owner, thief] = [cookies, cookies].map((jar) => browserClient(site.client(), site.origin, jar));
    const rows = () => site.database.sql`select seq from audit_log where action = 'session.revoke'`;
    const before = (await rows()).length;
    const good = { owner: true, thief: true };
    for (let round = 0; round < 12 && (good.owner || good.thief); round++) {
      // Both act in each quarter of an hour, in either order.
      clock.advance({ minutes: 16 });
      for (const who of next(2) ? ["owner", "thief"] as const : ["thief", "owner"] as const) {
        const answer = await (who === "owner" ? owner : thief).get("/api/v1/auth/me");
        good[who] = answer.status === 200;
        clock.advance({ seconds: 31 + next(60) });
        // Whatever was handed out is used as well.
        await (who === "owner" ? owner : thief).get("/api/v1/auth/me");
      }
    }
    assert.deepEqual(good, { owner: false, thief: false }, `seed ${seed}`);
    assert.equal((await rows()).length, before + 1, `seed ${seed}: said once`);
  }
});
