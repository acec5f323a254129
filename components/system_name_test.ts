import assert from "node:assert/strict";
import { systemName } from "./system_name.ts";

for (
  const [name, version, expected] of [
    ["Debian GNU/Linux", "12", "Debian 12"],
    ["Ubuntu", "24.04.3 LTS", "Ubuntu 24.04.3 LTS"],
    ["Red Hat Enterprise Linux", "9.6", "RHEL 9.6"],
    ["Red Hat Enterprise Linux Server", "7.9", "RHEL 7.9"],
    ["SUSE Linux Enterprise Server", "15.7", "SLES 15.7"],
    ["My Red Hat Enterprise Linux", "1", "My Red Hat Enterprise Linux 1"],
    ["Arch Linux", null, "Arch Linux"],
    ["", "12", ""],
    [null, null, ""],
  ] as const
) {
  Deno.test(`${name} ${version} is shown as "${expected}"`, () => assert.equal(systemName(name, version), expected));
}
