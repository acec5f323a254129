import assert from "node:assert/strict";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { mountTest, withMount } from "../backends/apt/small_disk_fixture_test.ts";
import { diskLimits, type DiskSpace, judgeDisks, parseSpace, readDisks } from "./disk.ts";
import { createHostFacts } from "./host_facts.ts";
import { createIndexRefresh } from "./index_refresh.ts";
import { openJobStore } from "./job_store.ts";

const MEBIBYTE = 2 ** 20;
const disk = (path: string, free: number, more: Partial<DiskSpace> = {}): DiskSpace => ({
  ...{ path, source: `/dev/${path}`, free: free * MEBIBYTE, free_inodes: 1_000_000 },
  ...more,
});

const cases: [what: string, disks: DiskSpace[], words: RegExp[]][] = [
  ["room everywhere", [disk("/", 900), disk("/var", 900), disk("/boot", 200)], []],
  ["nothing could be read", [], []],
  ["/var is nearly full", [disk("/", 900), disk("/var", 511)], [
    /^Only 511 MiB .* \/var, where .*512 MiB.*apt-get clean/,
  ]],
  ["exactly at the limit", [disk("/", 512), disk("/var", 512), disk("/boot", 150)], []],
  ["/ is nearly full", [disk("/", 3), disk("/var", 900)], [/^Only 3 MiB are free on \/, where packages are installed/]],
  ["/boot is nearly full", [disk("/", 900), disk("/boot", 149)], [
    /^Only 149 MiB .*\/boot.*150 MiB.*Remove old kernels/,
  ]],
  ["one filesystem for both is told once", [disk("/", 9, { source: "a" }), disk("/var", 9, { source: "a" })], [
    /\/var/,
  ]],
  ["two are told apart", [disk("/", 9), disk("/var", 9)], [/on \/var/, /on \/,/]],
  ["no more files", [disk("/var", 9000, { free_inodes: 12 })], [/^Only 12 more files .* \/var .*inodes/]],
  ["a filesystem that counts no files", [disk("/var", 9000, { free_inodes: null })], []],
];
for (const [what, disks, words] of cases) {
  Deno.test(`disk: ${what}`, () => {
    const problems = judgeDisks(disks);
    assert.equal(problems.length, words.length, problems.join("\n"));
    words.forEach((pattern, index) => assert.match(problems[index], pattern));
    for (const problem of problems) assert.ok(problem.length <= 512);
  });
}

Deno.test("disk: df is read by file; other lines and odd numbers are left out", () => {
  const rows = parseSpace(
    "Filesystem          Avail  Inodes   IFree Mounted on File\n" +
      "/dev/vda2      8347439513 1677721 1633994 /          /\n" +
      "pool/my data         1024       0       0 /my var    /var\n" +
      "/dev/sda1             512       -       - /boot      /boot\n" +
      "overlay                 - 1 1 / /bad\n" +
      "df: /nowhere: No such file or directory\n",
  );
  assert.deepEqual(Object.fromEntries(rows), {
    "/": { source: "/dev/vda2", free: 8_347_439_513, free_inodes: 1_633_994 },
    "/var": { source: "pool/my data", free: 1024, free_inodes: null },
    "/boot": { source: "/dev/sda1", free: 512, free_inodes: null },
  });
});

Deno.test("disk: this machine has space on / and /var, and no /boot unless it is a mount of its own", async () => {
  const disks = await readDisks(null);
  assert.deepEqual(disks.slice(0, 2).map(({ path }) => path).toSorted(), ["/", "/var"]);
  for (const { free } of disks) assert.ok(Number.isSafeInteger(free) && free >= 0);
  const boot = disks.find(({ path }) => path === "/boot");
  assert.notEqual(boot?.source, disks.find(({ path }) => path === "/")!.source);
  assert.deepEqual(await readDisks("/var/tmp/there/is/nothing"), []);
});

sandboxTest("health: a nearly full disk is told with numbers, in health and in system info", async (bed) => {
  const { apt: manager, root } = bed;
  const state = `${bed.folder}/state`;
  await Deno.mkdir(state);
  const index = createIndexRefresh({
    folder: state,
    manager,
    clock: systemClock,
    log: silentLog,
    lock_timeout_seconds: 0,
  });
  const store = openJobStore(state, systemClock);
  const options = { root, manager, index, store, clock: systemClock, version: "0.0.0" };
  const roomy = await createHostFacts({ ...options, disk_limits: diskLimits.map((limit) => ({ ...limit, free: 0 })) })
    .health();
  assert.deepEqual([roomy.checks!.disk, roomy.status], ["ok", "healthy"]);
  const tight = createHostFacts({ ...options, disk_limits: diskLimits.map((limit) => ({ ...limit, free: 2 ** 60 })) });
  const health = await tight.health();
  assert.deepEqual([health.checks!.disk, health.status, health.problems!.length], ["low", "degraded", 1]);
  assert.match(health.problems![0], /^Only \d+ MiB are free on \/var/);
  const { disk_free } = await tight.systemInfo();
  assert.deepEqual(Object.keys(disk_free!).toSorted(), ["/", "/var"]);
});

mountTest("health: a real small /boot and used-up inodes", async (bed) => {
  await withMount(`${bed.root}/boot`, "size=32m", async () => {
    const problems = judgeDisks(await readDisks(bed.root));
    assert.match(problems[0], /^Only 32 MiB are free on \/boot, where kernels are installed/);
    assert.equal(problems.length, 1);
  });
  await withMount(`${bed.root}/boot`, "size=300m,nr_inodes=8", async () => {
    for (let file = 0; file < 4; file++) await Deno.writeTextFile(`${bed.root}/boot/${file}`, "");
    assert.match(judgeDisks(await readDisks(bed.root))[0], /^Only 3 more files can be made on \/boot/);
  });
  assert.deepEqual(judgeDisks(await readDisks(bed.root)), []);
});
