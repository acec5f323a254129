import assert from "node:assert/strict";
import { publish } from "../../demo/sandbox.ts";
import { type Bed, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import type { HostJob } from "../host_operations.ts";
import { openExecutor, order, runToEnd } from "./executor_fixture_test.ts";

/** What an administrator may have written into apt's configuration, and what an order for `packages` comes to. */
interface OddHost {
  what: string;
  configuration?: string;
  prepare?: (bed: Bed) => Promise<unknown>;
  packages: string[] | null;
  ends: [HostJob["status"], HostJob["error_code"]];
  says: RegExp;
  installed?: Record<string, string>;
}

const newer = "7.88.1-11";
const older = "7.88.1-10";
const newCurlew = { name: "curlew", version: "9.0-1", suite: "lab-updates", description: "newer" } as const;

const hosts: OddHost[] = [
  {
    what: "apt may remove what nobody needs: not in our transactions",
    configuration: `APT::Get::AutomaticRemove "true";\nAPT::Get::Purge "true";\n`,
    prepare: (bed) => bed.run("/usr/bin/apt-mark", ["auto", "plover-icons"]),
    packages: ["curlew", "lumen-utils"],
    ends: ["completed", null],
    says: /^2 packages at the wanted version\.$/,
    installed: { curlew: newer, "plover-icons": "5.0-1" },
  },
  {
    what: "apt is told to force everything: a hold counts all the same",
    configuration: `APT::Get::AllowUnauthenticated "true";\nAPT::Get::allow-downgrades "true";\n` +
      `APT::Get::allow-change-held-packages "true";\nAPT::Get::allow-remove-essential "true";\n`,
    packages: ["magpie-server"],
    ends: ["failed", "DEPENDENCY_CONFLICT"],
    says: /On hold on this host/,
    installed: { "magpie-server": "3.1.2-1" },
  },
  {
    what: "dpkg is told to take new configuration files and to ask: what was changed by hand stays",
    configuration: `DPkg::Options { "--force-confnew"; "--force-confask"; };\n`,
    packages: ["corvid-httpd"],
    ends: ["completed", null],
    says: /^1 package at/,
  },
  {
    what: "colours, versions and the solver's thoughts in the output",
    configuration: `APT::Get::Show-Versions "true";\nAPT::Color "1";\nDebug::pkgProblemResolver "true";\nquiet "2";\n`,
    packages: ["curlew"],
    ends: ["completed", null],
    says: /^1 package at/,
    installed: { curlew: newer },
  },
  {
    what: "apt only downloads, or only simulates: said, and no success",
    configuration: `APT::Get::Download-Only "true";\n`,
    packages: ["curlew"],
    ends: ["failed", "PKG_MANAGER_ERROR"],
    says: /Nothing was changed\. apt ended as if all were well.*Download-Only/,
    installed: { curlew: older },
  },
  {
    what: "a hook before dpkg fails",
    configuration: `DPkg::Pre-Invoke { "echo no room for a snapshot >&2; exit 3"; };\n`,
    packages: ["curlew"],
    ends: ["failed", "PKG_MANAGER_ERROR"],
    says: /Nothing was changed\. A hook of this host's apt configuration failed \(DPkg::Pre-Invoke: echo no room/,
    installed: { curlew: older },
  },
  {
    what: "a hook such as apt-listbugs refuses the packages",
    configuration: `DPkg::Pre-Install-Pkgs { "cat >/dev/null; exit 10"; };\n`,
    packages: ["curlew"],
    ends: ["failed", "PKG_MANAGER_ERROR"],
    says: /Nothing was changed\. A hook .* refused the change \(DPkg::Pre-Install-Pkgs: cat/,
    installed: { curlew: older },
  },
  {
    what: "a hook after dpkg fails: done is done, and the hook is told",
    configuration: `DPkg::Post-Invoke { "echo cannot commit >&2; exit 1"; };\n`,
    packages: ["curlew"],
    ends: ["completed", null],
    says: /^1 package at the wanted version\. apt ended with 100 all the same: A hook .*DPkg::Post-Invoke: echo cannot/,
    installed: { curlew: newer },
  },
  {
    what: "a hook after a refresh fails: the index is there",
    configuration: `APT::Update::Post-Invoke-Success { "exit 1"; };\n`,
    packages: ["curlew"],
    ends: ["completed", null],
    says: /The index was fetched, but a hook .* failed afterwards \(APT::Update::Post-Invoke-Success: exit 1\)/,
    installed: { curlew: newer },
  },
  {
    what: "apt's record of automatic marks is damaged",
    prepare: (bed) =>
      Deno.writeTextFile(`${bed.root}/var/lib/apt/extended_states`, "garbage\u0000 no colon\n\nPackage\n"),
    packages: ["curlew"],
    ends: ["failed", "PKG_MANAGER_ERROR"],
    says: /record of what was installed automatically \(\S+extended_states\) is damaged/,
    installed: { curlew: older },
  },
  {
    what: "a foreign architecture without packages",
    prepare: async (bed) => {
      const native = (await Deno.readTextFile(`${bed.root}/var/lib/dpkg/arch`)).trim();
      await Deno.writeTextFile(`${bed.root}/var/lib/dpkg/arch`, `${native}\nhurd-i386\n`);
      const list = `#clear APT::Architectures;\nAPT::Architectures { "${native}"; "hurd-i386"; };\n`;
      await Deno.writeTextFile(`${bed.root}/etc/apt/apt.conf.d/98foreign`, list);
    },
    packages: ["curlew"],
    ends: ["completed", null],
    says: /^1 package at/,
    installed: { curlew: newer },
  },
  {
    what: "a script writes 3 MB of noise, NUL and broken letters, and its last words are kept",
    prepare: (bed) =>
      publish(bed.repository, {
        ...newCurlew,
        postinst: `printf 'a\\000b\\033[2J\\377\\n' >&2\nhead -c 3000000 /dev/zero | tr '\\0' 'x'\n` +
          `printf '\\nlast\\033]0;title\\007 words\\n' >&2\nexit 7\n`,
      }),
    packages: ["curlew"],
    ends: ["failed", "PKG_MANAGER_ERROR"],
    says: /exit status 7/,
  },
  {
    what: "a script asks on a terminal, on its input and through debconf's door: nobody answers, nothing hangs",
    prepare: (bed) =>
      publish(bed.repository, {
        ...newCurlew,
        postinst: `read answer </dev/tty && exit 1\nread answer && exit 1\n` +
          `[ "$DEBIAN_FRONTEND" = noninteractive ] || exit 1\nexit 0\n`,
      }),
    packages: ["curlew"],
    ends: ["completed", null],
    says: /^1 package at/,
    installed: { curlew: "9.0-1" },
  },
];

for (const { what, configuration, prepare, packages, ends, says, installed } of hosts) {
  sandboxTest(`an odd host: ${what}`, async (bed) => {
    if (configuration) await Deno.writeTextFile(`${bed.root}/etc/apt/apt.conf.d/99odd`, configuration);
    await prepare?.(bed);
    const executor = openExecutor(bed);
    const job = await runToEnd(executor, order("odd", { packages }));
    assert.deepEqual([job.status, job.error_code], ends, job.message);
    assert.match(job.message, says);
    for (const [name, version] of Object.entries(installed ?? {})) assert.equal(await bed.version(name), version, name);
    if (packages?.includes("corvid-httpd")) {
      assert.match(await Deno.readTextFile(`${bed.root}/etc/corvid/httpd.conf`), /raised by hand/);
      assert.deepEqual(job.conffiles_kept, ["/etc/corvid/httpd.conf"]);
    }
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(JSON.stringify(job), /\\u00(?:0[0-8bcef]|1)|[\u0000-\u001f\u007f-\u009f]/);
    if (/noise/.test(what)) assert.match(job.failed_packages[0].output!, /x\nlast\ufffd\]0;title\ufffd words$/);
    await executor.close();
  });
}

sandboxTest("what changes on the host while old packages are saved stops the job before it starts", async (bed) => {
  const apt = bed.apt;
  // The genuine thing, and somebody at the host who is quick.
  const save: typeof apt.rollback.save = async (...args) => {
    const saved = await apt.rollback.save(...args);
    await publish(bed.repository, newCurlew);
    assert.equal((await bed.run("/usr/bin/apt-get", ["-q", "update"])).code, 0);
    return saved;
  };
  const executor = openExecutor({ ...bed, apt: { ...apt, rollback: { ...apt.rollback, save } } });
  const job = await runToEnd(executor, order("late", { packages: ["curlew"] }));
  assert.deepEqual([job.status, job.error_code], ["failed", "DEPENDENCY_CONFLICT"]);
  assert.match(job.message, /^Nothing was changed\. This host changed while the job was prepared/);
  assert.deepEqual([await bed.version("curlew"), await apt.transactionsOf("late")], [older, 0]);
  assert.deepEqual([job.rollback.possible, job.rollback.reason], [false, "Nothing was changed."]);
  await executor.close();
});
