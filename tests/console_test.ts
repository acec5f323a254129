import assert from "node:assert/strict";
import { openLive } from "../testing/live_client.ts";
import { assertOnceWithin } from "../testing/once_within.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { testFolder } from "../testing/test_folder.ts";
import { waitFor } from "../testing/wait_for.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** The console, beside a manager that runs; its output goes into a pipe. */
async function console(site: TestSite, state: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "-A", `--config=${ROOT}deno.json`, `${ROOT}main.ts`, "admin", ...args],
    env: { DATABASE_URL: site.database.url("patch_owner"), PATCH_MANAGER__STATE__DIRECTORY: state },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

for (const command of ["reset-password", "reset-mfa"]) {
  Deno.test(`${command} at the console ends what is open in the running manager within a second`, async () => {
    await using site = await testSite();
    await assertOnceWithin(1_000, command, () => endsAfter(site));
  });

  /** From the end of the command until nothing of the session goes on, in milliseconds. */
  const endsAfter = async (site: TestSite): Promise<number> => {
    await using folder = await testFolder("console-");
    const alice = await site.signIn("admin");
    const other = await site.signIn("admin");
    const { ticket } = (await alice.post("/api/v1/ws/ticket")).json;
    using live = await openLive(site, ticket) as Exclude<Awaited<ReturnType<typeof openLive>>, { refused: number }>;
    assert.equal((await alice.get("/api/v1/auth/me")).status, 200);
    await console(site, folder.path, command, alice.username);
    const started = performance.now();
    await waitFor("the session's end", async () => (await alice.get("/api/v1/auth/me")).status === 401 || null);
    assert.equal(await live.closed, 4401, "the open page is told that its session ended");
    const took = performance.now() - started;
    assert.equal((await other.get("/api/v1/auth/me")).status, 200, "nobody else is disturbed");
    return took;
  };
}

Deno.test("an admin made at the console signs in with what the file says, and then chooses a password", async () => {
  await using site = await testSite();
  await using folder = await testFolder("console-");
  const said = await console(site, folder.path, "create", "carol");
  const path = /is in (\S+)\. /.exec(said)![1];
  const password = (await Deno.readTextFile(path)).trim();
  const answer = await site.anonymous.post("/api/v1/auth/login", { username: "carol", password });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.user.must_change_password, true);
});
