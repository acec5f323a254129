import assert from "node:assert/strict";
import { ApiClient } from "../demo/api_client.ts";
import { type TestApp, testApp } from "../testing/factors.ts";
import { plant } from "../testing/planted_secrets.ts";
import { testFolder } from "../testing/test_folder.ts";
import { waitFor } from "../testing/wait_for.ts";
import { freePort } from "../testing/free_port.ts";
import { processesOf, type RunningDemo, startDemo } from "./demo_fixture_test.ts";

const READY = /What happens to the fleet follows here/;
const PASSWORD = plant("heron walks along the river");

async function signIn(state: string, port: number, password: string, app: TestApp): Promise<ApiClient> {
  const api = new ApiClient(`https://localhost:${port}`, await Deno.readTextFile(`${state}/manager/pki/root.crt`));
  await api.login("admin", password, app.code);
  return api;
}

/** The app that the demo shows in its terminal. */
async function shownApp(demo: RunningDemo): Promise<TestApp> {
  await demo.says(/Code +\d{3} \d{3} +the second factor, changes in \d+ s/);
  const [, secret] = await demo.says(/Secret +((?:[A-Z2-7]{4} ?){8})/);
  return testApp(secret.replaceAll(" ", ""));
}

async function oneTimePassword(demo: RunningDemo): Promise<string> {
  return plant((await demo.says(/Password +(\S+) +you choose/))[1]);
}

async function stopped(demo: RunningDemo, state: string): Promise<void> {
  assert.equal(await demo.ended, 0, demo.words());
  assert.match(demo.words(), /Stopping …\nEverything has stopped/);
  assert.deepEqual(await processesOf(state), []);
}

Deno.test("the demo: refusals, Ctrl-C twice, a start that finds its state, kill -9, --reset", async (t) => {
  await using folder = await testFolder("demo-");
  const state = `${folder.path}/state`;
  const port = freePort();
  const args = ["--state", state, "--port", String(port), "--hosts", "2"];
  let app: TestApp;

  await t.step("a second one is refused by state and by port; Ctrl-C twice stops everything", async () => {
    await using demo = startDemo(...args);
    const password = await oneTimePassword(demo);
    await demo.says(READY);

    await using same_state = startDemo("--state", state, "--port", String(freePort()));
    assert.equal(await same_state.ended, 1);
    assert.match(same_state.words(), /cannot go on\. Another demo uses .*Stop it first/);
    await using same_port = startDemo("--state", `${folder.path}/other`, "--port", String(port));
    assert.equal(await same_port.ended, 1);
    assert.match(
      same_port.words(),
      /cannot go on\. Port \d+ is taken by another program\. Choose another one with --port/,
    );

    app = await shownApp(demo);
    const api = await signIn(state, port, password, app);
    await api.changePassword(password, PASSWORD);
    await demo.says(/admin chose a password/);
    await demo.interrupt(2);
    await stopped(demo, state);
  });

  await t.step(
    "the next start has the same hosts and the password that was chosen; a kill leaves its children",
    async () => {
      await using demo = startDemo(...args);
      await demo.says(/the one that you chose/);
      await demo.says(READY);
      assert.equal((await shownApp(demo)).secret, app.secret);
      const api = await signIn(state, port, PASSWORD, app);
      const hosts = await waitFor("every host to answer", async () => {
        const { items } = await api.call("GET", "/hosts");
        return items.every((host: { not_answering_since: string | null }) => host.not_answering_since === null) &&
          items;
      }, { deadline_ms: 30_000, every_ms: 250 });
      const simulated = hosts.filter((host: { simulated: boolean }) => host.simulated);
      assert.equal(simulated.length, 2);
      assert.ok(hosts.length <= 3);
      Deno.kill(demo.pid, "SIGKILL");
      await demo.ended;
      assert.ok((await processesOf(state)).length > 0, "the manager goes on");
    },
  );

  await t.step("--reset after a kill ends what was left and begins anew", async () => {
    await using demo = startDemo(...args, "--reset");
    await demo.says(/An earlier demo was killed/);
    const password = await oneTimePassword(demo);
    await demo.says(READY);
    const api = await signIn(state, port, password, await shownApp(demo));
    await assert.rejects(api.call("GET", "/hosts"), /password/i);
    await demo.interrupt(1);
    await stopped(demo, state);
  });
});

Deno.test("Ctrl-C while it starts stops what runs so far", async () => {
  await using folder = await testFolder("demo-");
  await using demo = startDemo("--state", `${folder.path}/state`, "--port", String(freePort()), "--hosts", "2");
  await demo.says(/✓ PostgreSQL/);
  await demo.interrupt(2);
  await stopped(demo, `${folder.path}/state`);
});

Deno.test("Ctrl-C that reaches what the demo started long before itself is a stop, and no failure", async () => {
  await using folder = await testFolder("demo-");
  await using demo = startDemo("--state", `${folder.path}/state`, "--port", String(freePort()), "--hosts", "2");
  const bundler = await waitFor("the bundler", async () => {
    const args = ["-o", "pid=,comm=", "--ppid", String(demo.pid)];
    const { stdout } = await new Deno.Command("/usr/bin/ps", { args }).output();
    return /(\d+) esbuild/.exec(new TextDecoder().decode(stdout))?.[1];
  }, { every_ms: 5, deadline_ms: 60_000 });
  Deno.kill(Number(bundler), "SIGINT");
  await demo.says(/✗ Pages/);
  await demo.interrupt(1);
  await stopped(demo, `${folder.path}/state`);
});

const wrong: [args: string[], code: number, words: RegExp][] = [
  [["--port", "x"], 2, /--port has to be a whole number from 1 to 65535, not "x"\.\n\nThe whole product/],
  [["--bogus"], 2, /--bogus/],
  [["--state", "/etc"], 1, /\/etc (holds files that are not the demo's|belongs to another user)/],
  [["--help"], 0, /^The whole product on this machine/],
];

Deno.test("a wrong command line ends with words, before anything is started or touched", async () => {
  const mode = (await Deno.stat("/etc")).mode;
  for (const [args, code, words] of wrong) {
    await using demo = startDemo(...args);
    assert.equal(await demo.ended, code, demo.words());
    assert.match(demo.words(), words);
  }
  assert.equal((await Deno.stat("/etc")).mode, mode);
});
