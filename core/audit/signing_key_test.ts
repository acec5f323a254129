import assert from "node:assert/strict";
import { testFolder } from "../../testing/test_folder.ts";
import { openSigningKey, readPublicKeys, writePublicKeys } from "./signing_key.ts";
import { judgeStatement, signStatement } from "./statements.ts";

const statement = { kind: "checkpoint" as const, seq: 7, hash: "ab".repeat(32), at: "2026-11-20T10:00:00.000Z" };

Deno.test("the key is made once, readable by nobody else, and signs what the public key proves", async () => {
  await using folder = await testFolder();
  const first = await openSigningKey(folder.path);
  const again = await openSigningKey(folder.path);
  assert.deepEqual([first.made, again.made], [true, false]);
  assert.equal(again.signer.key_id, first.signer.key_id);
  assert.equal((await Deno.stat(`${folder.path}/audit.key`)).mode! & 0o777, 0o600);
  const signed = signStatement(first.signer, statement);
  const keys = readPublicKeys(await Deno.readTextFile(`${folder.path}/audit.pub`));
  assert.equal(judgeStatement(keys, signed), "ours");
  assert.equal(judgeStatement(readPublicKeys(writePublicKeys(keys).join("")), signed), "ours");
  const left = (await Array.fromAsync(Deno.readDir(folder.path))).map(({ name }) => name).sort();
  assert.deepEqual(left, ["audit.key", "audit.pub", "lock"]);
});

Deno.test("opened by several at once for the first time it is one key, made by one of them", async () => {
  await using folder = await testFolder();
  const all = await Promise.all(Array.from({ length: 6 }, () => openSigningKey(folder.path)));
  assert.equal(all.filter(({ made }) => made).length, 1);
  assert.deepEqual([...new Set(all.map(({ signer }) => signer.key_id))], [all[0].signer.key_id]);
  assert.deepEqual(all.map(({ keys }) => keys.size), all.map(() => 1));
});

Deno.test("every member of a statement is signed", async () => {
  await using folder = await testFolder();
  const { signer, keys } = await openSigningKey(folder.path);
  const signed = signStatement(signer, statement);
  const changes = [
    { kind: "retention" as const },
    { seq: 8 },
    { hash: "cd".repeat(32) },
    { at: "2026-11-20T10:00:00.001Z" },
    { signature: "" },
    { signature: "!" },
    { signature: btoa("x".repeat(64)) },
  ];
  for (const change of changes) assert.equal(judgeStatement(keys, { ...signed, ...change }), "forged");
  assert.equal(judgeStatement(keys, { ...signed, key_id: "0".repeat(16) }), "unknown_key");
});

Deno.test("after the key was lost a new one is made, and what the old one signed goes on to count", async () => {
  await using folder = await testFolder();
  const old = await openSigningKey(folder.path);
  const signed = signStatement(old.signer, statement);
  await Deno.remove(`${folder.path}/audit.key`);
  const fresh = await openSigningKey(folder.path);
  assert.equal(fresh.made, true);
  assert.notEqual(fresh.signer.key_id, old.signer.key_id);
  assert.equal(judgeStatement(fresh.keys, signed), "ours");
  assert.equal(readPublicKeys(await Deno.readTextFile(`${folder.path}/audit.pub`)).size, 2);
});

Deno.test("a key that others can read, or that is none, stops the start with words and without the key", async () => {
  await using folder = await testFolder();
  await openSigningKey(folder.path);
  const path = `${folder.path}/audit.key`;
  await Deno.chmod(path, 0o644);
  await assert.rejects(() => openSigningKey(folder.path), /can be used by other users/);
  await Deno.chmod(path, 0o600);
  const rsa = "-----BEGIN PRIVATE KEY-----\ngeheim\n-----END PRIVATE KEY-----\n";
  await Deno.writeTextFile(path, rsa);
  await assert.rejects(() => openSigningKey(folder.path), (error: Error) => {
    assert.match(error.message, /is not an Ed25519 key in PKCS #8 form/);
    assert.ok(!`${error.stack}${error.cause}`.includes("geheim"));
    return true;
  });
  await assert.rejects(() => openSigningKey(`${folder.path}/nowhere`), /cannot be opened/);
  assert.equal(readPublicKeys("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----").size, 0);
});
