import assert from "node:assert/strict";
import { judgeVirtualization, type MachineHints, readInitSystem, readVirtualization } from "./host_machine.ts";
import { readProgram } from "./read_program.ts";

const none: MachineHints = { container: null, vendor: null, product: null, hypervisor: null };
const cases: [hints: Partial<MachineHints>, expected: string | null][] = [
  [{}, null],
  [{ vendor: "Dell Inc.", product: "PowerEdge R640" }, null],
  [{ container: "lxc", vendor: "QEMU" }, "lxc"],
  [{ container: "Some Thing" }, "container-other"],
  [{ hypervisor: "xen" }, "xen"],
  [{ hypervisor: "other" }, "vm-other"],
  [{ vendor: "QEMU", product: "Standard PC (Q35 + ICH9, 2009)" }, "qemu"],
  [{ vendor: "Red Hat", product: "KVM" }, "kvm"],
  [{ vendor: "Amazon EC2", product: "m5.large" }, "amazon"],
  [{ vendor: "Google", product: "Google Compute Engine" }, "google"],
  [{ vendor: "VMware, Inc.", product: "VMware Virtual Platform" }, "vmware"],
  [{ vendor: "innotek GmbH", product: "VirtualBox" }, "oracle"],
  [{ vendor: "Microsoft Corporation", product: "Virtual Machine" }, "microsoft"],
  [{ vendor: "Microsoft Corporation", product: "Surface Pro" }, null],
];
for (const [hints, expected] of cases) {
  Deno.test(`machine: ${JSON.stringify(hints)} is ${expected ?? "not known"}`, () => {
    assert.equal(judgeVirtualization({ ...none, ...hints }), expected);
  });
}

Deno.test("machine: init system and virtualization of this machine are words of a list; below a root there are none", async () => {
  assert.ok(["systemd", "openrc", "sysv", "none"].includes(await readInitSystem(null)));
  const found = await readVirtualization(null);
  assert.ok(found === null || /^[a-z0-9-]+$/.test(found), String(found));
  assert.deepEqual([await readInitSystem("/var/tmp"), await readVirtualization("/var/tmp")], ["none", null]);
});

Deno.test("a program that is missing, or does not answer, is null; its failure is an answer", async () => {
  assert.equal(await readProgram("/usr/bin/there-is-no-such-program", []), null);
  assert.equal(await readProgram("/usr/bin/sleep", ["30"], 50), null);
  assert.equal((await readProgram("/usr/bin/cat", ["/there/is/no/such/file"]))!.code, 1);
  const own = await readProgram("/usr/bin/env", []);
  assert.deepEqual(own!.stdout.trim().split("\n").map((line) => line.split("=")[0]).toSorted(), ["LC_ALL", "PATH"]);
});
