import assert from "node:assert/strict";
import { readExecutable } from "../packaging/executable.ts";
import { testFolder } from "../testing/test_folder.ts";

const script = new URL("./package_agent.ts", import.meta.url).pathname;
const decoder = new TextDecoder();

async function run(program: string, args: string[], options: Deno.CommandOptions = {}) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, ...options }).output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** `deno task package:agent` with options. */
const make = (args: string[], env: Record<string, string> = {}) =>
  run(Deno.execPath(), ["run", "-q", "-A", "--no-check", script, ...args], {
    env: { SOURCE_DATE_EPOCH: "1750000000", ...env },
  });

const stub = "#!/bin/sh\necho patch-agent 0.1.0\n";

/** The beginning of an ELF file of a machine, as far as anybody looks at it, and text behind. */
function elf(machine: number, text: string, { wide = 2, little = 1 } = {}): Uint8Array {
  const bytes = new Uint8Array(64 + text.length);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide, little]);
  new DataView(bytes.buffer).setUint16(18, machine, little === 1);
  bytes.set(new TextEncoder().encode(text), 64);
  return bytes;
}

Deno.test("an executable says what it is for and which glibc it needs", () => {
  const rows: [bytes: Uint8Array, arch: string | null, glibc: string | null][] = [
    [new TextEncoder().encode(stub), null, null],
    [new Uint8Array(), null, null],
    [new TextEncoder().encode("#!/bin/sh GLIBC_2.99"), null, null],
    [elf(0x3e, "x GLIBC_2.9\0GLIBC_2.27\0GLIBC_2.3.4\0"), "amd64", "2.27"],
    [elf(0xb7, "GGGLIBC_2.17\0GLIBC_PRIVATE\0GLIBC_"), "arm64", "2.17"],
    [elf(0xb7, "nothing"), "arm64", null],
  ];
  for (const [bytes, arch, glibc] of rows) assert.deepEqual(readExecutable(bytes), { arch, glibc });
  assert.throws(() => readExecutable(elf(0x28, "")), /machine 40/);
  assert.throws(() => readExecutable(elf(0x3e, "", { wide: 1 })), /machine/);
  assert.throws(() => readExecutable(elf(0x3e, "", { little: 2 })), /machine/);
  // Read where it really matters: our own runtime's base asks for what its makers promise.
  const own = readExecutable(Deno.readFileSync(Deno.execPath()));
  assert.equal(own.arch, Deno.build.arch === "x86_64" ? "amd64" : "arm64");
  assert.match(`${own.glibc}`, /^2\.(1|2|3)\d$/);
});

const refusals: [what: string, args: string[], code: number, words: RegExp, env?: Record<string, string>][] = [
  ["no executable", ["--executable", "/nowhere/patch-agent"], 1, /missing.*deno task compile.*--executable/],
  ["a script without architecture", [], 2, /--arch/],
  ["a strange architecture", ["--arch", "AMD 64"], 2, /no Debian architecture/],
  ["a version that begins with a letter", ["--arch", "amd64", "--version", "v1.0"], 2, /no Debian version/],
  ["a version that leaves the folder", ["--arch", "amd64", "--version", "1/../../x"], 2, /no Debian version/],
  ["a version with a line of its own", ["--arch", "amd64", "--version", "1.0\nDepends: x"], 2, /no Debian version/],
  ["a maintainer without address", ["--arch", "amd64", "--maintainer", "Somebody"], 2, /NAME <ADDRESS>/],
  ["a maintainer with a line", ["--arch", "amd64", "--maintainer", "A\nX: y <a@b>"], 2, /NAME <ADDRESS>/],
  ["a time that is none", ["--arch", "amd64"], 2, /SOURCE_DATE_EPOCH/, { SOURCE_DATE_EPOCH: "today" }],
  ["an unknown flag", ["--architecture", "amd64"], 2, /no flag --architecture/],
  ["a word", ["amd64"], 2, /not understood/],
];

Deno.test("what cannot be packaged is refused with words, and leaves nothing behind", async () => {
  await using folder = await testFolder();
  await Deno.writeTextFile(`${folder.path}/patch-agent`, stub);
  await Deno.writeFile(`${folder.path}/arm`, elf(0xb7, ""));
  const out = `${folder.path}/out`;
  const named = ["--executable", `${folder.path}/patch-agent`, "--out", out];
  const rows: typeof refusals = [
    ...refusals,
    ["another machine's executable", ["--executable", `${folder.path}/arm`, "--arch", "amd64"], 2, /for arm64, not/],
  ];
  for (const [what, args, code, words, env] of rows) {
    const whole = args.includes("--executable") ? [...args, "--out", out] : [...named, ...args];
    const answer = await make(whole, env);
    assert.equal(answer.code, code, `${what}: ${answer.stderr}`);
    assert.match(answer.stderr.trim(), words, what);
    assert.doesNotMatch(answer.stderr, /\n\s+at /, `${what}: no stack`);
  }
  await assert.rejects(Deno.stat(`${out}/patch-agent_0.1.0_amd64.deb`), Deno.errors.NotFound);
});

/** Mode, owner, size left out, and path of everything in the package. */
const contents = `drwxr-xr-x root/root ./
drwxr-xr-x root/root ./etc/
drwxr-xr-x root/root ./etc/needrestart/
drwxr-xr-x root/root ./etc/needrestart/conf.d/
-rw-r--r-- root/root ./etc/needrestart/conf.d/50-patch-agent.conf
drwxr-xr-x root/root ./etc/patch-agent/
-rw-r--r-- root/root ./etc/patch-agent/agent.env
-rw-r--r-- root/root ./etc/patch-agent/exclude
drwxr-xr-x root/root ./usr/
drwxr-xr-x root/root ./usr/bin/
-rwxr-xr-x root/root ./usr/bin/patch-agent
drwxr-xr-x root/root ./usr/lib/
drwxr-xr-x root/root ./usr/lib/systemd/
drwxr-xr-x root/root ./usr/lib/systemd/system/
-rw-r--r-- root/root ./usr/lib/systemd/system/patch-agent.service
-rw-r--r-- root/root ./usr/lib/systemd/system/patch-executor.service
drwxr-xr-x root/root ./usr/lib/sysusers.d/
-rw-r--r-- root/root ./usr/lib/sysusers.d/patch-agent.conf
drwxr-xr-x root/root ./usr/lib/tmpfiles.d/
-rw-r--r-- root/root ./usr/lib/tmpfiles.d/patch-agent.conf
drwxr-xr-x root/root ./usr/share/
drwxr-xr-x root/root ./usr/share/doc/
drwxr-xr-x root/root ./usr/share/doc/patch-agent/
-rw-r--r-- root/root ./usr/share/doc/patch-agent/changelog.gz
-rw-r--r-- root/root ./usr/share/doc/patch-agent/copyright
-rw-r--r-- root/root ./usr/share/doc/patch-agent/third-party-notices.gz
drwxr-xr-x root/root ./usr/share/lintian/
drwxr-xr-x root/root ./usr/share/lintian/overrides/
-rw-r--r-- root/root ./usr/share/lintian/overrides/patch-agent
drwxr-xr-x root/root ./usr/share/man/
drwxr-xr-x root/root ./usr/share/man/man1/
-rw-r--r-- root/root ./usr/share/man/man1/patch-agent.1.gz`;

Deno.test("the same sources give the same bytes, whatever the umask, the times and the caller", async () => {
  await using folder = await testFolder();
  const executable = `${folder.path}/patch-agent`;
  await Deno.writeTextFile(executable, stub, { mode: 0o600 });
  const build = async (name: string, env: Record<string, string> = {}) => {
    const out = `${folder.path}/${name}`;
    const answer = await make(["--executable", executable, "--arch", "amd64", "--out", out], env);
    assert.equal(answer.code, 0, answer.stderr);
    return await Deno.readFile(`${out}/patch-agent_0.1.0_amd64.deb`);
  };
  const first = await build("one");
  await Deno.utime(executable, 1_000_000_000, 1_000_000_000);
  await Deno.chmod(executable, 0o777);
  const umask = Deno.umask(0o077);
  let second: Uint8Array;
  try {
    second = await build("two", { TZ: "Asia/Tokyo", LC_ALL: "C", HOME: folder.path });
  } finally {
    Deno.umask(umask);
  }
  assert.deepEqual(second, first);
  assert.notDeepEqual(await build("three", { SOURCE_DATE_EPOCH: "1750000001" }), first, "the time counts");
});

Deno.test("what lies in the package: files, modes, owners, fields, sums, scripts", async (test) => {
  await using folder = await testFolder();
  const executable = `${folder.path}/patch-agent`;
  await Deno.writeFile(executable, elf(0xb7, "GLIBC_2.27"));
  const answer = await make([
    ...["--executable", executable, "--out", folder.path, "--version", "1.2.3~rc1"],
    ...["--maintainer", "Ann Example <ann@example.org>", "--uncompressed"],
  ]);
  assert.equal(answer.code, 0, answer.stderr);
  const deb = `${folder.path}/patch-agent_1.2.3~rc1_arm64.deb`;
  const tree = `${folder.path}/tree`;
  assert.equal((await run("/usr/bin/dpkg-deb", ["--raw-extract", deb, tree])).code, 0);

  await test.step("files", async () => {
    const { stdout } = await run("/usr/bin/dpkg-deb", ["-c", deb], { env: { TZ: "UTC" } });
    const lines = stdout.trim().split("\n").map((line) => line.split(/\s+/));
    assert.equal(lines.map((parts) => [parts[0], parts[1], parts[5]].join(" ")).join("\n"), contents);
    assert.ok(lines.every((parts) => parts[3] === "2025-06-15" && parts[4] === "15:06"), stdout);
  });

  await test.step("fields", async () => {
    const { stdout } = await run("/usr/bin/dpkg-deb", ["-f", deb], { env: { LC_ALL: "C.UTF-8" } });
    const fields = new Map(
      stdout.split("\n").map((line) => {
        const at = line.indexOf(": ");
        return [line.slice(0, at), line.slice(at + 2)] as const;
      }),
    );
    assert.equal(fields.get("Package"), "patch-agent");
    assert.equal(fields.get("Version"), "1.2.3~rc1");
    assert.equal(fields.get("Architecture"), "arm64");
    assert.equal(fields.get("Maintainer"), "Ann Example <ann@example.org>");
    assert.equal(fields.get("Depends"), "apt, libc6 (>= 2.27), libgcc-s1, passwd, procps");
    assert.equal(fields.get("Recommends"), "dpkg-repack, needrestart");
    assert.ok(Number(fields.get("Installed-Size")) > 20);
  });

  await test.step("sums and configuration files", async () => {
    const sums = await Deno.readTextFile(`${tree}/DEBIAN/md5sums`);
    const files = contents.split("\n").filter((line) => line.startsWith("-")).map((line) => line.split("./")[1]);
    assert.deepEqual(sums.trim().split("\n").map((line) => line.slice(34)), files);
    const check = await run("/usr/bin/md5sum", ["--check", "--strict", "DEBIAN/md5sums"], { cwd: tree });
    assert.equal(check.code, 0, check.stderr);
    const changeable = files.filter((path) => path.startsWith("etc/")).map((path) => `/${path}\n`).join("");
    assert.equal(await Deno.readTextFile(`${tree}/DEBIAN/conffiles`), changeable);
  });

  await test.step("the texts can be read by the tools that read them", async () => {
    const open = async (path: string) => (await run("/usr/bin/gzip", ["-dc", `${tree}/usr/share/${path}`])).stdout;
    assert.equal(
      await open("doc/patch-agent/changelog.gz"),
      "patch-agent (1.2.3~rc1) stable; urgency=medium\n\n" +
        "  * Release 1.2.3~rc1. What changed stands in the project's CHANGELOG.md.\n\n" +
        " -- Ann Example <ann@example.org>  Sun, 15 Jun 2025 15:06:40 +0000\n",
    );
    assert.match(await open("doc/patch-agent/third-party-notices.gz"), /zod.*MIT/);
    const page = await open("man/man1/patch-agent.1.gz");
    assert.match(page, /^\.TH PATCH\\-AGENT 1 "2025-06-15"/);
    for (const word of ["enrol", "serve", "\\-\\-ca\\-fingerprint", "exclude"]) assert.ok(page.includes(word), word);
    const commands = new Set(["TH", "SH", "B", "nf", "fi", "TP", "I"]);
    const strange = page.split("\n").filter((line) => /^[.']/.test(line) && !commands.has(line.slice(1).split(" ")[0]));
    assert.deepEqual(strange, []);
  });

  await test.step("the maintainer's scripts: a shell reads them, unknown words are refused", async () => {
    for (const name of ["postinst", "prerm", "postrm"]) {
      const path = `${tree}/DEBIAN/${name}`;
      assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o755, name);
      assert.equal((await run("/bin/sh", ["-n", path])).code, 0, name);
      assert.match(await Deno.readTextFile(path), /^#!\/bin\/sh\n(#.*\n)+set -e\n/, name);
      const strange = await run("/bin/sh", [path, "dance"]);
      assert.equal(strange.code, 1, name);
      assert.match(strange.stderr, /unknown argument "dance"/, name);
      // The way back after somebody else's failure changes nothing.
      const back = { postinst: "abort-remove", prerm: "failed-upgrade", postrm: "disappear" }[name]!;
      assert.equal((await run("/bin/sh", [path, back])).code, 0, `${name} ${back}`);
    }
  });
});
