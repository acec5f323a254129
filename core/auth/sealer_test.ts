import assert from "node:assert/strict";
import { testFolder } from "../../testing/test_folder.ts";
import { PkiError } from "../ca/types.ts";
import { openSealer, sealerOf } from "./sealer.ts";

const words = new TextEncoder().encode("JBSWY3DPEHPK3PXP");

Deno.test("what was sealed opens with the same key for the same purpose, and never twice alike", async () => {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-sealer-" });
  try {
    const first = await openSealer(folder);
    const sealed = await first.seal(words, "totp:ada");
    assert.notDeepEqual(await first.seal(words, "totp:ada"), sealed);
    const again = await openSealer(folder);
    assert.deepEqual(await again.open(sealed, "totp:ada"), words);
    assert.equal((await Deno.stat(`${folder}/secrets.key`)).mode! & 0o777, 0o600);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("opened by several at once for the first time: what one sealed all others open", async () => {
  await using folder = await testFolder();
  const all = await Promise.all(Array.from({ length: 6 }, () => openSealer(folder.path)));
  const sealed = await all[0].seal(words, "totp:ada");
  for (const one of all) assert.deepEqual(await one.open(sealed, "totp:ada"), words);
});

Deno.test("another key, another purpose, another byte: nothing opens", async () => {
  const sealer = await sealerOf(new Uint8Array(32).fill(1));
  const other = await sealerOf(new Uint8Array(32).fill(2));
  const sealed = await sealer.seal(words, "totp:ada");
  assert.equal(await other.open(sealed, "totp:ada"), null);
  assert.equal(await sealer.open(sealed, "totp:eve"), null);
  assert.equal(await sealer.open(new Uint8Array(5), "totp:ada"), null);
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.slice();
    changed[at] ^= 1;
    assert.equal(await sealer.open(changed, "totp:ada"), null, `byte ${at}`);
  }
});

Deno.test("a key file that others can read, or that is none, is refused in words", async () => {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-sealer-" });
  try {
    await openSealer(folder);
    await Deno.chmod(`${folder}/secrets.key`, 0o640);
    await assert.rejects(openSealer(folder), (error: PkiError) => /chmod 0600/.test(error.message + error.hint));
    await Deno.chmod(`${folder}/secrets.key`, 0o600);
    for (const damaged of ["", "hunter2", "0".repeat(63), "0".repeat(65)]) {
      await Deno.writeTextFile(`${folder}/secrets.key`, damaged);
      await assert.rejects(openSealer(folder), (error: PkiError) => {
        assert.match(error.hint, /backup/);
        return damaged === "" || !error.message.includes(damaged);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
