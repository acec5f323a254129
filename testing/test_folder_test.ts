import assert from "node:assert/strict";
import { testFolder } from "./test_folder.ts";

Deno.test("a folder can be passed through by others, not listed, and is gone afterwards", async () => {
  let path: string;
  {
    await using folder = await testFolder("gone-");
    path = folder.path;
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o711);
    await Deno.mkdir(`${path}/a/b`, { recursive: true });
    await Deno.writeTextFile(`${path}/a/b/c`, "x");
  }
  await assert.rejects(() => Deno.stat(path), Deno.errors.NotFound);
});

Deno.test("a folder that the test removed itself is no failure, and two are never the same", async () => {
  await using one = await testFolder();
  await using two = await testFolder();
  assert.notEqual(one.path, two.path);
  await Deno.remove(one.path);
});
