import assert from "node:assert/strict";
import { testFolder } from "../testing/test_folder.ts";
import { emptyState, openState } from "./state_folder.ts";

const MODE = Deno.uid() === 0 ? 0o711 : 0o700;
const modeOf = async (path: string) => (await Deno.stat(path)).mode! & 0o777;

Deno.test("somebody's folder is refused and left exactly as it was", async () => {
  await using folder = await testFolder();
  const state = `${folder.path}/home`;
  await Deno.mkdir(state);
  await Deno.chmod(state, 0o755);
  await Deno.writeTextFile(`${state}/letter`, "dear all");
  await assert.rejects(openState(state), /holds files that are not the demo's.*--state/);
  assert.equal(await modeOf(state), 0o755);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(state))).map(({ name }) => name), ["letter"]);
});

const unusable: [what: string, make: (path: string) => Promise<void>, words: RegExp][] = [
  ["a file", (path) => Deno.writeTextFile(path, ""), /cannot be made|is no folder/],
  ["a link to a folder", async (path) => {
    // Deno.symlink wants the right to write everywhere.
    await new Deno.Command("ln", { args: ["-s", "/var/tmp", path] }).output();
  }, /is no folder/],
  ["below a file", async (path) => {
    await Deno.writeTextFile(path.slice(0, path.lastIndexOf("/")), "");
  }, /cannot be made/],
];

for (const [what, make, words] of unusable) {
  Deno.test(`refused with words: ${what}`, async () => {
    await using folder = await testFolder();
    const path = what === "below a file" ? `${folder.path}/file/state` : `${folder.path}/state`;
    await make(path);
    await assert.rejects(openState(path), words);
  });
}

Deno.test("the system's own folder is refused with words", async () => {
  await assert.rejects(openState("/proc/patch-manager"), /cannot be made: .*Choose another folder with --state/);
});

Deno.test("a new folder is closed to others; a second demo is kept out until the first one ends", async () => {
  await using folder = await testFolder();
  const state = `${folder.path}/deep/state`;
  const lock = await openState(state);
  assert.equal(await modeOf(state), MODE);
  await assert.rejects(openState(state), /Another demo uses .*Stop it first/);
  lock.close();
  (await openState(state)).close();
});

Deno.test("emptying keeps the folder ours", async () => {
  await using folder = await testFolder();
  const state = `${folder.path}/state`;
  using _lock = await openState(state);
  await Deno.mkdir(`${state}/data/base`, { recursive: true });
  await Deno.writeTextFile(`${state}/data/base/1`, "");
  await emptyState(state);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(state))).map(({ name }) => name), ["patch-manager-demo"]);
  await assert.rejects(openState(state), /Another demo/);
});
