import assert from "node:assert/strict";
import { connect } from "../../core/database/connection.ts";
import { connectAsSuperuser, startTestServer } from "../../testing/database_server.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { leftInDatabase, RUN_MARK } from "./leftovers.ts";

Deno.test("a database and a connection that stayed are named", async () => {
  const own = await startTestServer();
  const superuser = await connectAsSuperuser(own.server.socket);
  try {
    assert.deepEqual(await leftInDatabase(superuser), []);
    await superuser`create database test_forgotten owner patch_owner`;
    const sql = await connect({
      url: own.server.url("patch_web", "test_forgotten"),
      max: 1,
      application_name: "forgotten",
    });
    assert.deepEqual(await leftInDatabase(superuser, 0), [
      "database test_forgotten",
      "connection forgotten of patch_web to test_forgotten",
    ]);
    await sql.end();
    const left = await waitFor("the connection to end", async () => {
      const names = await leftInDatabase(superuser, 0);
      return names.length < 2 ? names : null;
    });
    assert.deepEqual(left, ["database test_forgotten"]);
  } finally {
    await superuser.end();
    await own.stop();
  }
});

Deno.test("a process that stayed is named", async () => {
  const mark = crypto.randomUUID();
  const child = new Deno.Command("/bin/sleep", { args: ["60"], env: { [RUN_MARK]: mark }, detached: true }).spawn();
  try {
    const left = await waitFor("the process", async () => {
      const found = await seenWithAllRights(mark, []);
      return found.length > 0 ? found : null;
    });
    assert.deepEqual(left, [[child.pid, "/bin/sleep 60"]]);
    assert.deepEqual(await seenWithAllRights(crypto.randomUUID(), []), []);
    assert.deepEqual(await seenWithAllRights(mark, [child.pid]), []);
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
  assert.deepEqual(await seenWithAllRights(mark, []), []);
});

/** Deno shows /proc only to a process that may everything, as scripts/run_tests.ts may and a unit test may not. */
async function seenWithAllRights(mark: string, own: number[]): Promise<[number, string][]> {
  const module = new URL("./leftovers.ts", import.meta.url).href;
  const program = `const { leftProcesses } = await import(${JSON.stringify(module)});
    console.log(JSON.stringify([...await leftProcesses(${JSON.stringify(mark)}, new Set(${JSON.stringify(own)}))]));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", program],
    cwd: new URL("../..", import.meta.url).pathname,
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}
