import assert from "node:assert/strict";
import { judgeDatabase, parseLocks } from "./database_state.ts";
import { explainFailure } from "./failures.ts";
import { parseInstalled } from "./installed.ts";
import { isSecuritySuite, parsePolicy, pendingVersions, securityVersion } from "./policy.ts";
import { newerKernel } from "./reboot.ts";
import { newDependenciesOf, parseRecords } from "./records.ts";
import { parseSimulation } from "./simulation.ts";
import { createStatusReader } from "./status_stream.ts";

/** As apt 2.7 prints it on Ubuntu and apt 2.6 on Debian, shortened. */
const policy = `libc6:
  Installed: 2.36-9+deb12u9
  Candidate: 2.36-9+deb12u13
  Version table:
     2.37-1 100
        100 http://deb.example.org/debian bookworm-backports/main amd64 Packages
     2.36-9+deb12u13 500
        500 http://deb.example.org/debian bookworm/main amd64 Packages
     2.36-9+deb12u10 500
        500 http://security.debian.org/debian-security bookworm-security/main amd64 Packages
 *** 2.36-9+deb12u9 100
        100 /var/lib/dpkg/status
tzdata:i386:
  Installed: 2024a
  Candidate: 2024b
  Version table:
     2024b 500 (phased 20%)
        500 http://archive.ubuntu.com/ubuntu noble-updates/main i386 Packages
 *** 2024a 500
        500 http://archive.ubuntu.com/ubuntu noble/main i386 Packages
        100 /var/lib/dpkg/status
local:
  Installed: 9
  Candidate: 9
  Version table:
 *** 9 100
        100 /var/lib/dpkg/status
     8 990
        990 http://deb.example.org/debian bookworm/main amd64 Packages
pinned:
  Installed: 2
  Candidate: 1
  Version table:
 *** 2 100
        100 /var/lib/dpkg/status
     1 1001
       1001 http://deb.example.org/debian-security bookworm/main amd64 Packages
unknown:
  Installed: 1
  Candidate: (none)
  Version table:
`;

Deno.test("policy: only what lies between installed and candidate is pending", () => {
  const table = parsePolicy(policy);
  const pending = (name: string) => pendingVersions(table.get(name)!).map((item) => item.version);
  assert.deepEqual(pending("libc6"), ["2.36-9+deb12u13", "2.36-9+deb12u10"]);
  assert.equal(securityVersion(pendingVersions(table.get("libc6")!)), "2.36-9+deb12u10");
  assert.deepEqual(pending("tzdata:i386"), ["2024b"]);
  assert.equal(table.get("tzdata:i386")!.versions[0].phased_percent, 20);
  assert.deepEqual([pending("local"), pending("pinned"), pending("unknown")], [[], [], []]);
});

Deno.test("policy: security is a matter of the suite, never of address or label", () => {
  for (
    const suite of [
      "bookworm-security/main",
      "noble-security/universe",
      "noble-infra-security/main",
      "oldstable-security/main",
      "stable-security/contrib",
      "noble-apps-security/main",
      "buster/updates/main",
    ]
  ) assert.ok(isSecuritySuite(suite), suite);
  for (
    const suite of [
      "bookworm/main",
      "bookworm-updates/main",
      "security/main",
      "noble-security-tools/main",
      "x-security",
    ]
  ) {
    assert.ok(!isSecuritySuite(suite), suite);
  }
  const text = policy.replace("bookworm-security/main", "bookworm-proposed/main");
  assert.equal(securityVersion(pendingVersions(parsePolicy(text).get("libc6")!)), null);
});

Deno.test("simulation: upgrades, new ones, removals and downgrades are told apart", () => {
  const changes = parseSimulation(`NOTE: This is only a simulation!
Inst libc6 [2.36-9] (2.36-10 Debian:12.5/stable, Debian-Security:12/stable-security [amd64])
Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.5/stable [i386]) []
Inst linux-image-6.1.0-20-amd64 (6.1.85-1 Debian:12.5/stable [amd64])
Remv exim4 [4.96-15]
Purg old [1.0]
Inst firefox [2.0] (1.9 Debian:12.5/stable [amd64])
Conf libc6 (2.36-10 Debian:12.5/stable [amd64])
Inst broken line
`);
  assert.deepEqual(changes.map((change) => [change.name, change.from, change.to, change.action]), [
    ["libc6", "2.36-9", "2.36-10", "upgrade"],
    ["libc6:i386", "2.36-9", "2.36-10", "upgrade"],
    ["linux-image-6.1.0-20-amd64", null, "6.1.85-1", "install"],
    ["exim4", "4.96-15", null, "remove"],
    ["old", "1.0", null, "remove"],
    ["firefox", "2.0", "1.9", "downgrade"],
  ]);
});

Deno.test("installed: leftovers do not count, foreign architectures keep their name", () => {
  const rows = parseInstalled(
    [
      "libc6\t2.36\tamd64\tii \t13000\tglibc\t2.36\tGNU C Library",
      "libc6\t2.36\ti386\tii \t13000\tglibc\t2.36\tGNU C Library",
      "tzdata\t2024a\tall\thi \t\ttzdata\t2024a\tzones\twith tab",
      "gone\t1\tamd64\trc \t1\tgone\t1\tx",
      "never\t\tamd64\tun \t\t\t\t",
      "half\t1\tamd64\tiF \t1\thalf\t1\tx",
      "short\tline",
    ].join("\n"),
    "amd64",
  );
  assert.deepEqual(rows.map((row) => row.key), ["libc6", "libc6:i386", "tzdata", "half"]);
  assert.deepEqual([rows[2].installed_size, rows[2].description], [null, "zones with tab"]);
});

Deno.test("records: new dependencies are found through each other, circles end", () => {
  const records = parseRecords(`Package: app
Version: 2
Architecture: all
Depends: lib (>= 1) | other, libc6
Size: 12
Description-en: an app
 with more text

Package: lib
Version: 1
Architecture: all
Pre-Depends: deep:any (= 1)
Size: -5

Package: deep
Version: 1
Architecture: all
Recommends: lib

no fields here
`);
  const table = new Map(records.map((record) => [record.name, record]));
  assert.deepEqual(newDependenciesOf("app", new Set(["lib", "deep", "unrelated"]), table), ["deep", "lib"]);
  assert.deepEqual([table.get("app")!.size, table.get("lib")!.size], [12, null]);
  assert.equal(table.get("app")!.description, "an app");
});

Deno.test("status lines: cut anywhere, progress never falls, errors and kept files are remembered", () => {
  const text = "dlstatus:1:50.0000:Retrieving file 1 of 2\ndlstatus:2:20.0:Retrieving file 2 of 2\n" +
    "pmstatus:dpkg-exec:0.0000:Running dpkg\npmstatus:curlew:50.0000:Unpacking curlew (amd64)\n" +
    "pmconffile:/etc/a:b.conf:60.0:'x' 'y' 1 1 \nnoise\npmerror:osprey:i386:70.0:script failed: exit status 1\n" +
    "pmerror:/var/cache/apt/archives/heron_1%3a2_all.deb:71.0:no space\npmstatus:curlew:999:over\n";
  for (let size = 1; size < 40; size++) {
    const reader = createStatusReader();
    let last = 0;
    for (let start = 0; start < text.length; start += size) {
      const { percent } = reader.push(text.slice(start, start + size));
      assert.ok(percent >= last && percent <= 100);
      last = percent;
    }
    assert.deepEqual(reader.progress.errors, { osprey: "script failed: exit status 1", heron: "no space" });
    assert.deepEqual(reader.progress.conffiles_kept, ["/etc/a:b.conf"]);
    assert.equal(reader.progress.phase, "install");
  }
  assert.equal(createStatusReader().push("dlstatus:1:50.0:x\n").percent, 15);
  assert.equal(createStatusReader().push("pmstatus:a:50.0:x\n").percent, 65);
  const endless = createStatusReader();
  for (let index = 0; index < 100; index++) endless.push("x".repeat(65_536));
  assert.equal(endless.push("\npmstatus:a:0.0:x\n").phase, "install");
});

const outputs: [output: string, code: string, words: RegExp][] = [
  [
    "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 3148 (unattended-upgr)\nE: Unable",
    "PKG_MANAGER_BUSY",
    /unattended-upgr \(process 3148\)/,
  ],
  [
    "E: Could not get lock /var/lib/apt/lists/lock - open (11: Resource temporarily unavailable)",
    "PKG_MANAGER_BUSY",
    /lists\/lock/,
  ],
  [
    "E: Write error - write (28: No space left on device)\nE: IO Error saving source cache",
    "DISK_FULL",
    /disk is full/,
  ],
  ["E: You don't have enough free space in /var/cache/apt/archives/.", "DISK_FULL", /archives/],
  [
    "W: GPG error: http://x bookworm InRelease: The following signatures couldn't be verified: NO_PUBKEY 0E98\nE: The repository 'http://x' is not signed.",
    "GPG_ERROR",
    /NO_PUBKEY 0E98/,
  ],
  [
    "E: Failed to fetch http://x/a.deb  404  Not Found [IP: 1.2.3.4 80]\nE: Unable to fetch some archives",
    "NETWORK_ERROR",
    /a\.deb is not in the repository any more/,
  ],
  [
    "E: Failed to fetch http://x/a.deb  File has unexpected size (2 != 3). Mirror sync in progress?",
    "NETWORK_ERROR",
    /not what the index announced/,
  ],
  [
    "W: Failed to fetch http://x/InRelease  Could not connect to x:80 (1.2.3.4). - connect (111: Connection refused)",
    "NETWORK_ERROR",
    /cannot be reached/,
  ],
  ["W: Failed to fetch http://x/InRelease  Temporary failure resolving 'x'", "NETWORK_ERROR", /resolving/],
  [
    "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.",
    "PKG_MANAGER_ERROR",
    /dpkg --configure -a/,
  ],
  ["E: Packages need to be removed but remove is disabled.", "DEPENDENCY_CONFLICT", /remove is disabled/],
  [
    "The following packages have unmet dependencies:\n a : Depends: b (>= 2) but 1 is to be installed\nE: Unable to correct problems, you have held broken packages.",
    "DEPENDENCY_CONFLICT",
    /a depends on b \(>= 2\) but 1/,
  ],
  ["E: Version '1.0' for 'curlew' was not found", "PKG_NOT_FOUND", /Version 1\.0 of curlew/],
  [
    "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)",
    "PERMISSION_DENIED",
    /needs root/,
  ],
  [
    "dpkg: error processing package osprey (--configure):\n installed osprey package post-installation script subprocess returned error exit status 7\nE: Sub-process /usr/bin/dpkg returned an error code (1)",
    "PKG_MANAGER_ERROR",
    /^osprey: .*exit status 7/,
  ],
  ["E: Something that nobody has seen before", "PKG_MANAGER_ERROR", /^Something that nobody/],
  ["", "PKG_MANAGER_ERROR", /did not say why/],
];

Deno.test("failures: code and words from what apt says", () => {
  for (const [output, code, words] of outputs) {
    const failure = explainFailure(output, "apply");
    assert.equal(failure.code, code, output);
    assert.match(failure.words, words);
    assert.ok(failure.words.length <= 2000);
  }
  assert.equal(explainFailure("E: The list of sources could not be read.", "refresh").code, "CACHE_REFRESH_ERROR");
});

Deno.test("database: interrupted, broken and locked are three things", () => {
  const half =
    "The following packages are only half configured, probably due to problems\nconfiguring them the first time.\n osprey  text\n";
  assert.equal(judgeDatabase(0, "").state, "ok");
  assert.deepEqual([judgeDatabase(0, half).state, judgeDatabase(1, "").state], ["broken", "interrupted"]);
  assert.match(judgeDatabase(0, half).words!, /half-way: osprey\./);
  const unpacked = "The following packages have been unpacked but not yet configured.\n heron  x\n\n" + half;
  assert.equal(judgeDatabase(0, unpacked).state, "interrupted");
  const locks = "1: POSIX  ADVISORY  WRITE 3148 fe:00:1234 0 EOF\n1: -> POSIX  ADVISORY  WRITE 99 fe:00:77 0 EOF\n" +
    "2: FLOCK  ADVISORY  WRITE 5 fe:00:88 0 EOF\n3: POSIX  ADVISORY  READ  6 fe:00:99 0 EOF\n";
  assert.equal(parseLocks(locks, new Set([1234])), 3148);
  for (const inode of [77, 88, 99, 12, 1]) assert.equal(parseLocks(locks, new Set([inode])), null, String(inode));
});

Deno.test("restart: only a newer kernel of the running flavour counts", () => {
  const rows = (...names: string[]) =>
    parseInstalled(names.map((name) => `${name}\t1\tamd64\tii \t1\tl\t1\tx`).join("\n"), "amd64");
  const installed = rows(
    "linux-image-6.1.0-9-amd64",
    "linux-image-6.1.0-18-amd64",
    "linux-image-amd64",
    "linux-image-7.0-1-cloud-amd64",
  );
  assert.equal(newerKernel(installed, "6.1.0-9-amd64"), "6.1.0-18-amd64");
  assert.equal(newerKernel(installed, "6.1.0-18-amd64"), null);
  assert.equal(newerKernel(installed, "6.1.0-20-amd64"), null);
  assert.equal(newerKernel(installed, "6.18.44"), null);
  assert.equal(newerKernel(rows("linux-image-unsigned-6.8.0-50-generic"), "6.8.0-49-generic"), "6.8.0-50-generic");
});
