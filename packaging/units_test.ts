import assert from "node:assert/strict";
import { parseExecutorFlags } from "../agent/executor/flags.ts";
import { parseCommand } from "../agent/command_line.ts";
import { testFolder } from "../testing/test_folder.ts";
import { boundingSet, type Directive, readUnit, readUnitFile, systemdFile, values } from "./unit_fixture_test.ts";

const agent = readUnitFile("patch-agent.service");
const executor = readUnitFile("patch-executor.service");

/** What says itself why it is there. */
const PLAIN = new Set(["Description", "Documentation", "Type", "User", "Group", "ExecStart", "Restart", "RestartSec"]);

Deno.test("the reader of units: comments, groups, several values, what it does not know", () => {
  const unit = readUnit("# all\n[Service]\n# one\nA=1\nB=2=3\n# two\nC=x y\nC=\n\nD=\n# --- Head ---\nE=1\n");
  const rows = unit.map(({ section, name, value, comment }) => [section, name, value, comment].join("|"));
  assert.deepEqual(rows, [
    ...["Service|A|1|one", "Service|B|2=3|one", "Service|C|x y|two", "Service|C||two", "Service|D||", "Service|E|1|"],
  ]);
  assert.deepEqual(values(unit, "C"), ["x y", ""]);
  assert.throws(() => readUnit("[Service]\nnonsense"), /nonsense/);
  assert.throws(() => readUnit("[Service]\nA=1 \\\n2"), /not understood/);
  assert.equal(
    boundingSet(readUnit("[Service]\nCapabilityBoundingSet=CAP_CHOWN CAP_SYS_CHROOT")),
    "-all,+chown,+sys_chroot",
  );
  assert.equal(boundingSet(readUnit("[Service]\nCapabilityBoundingSet=")), "-all");
});

for (const [name, unit] of [["patch-agent", agent], ["patch-executor", executor]] as const) {
  Deno.test(`every line of ${name}.service says why`, () => {
    const silent = unit.filter((one) => one.section === "Service" && !PLAIN.has(one.name) && one.comment.length < 20);
    assert.deepEqual(silent.map((one) => `${one.name}=${one.value}`), []);
  });
}

Deno.test("both start the installed program, with arguments that it understands", () => {
  const [serve] = values(agent, "ExecStart");
  const [, ...words] = serve.replace("${LISTEN}", "[::]:12443").replace("${ALLOW}", "manager").split(" ");
  const command = parseCommand("serve", words.slice(1));
  assert.equal(serve.split(" ")[0], "/usr/bin/patch-agent");
  assert.equal(command.text("listen"), "[::]:12443");
  const [start] = values(executor, "ExecStart");
  const flags = parseExecutorFlags(start.split(" ").slice(2));
  assert.equal(flags.root, null);
  // The two sides meet: the socket and the folders are those of the units, of tmpfiles and of the defaults.
  assert.equal(flags.socket, command.path("executor"));
  assert.equal(flags.state, `/var/lib/${values(executor, "StateDirectory")[0]}`);
  assert.equal(command.path("state"), `/var/lib/${values(agent, "StateDirectory")[0]}`);
  const folders = readTable("tmpfiles.d/patch-agent.conf").map(([type, path, mode, user, group]) =>
    [type, path, mode, user, group].join(" ")
  );
  assert.deepEqual(folders, [
    `d ${flags.socket.replace(/\/[^/]*$/, "")} 2750 root patch-agent`,
    `d ${command.path("state")} 0700 patch-agent patch-agent`,
    `d ${flags.state} 0700 root root`,
  ]);
  assert.equal(values(agent, "User")[0], readTable("sysusers.d/patch-agent.conf")[0][1]);
  assert.equal(values(executor, "User").length, 0, "the executor is root");
});

function readTable(name: string): string[][] {
  const text = Deno.readTextFileSync(systemdFile(name));
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(" "));
}

/** What must hold for each side, and what it would cost if it did not. */
const promises: [unit: Directive[], name: string, value: string | RegExp, why: string][] = [
  [agent, "CapabilityBoundingSet", "", "the network side has no right of root"],
  [agent, "NoNewPrivileges", "yes", "and can get none"],
  [agent, "User", "patch-agent", "it is nobody in particular"],
  [agent, "NoExecPaths", "/", "it runs no other program"],
  [agent, "MemoryDenyWriteExecute", "no", "V8 would not start"],
  [agent, "ExecReload", /^\+/, "kill could not be run in the sandbox"],
  [executor, "KillMode", "process", "a restart would kill dpkg in the middle of a package"],
  [executor, "NoNewPrivileges", "yes", "set-user-id programs would give back what was taken"],
  [executor, "PrivateTmp", "no", "scripts and services share /tmp"],
  [executor, "ProtectSystem", "no", "packages write /usr, /etc and /boot"],
  [executor, "PrivateDevices", "no", "grub writes to disks"],
  [executor, "ProtectClock", "no", "it brings a list of devices along, without disks"],
  [executor, "ProtectKernelModules", "no", "no kernel could be installed"],
  [executor, "RestrictSUIDSGID", "no", "dpkg could not unpack su"],
  [executor, "OOMPolicy", "continue", "a script that is killed would end the unit"],
  [executor, "TasksMax", "infinity", "a package's script would fail"],
  [executor, "CapabilityBoundingSet", /\bCAP_AUDIT_WRITE\b/, "su in scripts would fail where the kernel audits"],
  [executor, "CapabilityBoundingSet", /\bCAP_SYS_PTRACE\b/, "needrestart would see no process"],
  [executor, "SystemCallFilter", /^~.*@debug process_vm_readv process_vm_writev/, "which is not meant for tracing"],
];

Deno.test("what each side must and must not have", () => {
  for (const [unit, name, value, why] of promises) {
    const found = values(unit, name);
    assert.equal(found.length, 1, `${name}: ${why}`);
    if (typeof value === "string") assert.equal(found[0], value, `${name}: ${why}`);
    else assert.match(found[0], value, `${name}: ${why}`);
  }
  for (
    const never of ["sys_admin", "sys_module", "sys_rawio", "sys_boot", "sys_time", "net_admin", "bpf"]
  ) {
    assert.ok(!boundingSet(executor).split(",").includes(`+${never}`), never);
  }
  for (const unit of [agent, executor]) {
    const condition = unit.find(({ name }) => name === "ConditionPathExists");
    assert.equal(condition?.value, "/var/lib/patch-agent/enrolment.json", "nothing starts before the enrolment");
  }
});

/** Runs a program; null when it is not there. */
async function run(program: string, args: string[]): Promise<{ code: number; words: string } | null> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, { args, env: { LC_ALL: "C.UTF-8" } }).output();
    const decoder = new TextDecoder();
    return { code, words: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

const analyze = "/usr/bin/systemd-analyze";
const installed = await run(analyze, ["--version"]);
const required = Deno.env.get("TEST_REQUIRE") === "all";
const missing = installed === null ? " (left out: this machine has no systemd-analyze; install systemd)" : "";

const systemdTest = (name: string, body: () => Promise<void>) =>
  Deno.test({ name: name + missing, ignore: missing !== "" && !required, fn: body });

systemdTest("systemd-analyze verify finds nothing in either unit", async () => {
  await using folder = await testFolder();
  const program = `${folder.path}/patch-agent`;
  await Deno.writeTextFile(program, "#!/bin/sh\n", { mode: 0o755 });
  const paths: string[] = [];
  for (const name of ["patch-agent", "patch-executor"]) {
    const text = await Deno.readTextFile(systemdFile(`${name}.service`));
    paths.push(`${folder.path}/${name}.service`);
    // The program is not installed on the machine that tests.
    await Deno.writeTextFile(paths.at(-1)!, text.replaceAll("/usr/bin/patch-agent", program));
  }
  const answer = await run(analyze, ["verify", "--man=no", ...paths]);
  // It ends with 0 for a directive that it does not know and only says so.
  assert.deepEqual(answer, { code: 0, words: "" });
  await Deno.writeTextFile(paths[0], "[Service]\nExecStart=/nowhere\n");
  assert.notEqual((await run(analyze, ["verify", "--man=no", paths[0]]))?.code, 0, "it would see a wrong unit");
});

systemdTest(
  "systemd-analyze security: the network side has 2.0 or less, the root side is no worse than it was",
  async () => {
    const security = async (name: string, threshold: number) => {
      const path = systemdFile(`${name}.service`);
      return await run(analyze, ["security", "--no-pager", "--offline=true", `--threshold=${threshold}`, path]);
    };
    const network = await security("patch-agent", 20);
    assert.equal(network?.code, 0, `${network?.words}`);
    // What keeps it there is what packages need; each line of the unit says so.
    const root = await security("patch-executor", 65);
    assert.equal(root?.code, 0, `${root?.words}`);
    assert.notEqual((await security("patch-executor", 20))?.code, 0, "the threshold is looked at");
  },
);

Deno.test("needrestart leaves both units alone, and nothing else", async () => {
  // needrestart reads the file as Perl, and takes the first pattern that the unit's name fits.
  const code = `our %nrconf; eval do { local (@ARGV, $/) = $ARGV[0]; <> }; die $@ if $@;
    for my $unit (@ARGV[1..$#ARGV]) {
      my ($fits) = grep { $unit =~ /$_/ } keys %{$nrconf{override_rc}};
      print "$unit ", defined $fits ? $nrconf{override_rc}->{$fits} : "-", "\\n";
    }`;
  const units = [
    "patch-agent.service",
    "patch-executor.service",
    "patch-manager.service",
    "ssh.service",
    "x-patch-agent.service",
  ];
  const answer = await run("/usr/bin/perl", ["-we", code, systemdFile("needrestart/50-patch-agent.conf"), ...units]);
  assert.deepEqual(answer?.words.trim().split("\n"), [
    "patch-agent.service 0",
    "patch-executor.service 0",
    "patch-manager.service -",
    "ssh.service -",
    "x-patch-agent.service -",
  ]);
});
