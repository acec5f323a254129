import assert from "node:assert/strict";
import { applyArguments, type Target } from "../agent/backends/apt/arguments.ts";
import { aptCall, programs } from "../agent/backends/apt/command.ts";
import { boundingSet, readUnitFile } from "../packaging/unit_fixture_test.ts";
import { type Chroot, chrootTest } from "../testing/chroot.ts";
import { succeed } from "./package_chroot_fixture_test.ts";

/** The set as the unit has it, read out of the unit. */
const set = boundingSet(readUnitFile("patch-executor.service"));

/** Runs a program in the chroot as the unit would run it; nothing of this test's own environment comes along. */
function under(chroot: Chroot, bounding: string, program: string, args: string[], env: Record<string, string> = {}) {
  return chroot.run("/usr/bin/setpriv", ["--no-new-privs", `--bounding-set=${bounding}`, program, ...args], { env });
}

/** `Inst` lines of apt-get's own simulation of a dist-upgrade, as targets. */
async function pending(chroot: Chroot): Promise<Target[]> {
  const native = await succeed(chroot, "/usr/bin/dpkg", "--print-architecture");
  const words = await succeed(chroot, "/usr/bin/apt-get", "-s", "-q=2", "dist-upgrade");
  assert.doesNotMatch(words, /^Remv /m, "apt would remove something today, and the executor never does");
  return words.split("\n").flatMap((line) => {
    const match = /^Inst (\S+?)(?::\S+)? \[\S+\] \((\S+) .*\[(\S+)\]\)/.exec(line);
    // Always the native architecture: `all` is what the package says, not how apt is asked for it.
    return match ? [{ name: match[1], version: match[2], arch: match[3] === "all" ? native : match[3] }] : [];
  });
}

/** What the set has to allow and to refuse: calls that root without a set can all make, and that harm nothing. */
const attempts: [what: string, program: string, args: string[], allowed: boolean][] = [
  ["another user's file", "/usr/bin/chown", ["nobody:nogroup", "/var/tmp"], true],
  ["another user", "/bin/su", ["-s", "/bin/sh", "-c", "id -u", "nobody"], true],
  ["runuser", "/usr/sbin/runuser", ["-u", "nobody", "--", "/usr/bin/id"], true],
  ["a device node", "/bin/sh", ["-c", "rm -f /var/tmp/null && mknod /var/tmp/null c 1 3"], true],
  ["a changed root", "/usr/sbin/chroot", ["/", "/usr/bin/true"], true],
  ["what a process with all rights runs", "/usr/bin/readlink", ["/proc/1/exe"], true],
  ["mounts of its own", "/usr/bin/unshare", ["--mount", "--propagation", "unchanged", "/usr/bin/true"], false],
  ["a network of its own", "/usr/bin/unshare", ["--net", "/usr/bin/true"], false],
  ["a host name of its own", "/usr/bin/unshare", ["--uts", "/usr/bin/true"], false],
  ["raw packets", "/usr/bin/perl", ["-e", "exit !socket(my $s, 2, 3, 1)"], false],
];

chrootTest("a dist-upgrade passes under the executor's capability set", "bookworm", async (chroot, test) => {
  await test.step("the set is in force: what packages need goes, what only an attacker needs does not", async () => {
    const status =
      (await under(chroot, set, "/usr/bin/grep", ["-E", "^(CapBnd|NoNewPrivs)", "/proc/self/status"])).stdout;
    assert.match(status, /NoNewPrivs:\s1/);
    const bits = BigInt(`0x${/CapBnd:\s(\w+)/.exec(status)![1]}`).toString(2).replaceAll("0", "").length;
    assert.equal(bits, set.split(",").length - 1, status);
    for (const [what, program, args, allowed] of attempts) {
      const { code, stderr } = await under(chroot, set, program, args);
      assert.equal(code === 0, allowed, `${what}: ${stderr}`);
      assert.equal((await chroot.run(program, args)).code, 0, `${what}: it is the set that refuses`);
    }
  });

  await test.step("everything that is pending is installed by the executor's own call", async () => {
    const targets = await pending(chroot);
    assert.ok(targets.length > 0, "nothing is pending in bookworm today: this test shows nothing");
    const call = aptCall(null, programs.apt_get, applyArguments(crypto.randomUUID(), targets, 120));
    // The executor gives apt a file as descriptor 3; a shell does here.
    const shell = ["-c", 'exec "$@" 3>/var/tmp/status', "apply", call.program, ...call.args];
    const { code, stdout, stderr } = await under(chroot, set, "/bin/sh", shell, call.env);
    assert.equal(code, 0, stderr + stdout);
    const versions = await chroot.versions();
    for (const { name, arch, version } of targets) {
      assert.equal(versions.get(`${name}:${arch}`) ?? versions.get(`${name}:all`), version, name);
    }
    assert.deepEqual(await pending(chroot), []);
    assert.equal(await succeed(chroot, "/usr/bin/dpkg", "--audit"), "");
    assert.match(await Deno.readTextFile(`${chroot.folder}/var/tmp/status`), /^pmstatus:/m);
  });

  await test.step("packages whose scripts ask for more: users, set-group-id files, files with capabilities", async () => {
    const names = ["openssh-server", "dbus", "iputils-ping", "cron"];
    const args = ["-y", "-q", "--no-install-recommends", "install", ...names];
    const { code, stdout, stderr } = await under(chroot, set, programs.apt_get, args, aptCall(null, "", []).env);
    assert.equal(code, 0, stderr + stdout);
    assert.equal(await succeed(chroot, "/usr/bin/dpkg", "--audit"), "");
    assert.match(await succeed(chroot, "/usr/bin/getent", "passwd", "sshd"), /^sshd:/);
    assert.match(await succeed(chroot, "/usr/bin/stat", "-c", "%A %G", "/usr/bin/crontab"), /^-rwxr-sr-x crontab$/);
    assert.match(await succeed(chroot, "/usr/sbin/getcap", "/usr/bin/ping"), /cap_net_raw/);
  });

  await test.step("needrestart sees what runs with the set, and nothing without the right to look", async () => {
    const look = async (bounding: string) =>
      (await under(chroot, bounding, "/usr/bin/readlink", ["/proc/1/exe"])).stdout.trim();
    assert.match(await look(set), /^\//);
    assert.equal(await look(set.replace(",+sys_ptrace", "")), "");
  });

  await test.step("without the rights to files no package goes in: the set is looked at", async () => {
    const args = ["-y", "-q", "--reinstall", "install", "cron"];
    const { code } = await under(chroot, "-all,+setuid,+setgid", programs.apt_get, args, aptCall(null, "", []).env);
    assert.notEqual(code, 0);
  });
});
