import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { hashMachineId, parseOsRelease, readMachine } from "./enrol_machine.ts";

Deno.test("the machine id never goes out as it is", async (t) => {
  const id = "0123456789abcdef0123456789abcdef";
  const hash = hashMachineId(`${id}\n`);
  assert.equal(hash, hashMachineId(id));
  assert.equal(hash.length, 64);
  assert.notEqual(hash, createHash("sha256").update(id).digest("hex"), "nobody else's hash of it");
  const root = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "machine-" });
  await Deno.mkdir(`${root}/etc`);
  await t.step("read from a root", async () => {
    await Deno.writeTextFile(`${root}/etc/machine-id`, `${id}\n`);
    await Deno.writeTextFile(`${root}/etc/os-release`, 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n# x\n');
    const facts = await readMachine(root);
    assert.equal(facts.machine_id_hash, hash);
    assert.deepEqual(facts.os_details, {
      distro: "Debian GNU/Linux",
      version: "12",
      id: "debian",
      architecture: Deno.build.arch,
    });
  });
  await t.step("missing or empty", async () => {
    await Deno.writeTextFile(`${root}/etc/machine-id`, "uninitialized\n");
    await assert.rejects(readMachine(root), /systemd-machine-id-setup/);
    await Deno.remove(`${root}/etc/machine-id`);
    await assert.rejects(readMachine(root), /systemd-machine-id-setup/);
  });
  await Deno.remove(root, { recursive: true });
  assert.deepEqual(parseOsRelease(`A='x'\nB="y \\"z\\""\nc=1\nD=`), { A: "x", B: 'y "z"', D: "" });
});
