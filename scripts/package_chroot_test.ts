import assert from "node:assert/strict";
import { connectExecutor } from "../agent/executor_client.ts";
import { boundingSet, readUnitFile, values } from "../packaging/unit_fixture_test.ts";
import { type Chroot, chrootTest } from "../testing/chroot.ts";
import { testFolder } from "../testing/test_folder.ts";
import { waitFor } from "../testing/wait_for.ts";
import { base, footprint, makePackages, succeed, traces } from "./package_chroot_fixture_test.ts";

const state = "/var/lib/patch-agent";
const units = ["patch-agent", "patch-executor"];

/** Mode, owner and group as the system itself names them. */
const modes = (chroot: Chroot, ...paths: string[]) => succeed(chroot, "/usr/bin/stat", "-c", "%a %U:%G %n", ...paths);

const places = [
  "2750 root:patch-agent /run/patch-agent",
  `700 patch-agent:patch-agent ${state}`,
  "700 root:root /var/lib/patch-executor",
  "644 root:root /etc/patch-agent/agent.env",
  "644 root:root /etc/patch-agent/exclude",
  "755 root:root /usr/bin/patch-agent",
];

const enabled = (chroot: Chroot, unit: string) =>
  Deno.lstat(`${chroot.folder}/etc/systemd/system/multi-user.target.wants/${unit}.service`).then(
    () => true,
    () => false,
  );

/** What has to hold once the package is installed, with and without systemd. */
async function checkInstalled(chroot: Chroot): Promise<void> {
  assert.deepEqual((await modes(chroot, ...places.map((line) => line.split(" ")[2]))).split("\n"), places);
  const [, , , , , home, shell] = (await succeed(chroot, "/usr/bin/getent", "passwd", "patch-agent")).split(":");
  assert.deepEqual([home, shell], [state, "/usr/sbin/nologin"]);
  for (const unit of units) assert.ok(await enabled(chroot, unit), `${unit} starts with the machine`);
  assert.equal(await succeed(chroot, "/usr/bin/dpkg", "--verify", "patch-agent"), "");
  assert.equal(await succeed(chroot, "/usr/bin/dpkg", "--audit"), "");
  const said = await succeed(chroot, "/usr/sbin/runuser", "-u", "patch-agent", "--", "/usr/bin/patch-agent", "version");
  assert.match(said, /^patch-agent \d+\.\d+\.\d+$/);
}

/** Connects to the socket as a user of the chroot; perl-base is on every Debian. */
const connectAs = (chroot: Chroot, user: string) =>
  chroot.run("/usr/sbin/runuser", [
    ...["-u", user, "--", "/usr/bin/perl", "-MIO::Socket::UNIX", "-e"],
    `exit(IO::Socket::UNIX->new(Peer => "/run/patch-agent/executor.sock") ? 0 : 1)`,
  ]);

const carries = base === undefined ? " (with a script in place of the executable: DENORT_BIN names no base)" : "";

chrootTest(
  `the agent's package comes, changes and goes without a trace${carries}`,
  "bookworm",
  async (chroot, test) => {
    await using folder = await testFolder();
    const [first, second] = await makePackages(folder.path);
    for (const [i, path] of [first, second].entries()) await Deno.copyFile(path, `${chroot.folder}/opt/${i}.deb`);
    const dpkg = (...args: string[]) => succeed(chroot, "/usr/bin/dpkg", "--force-confold", ...args);
    const before = await footprint(chroot);
    const nothing = { more: [], less: [], users: false };

    await test.step("installed where there is no systemd", async () => {
      assert.match(await dpkg("-i", "/opt/0.deb"), /not enrolled yet/);
      await checkInstalled(chroot);
      await dpkg("-i", "/opt/0.deb");
      await checkInstalled(chroot);
    });

    await test.step("needrestart reads its exception", async () => {
      const { stdout, stderr } = await chroot.run("/usr/sbin/needrestart", ["-b", "-v", "-r", "l"]);
      assert.match(stdout + stderr, /50-patch-agent\.conf/);
      assert.doesNotMatch(stdout + stderr, /error parsing/i);
    });

    await test.step({
      name: "the root side answers root and the network side, nobody else",
      ignore: base === undefined,
      async fn() {
        const [program, ...args] = values(readUnitFile("patch-executor.service"), "ExecStart")[0].split(" ");
        const set = `--bounding-set=${boundingSet(readUnitFile("patch-executor.service"))}`;
        const child = chroot.spawn("/usr/bin/setpriv", ["--no-new-privs", set, program, ...args], { stdout: "null" });
        const operations = connectExecutor(`${chroot.folder}/run/patch-agent/executor.sock`, { retry_ms: 50 });
        try {
          await waitFor("the installed executor", () => operations.health(), { deadline_ms: 60_000 });
          assert.equal(
            await modes(chroot, "/run/patch-agent/executor.sock"),
            "660 root:patch-agent /run/patch-agent/executor.sock",
          );
          assert.equal((await connectAs(chroot, "patch-agent")).code, 0);
          assert.equal((await connectAs(chroot, "nobody")).code, 1);
        } finally {
          await operations.close();
          await chroot.cutPower();
          await child.status;
        }
      },
    });

    await test.step("an upgrade keeps what the administrator and the enrolment wrote", async () => {
      await Deno.writeTextFile(`${chroot.folder}/etc/patch-agent/exclude`, "mysql-server*\n");
      await Deno.writeTextFile(`${chroot.folder}${state}/enrolment.json`, "{}");
      await Deno.remove(`${chroot.folder}/etc/systemd/system/multi-user.target.wants/patch-agent.service`);
      const words = await dpkg("-i", "/opt/1.deb");
      assert.doesNotMatch(words, /not enrolled/);
      assert.equal(await Deno.readTextFile(`${chroot.folder}/etc/patch-agent/exclude`), "mysql-server*\n");
      assert.equal(await Deno.readTextFile(`${chroot.folder}${state}/enrolment.json`), "{}");
      assert.equal(await enabled(chroot, "patch-agent"), false, "what was switched off stays off");
      assert.match(await succeed(chroot, "/usr/bin/dpkg-query", "-W", "patch-agent"), /0\.0\.2$/);
    });

    await test.step("removed, it keeps the identity; purged, it says so and leaves nothing", async () => {
      await dpkg("-r", "patch-agent");
      assert.equal(await Deno.readTextFile(`${chroot.folder}${state}/enrolment.json`), "{}");
      await assert.rejects(Deno.stat(`${chroot.folder}/usr/bin/patch-agent`), Deno.errors.NotFound);
      assert.match(await dpkg("-P", "patch-agent"), /removing the key, the certificate, the job history/);
      assert.deepEqual(traces(before, await footprint(chroot)), nothing);
    });

    await test.step("installed where systemd is: its own tools make user and folders, and find the units in order", async () => {
      await succeed(chroot, "/usr/bin/apt-get", "-y", "-q", "--no-install-recommends", "install", "systemd");
      const machine = await footprint(chroot);
      await dpkg("-i", "/opt/1.deb");
      await checkInstalled(chroot);
      const files = units.map((unit) => `/usr/lib/systemd/system/${unit}.service`);
      const verified = await chroot.run("/usr/bin/systemd-analyze", ["verify", "--man=no", ...files]);
      assert.deepEqual(verified, { code: 0, stdout: "", stderr: "" });
      await dpkg("-P", "patch-agent");
      assert.deepEqual(traces(machine, await footprint(chroot)), nothing);
    });
  },
);
