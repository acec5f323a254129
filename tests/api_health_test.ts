import assert from "node:assert/strict";
import { Readiness } from "../core/heartbeat/check_readiness.ts";
import { recordHeartbeat } from "../core/heartbeat/record_heartbeat.ts";
import { pool } from "../core/database/connection.ts";
import { systemClock } from "../core/clock.ts";
import { uuidv7 } from "../core/ids.ts";
import { beat } from "../worker/heartbeat.ts";
import { fakeClock } from "../testing/fake_clock.ts";
import { listening } from "../testing/tls.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { createServer } from "node:net";

const health = async (site: TestSite) => {
  const answer = await site.anonymous.get("/status/health");
  return [answer.status, answer.json];
};
const heart = () => ({ instance: uuidv7(), version: "1.0.0", started_at: systemClock.now() });

Deno.test("health: well only while the database answers and both roles have said within 90 s that they live", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const web = () => recordHeartbeat(site.services.sql, { role: "web", ...heart() }, clock);
  const fleet = () => beat(site.database.fleet, heart(), {}, clock);
  const missing = [503, { status: "unavailable", missing: ["heartbeat"] }];
  assert.deepEqual(await health(site), missing, "nobody ever said so");
  await web();
  assert.deepEqual(await health(site), missing, "the fleet role never said so");
  await fleet();
  assert.deepEqual(await health(site), [200, { status: "ok" }]);
  clock.advance({ seconds: 90 });
  assert.deepEqual(await health(site), [200, { status: "ok" }]);
  clock.advance({ seconds: 1 });
  assert.deepEqual(await health(site), missing);
  await fleet();
  assert.deepEqual(await health(site), missing, "the web role cannot write");
  await web();
  assert.deepEqual(await health(site), [200, { status: "ok" }]);
});

Deno.test("health says nothing about how we are made, and tells monitors when to come back", async () => {
  await using site = await testSite();
  const answer = await site.anonymous.get("/status/health");
  assert.equal(answer.headers.get("retry-after"), "10");
  assert.doesNotMatch(answer.text + JSON.stringify([...answer.headers]), /0\.0\.0-test|postgres|deno|hono|node/i);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    assert.equal((await site.anonymous.send({ method, path: "/status/health" })).status, 405, method);
  }
});

Deno.test("a database that is gone is said at once, also to somebody with a cookie", async () => {
  await using site = await testSite();
  const browser = await site.signIn("admin", { kind: "browser" });
  await site.services.sql.end({ timeout: 1 });
  assert.deepEqual(await health(site), [503, { status: "unavailable", missing: ["database"] }]);
  const answer = await browser.get("/status/health");
  assert.deepEqual([answer.status, answer.json], [503, { status: "unavailable", missing: ["database"] }]);
  const api = await browser.get("/api/v1/hosts");
  assert.deepEqual([api.status, api.json.error.code], [503, "database_unavailable"]);
  const page = await browser.get("/hosts");
  assert.equal(page.status, 503, "a page says so too, with its own words");
  assert.match(page.text, /The database does not answer/);
  assert.doesNotMatch(api.text, /CONNECTION|postgres|socket/i);
});

Deno.test("a database that accepts and says nothing does not hold anybody up", async () => {
  await using silent = await listening(createServer(() => {}));
  const sql = pool({ url: `postgres://nobody@127.0.0.1:${silent.port}/none?sslmode=disable`, connect_timeout_s: 5 });
  const readiness = new Readiness(sql, systemClock, 100);
  const started = performance.now();
  const answers = await Promise.all(Array.from({ length: 200 }, () => readiness.check()));
  assert.deepEqual(new Set(answers.flat()), new Set(["database"]));
  assert.ok(performance.now() - started < 4_500, "not as long as connecting may take");
  await sql.end({ timeout: 0 });
});
