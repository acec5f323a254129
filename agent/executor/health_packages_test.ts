import assert from "node:assert/strict";
import { waitFor } from "../../testing/wait_for.ts";
import { exclude } from "../backends/apt/listing_fixture_test.ts";
import { type Bed, isThere, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { openExecutor, order, runToEnd } from "./executor_fixture_test.ts";

/** `/usr/bin/dpkg` on the bed, told everything that apt would tell it. */
async function dpkg(bed: Bed, ...args: string[]): Promise<number> {
  const options = [
    `--root=${bed.root}`,
    "--force-not-root",
    "--force-script-chrootless",
    `--log=${bed.folder}/dpkg.log`,
  ];
  return (await bed.run("/usr/bin/dpkg", [...options, ...args])).code;
}

async function archive(bed: Bed, name: string, version: string): Promise<string> {
  const entry = bed.repository.entries.find((item) => item.filename.includes(`/${name}_${version}`));
  assert.ok(entry, `${name} ${version} is in the repository`);
  return await Promise.resolve(`${bed.repository.folder}/${entry.filename}`);
}

/** What an operator and a program see of the packages' state, in all three places. */
async function seen(bed: Bed) {
  const executor = openExecutor(bed);
  try {
    const health = await executor.health();
    const list = await executor.patches({});
    const ill = health.problems!.filter((words) => !words.startsWith("Another package manager"));
    return {
      status: health.status,
      check: health.checks!.package_manager,
      list: list.state,
      problems: health.problems!,
      ill,
    };
  } finally {
    await executor.close();
  }
}

sandboxTest("health: nothing is wrong with a new host", async (bed) => {
  const { status, check, list, problems } = await seen(bed);
  assert.deepEqual({ status, check, list, problems }, { status: "healthy", check: "ok", list: "ok", problems: [] });
});

sandboxTest("health: a lock that apt holds is named with program and number, and is no illness", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const other = bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "heron-database"]);
  await waitFor("the other apt-get", () => isThere(`${bed.root}/gate.waiting`));
  const during = await seen(bed);
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  assert.equal((await other).code, 0);
  assert.deepEqual([during.status, during.check, during.list, during.ill], ["healthy", "locked", "locked", []]);
  assert.match(during.problems[0], /apt-get, process \d+, holds dpkg's lock\. Nothing is wrong; wait/);
  assert.deepEqual((await seen(bed)).problems, [], "and it is over when it has ended");
});

/** `struct flock` of 64-bit Linux; perl is part of every Debian, python is not. */
const holdLock = `use Fcntl; open(my $f, "+<", $ARGV[0]) or die; my $l = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0);
fcntl($f, F_SETLK, $l) or die; print "held\\n"; $| = 1; <STDIN>;`;
for (
  const [program, words] of [
    ["unattended-upgr", /unattended-upgrades \(automatic updates\), process \d+,/],
    ["packagekitd", /packagekitd \(the desktop's software centre\), process \d+,/],
    ["nobody-knows-it", /nobody-knows-it, process \d+,/],
  ] as const
) {
  sandboxTest(`health: the lock of ${program} is told in plain words`, async (bed) => {
    const path = `${bed.folder}/${program}`;
    await Deno.copyFile("/usr/bin/perl", path);
    await Deno.chmod(path, 0o755);
    const holder = new Deno.Command(path, {
      args: ["-e", "$| = 1;" + holdLock, `${bed.root}/var/lib/dpkg/lock-frontend`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = holder.stdout.getReader();
    try {
      assert.equal(new TextDecoder().decode((await output.read()).value), "held\n");
      const { status, check, problems } = await seen(bed);
      assert.deepEqual([status, check], ["healthy", "locked"]);
      assert.match(problems[0], words);
    } finally {
      await holder.stdin.close();
      await output.cancel();
      await holder.status;
    }
    assert.equal((await seen(bed)).check, "ok");
  });
}

sandboxTest("health: dpkg's journal means an interruption, until a repair", async (bed) => {
  // What dpkg leaves when it is killed between two packages: the new state of one of them.
  const entry = (await bed.run("/usr/bin/dpkg", [`--admindir=${bed.root}/var/lib/dpkg`, "--status", "curlew"])).stdout;
  await Deno.writeTextFile(`${bed.root}/var/lib/dpkg/updates/0001`, entry);
  const ill = await seen(bed);
  assert.deepEqual([ill.status, ill.check, ill.list], ["degraded", "interrupted", "interrupted"]);
  assert.match(
    ill.problems[0],
    /interrupted in the middle of a change\. Start a repair from the manager, or run `dpkg --/,
  );
  assert.equal(await dpkg(bed, "--configure", "-a"), 0);
  assert.equal((await seen(bed)).check, "ok");
});

sandboxTest("health: a package whose script failed is named as half-way; its repair shows at once", async (bed) => {
  assert.notEqual((await bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "osprey-agent"])).code, 0);
  const executor = openExecutor(bed);
  const ill = await executor.health();
  assert.deepEqual([ill.status, ill.checks?.package_manager], ["degraded", "broken"]);
  assert.match(ill.problems![0], /failed half-way: osprey-agent\. Start a repair from the manager/);
  await bed.settings({ OSPREY_REPAIRED: 1 });
  assert.equal(await dpkg(bed, "--configure", "-a"), 0);
  assert.deepEqual((await executor.health()).problems, [], "the same executor, without waiting");
  await executor.close();
});

sandboxTest("health: unpacked packages are named, half-way ones too", async (bed) => {
  assert.notEqual((await bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "osprey-agent"])).code, 0);
  assert.equal(await dpkg(bed, "--unpack", await archive(bed, "curlew", "7.88.1-11")), 0);
  const { check, list, problems } = await seen(bed);
  assert.deepEqual([check, list], ["interrupted", "interrupted"]);
  assert.match(problems[0], /unpacked, not configured: curlew; failed half-way: osprey-agent/);
});

sandboxTest("health: packages that must be installed again and half-installed ones are told apart", async (bed) => {
  const status = `${bed.root}/var/lib/dpkg/status`;
  const text = await Deno.readTextFile(status);
  const change = async (name: string, state: string) =>
    await Deno.writeTextFile(
      status,
      (await Deno.readTextFile(status)).replace(
        new RegExp(`(Package: ${name}\nStatus: )install ok installed`),
        `$1install ${state}`,
      ),
    );
  await change("curlew", "reinstreq half-installed");
  const mess = await seen(bed);
  assert.equal(mess.check, "interrupted");
  assert.match(mess.problems[0], /to be installed again.*: curlew.*--reinstall/);
  await Deno.writeTextFile(status, text);
  await change("lumen-utils", "ok half-installed");
  assert.match((await seen(bed)).problems[0], /half installed: lumen-utils/);
  await Deno.writeTextFile(status, text);
  assert.equal((await seen(bed)).check, "ok");
});

sandboxTest("health: broken dependencies are named; the cached answer does not outlive them", async (bed) => {
  const executor = openExecutor(bed);
  assert.equal((await executor.health()).checks?.package_manager, "ok");
  assert.equal(await dpkg(bed, "--force-depends", "--remove", "libtessera3"), 0);
  const ill = await executor.health();
  assert.deepEqual([ill.status, ill.checks?.package_manager], ["degraded", "broken"]);
  assert.match(
    ill.problems![0],
    /miss what they need: tessera-tools depends on libtessera3.*not installed.*--fix-broken/,
  );
  assert.equal((await executor.patches({})).state, "broken");
  assert.equal(await dpkg(bed, "--install", await archive(bed, "libtessera3", "3.0.11-1_")), 0);
  assert.deepEqual((await executor.health()).problems, []);
  await executor.close();
});

sandboxTest("health: missing checksums of a package stop nothing and are no illness", async (bed) => {
  const info = `${bed.root}/var/lib/dpkg/info`;
  for (const name of ["curlew", "lumen-utils"]) await Deno.remove(`${info}/${name}.md5sums`);
  const audit = await bed.run("/usr/bin/dpkg", [`--admindir=${bed.root}/var/lib/dpkg`, "--audit"]);
  assert.match(audit.stdout, /missing the md5sums control file/, "dpkg does complain");
  const { status, check } = await seen(bed);
  assert.deepEqual([status, check], ["healthy", "ok"]);
});

sandboxTest("health: a database that dpkg cannot read is broken, not empty", async (bed) => {
  await Deno.writeTextFile(`${bed.root}/var/lib/dpkg/status`, "Package curlew without a colon\n");
  const executor = openExecutor(bed);
  const health = await executor.health();
  assert.deepEqual([health.status, health.checks?.package_manager], ["degraded", "broken"]);
  assert.match(health.problems![0], /dpkg cannot read its database/);
  await executor.close();
});

sandboxTest(
  "health: a list of excluded packages that nobody understands stops every update, and says so",
  async (bed) => {
    const executor = openExecutor(bed);
    await exclude(bed, "# kernels by hand\nlinux-image-*\n");
    assert.deepEqual((await executor.health()).problems, [], "a list that is clear is no problem");
    await exclude(bed, "curlew\nnginx apache2\n");
    const ill = await executor.health();
    assert.deepEqual([ill.status, ill.checks?.package_manager], ["degraded", "ok"]);
    assert.match(
      ill.problems![0],
      /^\/etc\/patch-agent\/exclude is not clear: line 2, "nginx apache2" is neither .*\. Nothing is installed until it is/,
    );
    const list = await executor.patches({});
    assert.deepEqual([list.state, list.patches.filter((patch) => patch.installable)], ["ok", []]);
    assert.ok(list.patches.length > 0 && list.index_error?.includes(ill.problems![0]));
    const job = await runToEnd(executor, order("run-1"));
    assert.equal(job.status, "failed", job.message);
    assert.match(`${job.error}${job.failed_packages.map((item) => item.reason)}`, /exclude is not clear/);
    await exclude(bed, "curlew\n");
    assert.deepEqual((await executor.health()).problems, [], "the same executor, without waiting");
    await executor.close();
  },
);
