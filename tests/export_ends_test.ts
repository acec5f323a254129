import assert from "node:assert/strict";
import { endSessionsOf } from "../core/auth/end_sessions.ts";
import { transaction } from "../core/database/connection.ts";
import { type TestCaller, type TestSite, testSite } from "../testing/site.ts";
import { waitFor } from "../testing/wait_for.ts";
import { seedLargeFleet } from "./pages/large_fleet.ts";

/** Five batches of hosts, which a reader who takes their time holds back. */
const HOSTS = 2_500;

function exported({ site, origin }: TestSite, { token }: TestCaller): Promise<Response> {
  const cookie = `__Host-access=${token}`;
  return Promise.resolve(site.app.fetch(new Request(`${origin}/hosts/export.csv`, { headers: { cookie } })));
}

async function linesOf(reader: ReadableStreamDefaultReader<Uint8Array>, begun = ""): Promise<number> {
  const decoder = new TextDecoder();
  let text = begun;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text.trimEnd().split("\r\n").length;
    text += decoder.decode(value, { stream: true });
  }
}

Deno.test("a list of hosts on its way to somebody breaks off when their session ends, and nobody else's", async () => {
  await using site = await testSite();
  await seedLargeFleet(site.database, HOSTS);
  const caller = await site.signIn("admin", { kind: "browser" });
  const bystander = await site.signIn("admin", { kind: "browser" });
  const [answer, other] = [await exported(site, caller), await exported(site, bystander)];
  assert.deepEqual([answer.status, other.status], [200, 200]);
  const reader = answer.body!.getReader();
  const first = new TextDecoder().decode((await reader.read()).value);
  assert.ok(first.split("\r\n").length < HOSTS / 2, "there is more to come");
  await transaction(
    site.database.web,
    (tx) => endSessionsOf(tx, caller.user_id, { why: "a test" }, site.services.clock.now()),
  );
  const { revocations } = site.services.sessions;
  await waitFor("the end to be heard", () => Promise.resolve(revocations.hasEnded(caller.session_id)));
  await assert.rejects(linesOf(reader, first), /no longer signed in/);
  assert.equal(await linesOf(other.body!.getReader()), 1 + HOSTS);
});
