import assert from "node:assert/strict";
import { sandboxMissing } from "../demo/sandbox.ts";
import { processesOf, startDemo } from "./demo_fixture_test.ts";

/**
 * The main job of the product, for real and without a person: a real agent on a real apt and dpkg, polled over mutual
 * TLS, security updates tried out and applied through the REST API, every count compared with apt's own answer.
 */
const missing = Deno.env.get("TEST_REQUIRE") === "all" ? null : await sandboxMissing();
const name = "demo --once does the main job and leaves nothing behind";

Deno.test({
  name: missing === null ? name : `${name} (left out: ${missing})`,
  ignore: missing !== null,
  async fn() {
    const status_before = await machineStatus();
    await using demo = startDemo("--once");
    const [, state] = await demo.says(/^State in (\/var\/tmp\/patch-manager-once-\w+),/m);
    const code = await demo.ended;
    const words = demo.words();
    assert.equal(code, 0, words);
    assert.match(words, /\nEverything held\.\n$/);
    assert.doesNotMatch(words, /✗/);

    const counts = new Map(
      [...words.matchAll(/^ {2}✓ (.+?) {2,}(\d+), (\d+)$/gm)].map((
        [, what, one, other],
      ) => [what, [one, other].map(Number)]),
    );
    // What the sandbox is built with: 13 updates, 5 of them for security; those and the failing one are applied.
    assert.deepEqual(counts.get("updates pending before: manager, apt"), [13, 13]);
    assert.deepEqual(counts.get("security updates pending before: manager, apt"), [5, 5]);
    assert.deepEqual(counts.get("security updates: ordered, applied"), [5, 5]);
    assert.deepEqual(counts.get("updates pending after: manager, apt"), [7, 7]);
    assert.deepEqual(counts.get("security updates pending after: manager, apt"), [0, 0]);
    assert.deepEqual(counts.get("versions that differ between manager and dpkg"), [0, 0]);
    assert.match(words, /✓ the dry run changed nothing on the host/);
    assert.match(words, /libtessera3 +3\.0\.11-1 +3\.0\.11-1\+deb12u3 +3\.0\.11-1\+deb12u3 +applied/);
    assert.match(words, /osprey-agent is told as failed +.*configuration failed half-way/);
    assert.match(words, /magpie-server .*not now: held/);

    assert.deepEqual(await processesOf(state), []);
    await assert.rejects(Deno.stat(state), Deno.errors.NotFound);
    assert.equal(await machineStatus(), status_before, "the machine's own packages were touched");
  },
});

Deno.test("demo --once that is interrupted says so with 1 and leaves nothing behind", async () => {
  await using demo = startDemo("--once");
  const [, state] = await demo.says(/^State in (\S+),/m);
  await demo.says(/✓ PostgreSQL/);
  await demo.interrupt(2);
  assert.equal(await demo.ended, 1, demo.words());
  assert.match(demo.words(), /Stopping …/);
  assert.doesNotMatch(demo.words(), /Everything held/);
  assert.deepEqual(await processesOf(state), []);
  await assert.rejects(Deno.stat(state), Deno.errors.NotFound);
});

/** What dpkg knows of this machine; "" where it has none. */
async function machineStatus(): Promise<string> {
  const bytes = await Deno.readFile("/var/lib/dpkg/status").catch(() => new Uint8Array());
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
