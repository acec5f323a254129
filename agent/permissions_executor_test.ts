import assert from "node:assert/strict";
import { EXECUTOR_PROGRAMS, executorCommand, executorPermissions, MACHINE_PROGRAMS } from "./permissions_executor.ts";

const options = { socket: "/run/patch-agent/executor.sock", state: "/var/lib/patch-executor", root: null };

Deno.test("rights are exact paths: no shell, no network, no folder of somebody else", () => {
  const permissions = executorPermissions(options);
  assert.ok(permissions.run.every((path) => /^(?:\/usr)?\/s?bin\/[a-z-]+$/.test(path)));
  assert.equal(new Set(permissions.run).size, permissions.run.length);
  for (
    const never of [
      ...["/bin/sh", "/usr/bin/sh", "/usr/bin/env", "/usr/bin/apt", "/usr/bin/sudo", "/usr/bin/fakeroot"],
      ...["/usr/bin/systemd-run", "/usr/sbin/reboot", "/usr/bin/perl", "/usr/bin/python3"],
    ]
  ) assert.ok(!permissions.run.includes(never), never);
  assert.deepEqual(permissions.net, ["unix:/run/patch-agent/executor.sock"]);
  assert.deepEqual(permissions.write, ["/var/lib/patch-executor", "/run/patch-agent"]);
  const sandbox = executorPermissions({ ...options, root: "/srv/sandbox" });
  assert.deepEqual(sandbox.read, [
    ...["/var/lib/patch-executor", "/run/patch-agent", "/usr/bin/dpkg-repack", "/srv/sandbox"],
  ]);
  // A system below a folder is never reason to touch the machine itself.
  assert.deepEqual(sandbox.run, EXECUTOR_PROGRAMS);
  assert.ok(MACHINE_PROGRAMS.includes("/usr/sbin/shutdown") && !EXECUTOR_PROGRAMS.includes("/usr/sbin/shutdown"));
  const restarting = { ...options, root: "/srv/sandbox", reboot_command: "/srv/restart" };
  assert.deepEqual(executorPermissions(restarting).run, [...EXECUTOR_PROGRAMS, "/srv/restart"]);
  assert.ok(!executorPermissions({ ...restarting, root: null }).run.includes("/srv/restart"));
  assert.match(executorCommand("executor.ts", restarting).join(" "), /--reboot-command \/srv\/restart/);
  for (const socket of ["/srv/x.sock", "/srv/sandbox/x.sock", "/x.sock"]) {
    assert.throws(() => executorPermissions({ ...options, socket, root: "/srv/sandbox" }), /folder of its own/, socket);
  }
  assert.ok(executorCommand("executor.ts", { ...options, demo: true }).includes("--demo"));
  assert.ok(!executorCommand("executor.ts", options).join(" ").includes("--allow-all"));
});

/** What a foreign statement in the executor's process would try, and what has to come of it. */
const attempts: [name: string, code: string][] = [
  ["a shell", `new Deno.Command("/bin/sh", { args: ["-c", "id"] }).outputSync()`],
  ["a program through PATH", `new Deno.Command("apt", { args: ["update"] }).outputSync()`],
  ["restarting the machine", `new Deno.Command("/usr/sbin/shutdown", { args: ["-c"] }).outputSync()`],
  ["the machine's services", `new Deno.Command("/usr/bin/systemctl", { args: ["--version"] }).outputSync()`],
  ["a preloaded library", `new Deno.Command("/usr/bin/dpkg", { env: { LD_PRELOAD: "/tmp/x.so" } }).outputSync()`],
  ["a network connection", `await Deno.connect({ hostname: "127.0.0.1", port: 9 })`],
  ["a network listener", `Deno.listen({ hostname: "127.0.0.1", port: 0 })`],
  ["another unix socket", `await Deno.connect({ transport: "unix", path: STATE + "/other.sock" })`],
  ["a request", `await fetch("http://127.0.0.1:8080/")`],
  ["reading the machine's passwords", `Deno.readTextFileSync("/etc/shadow")`],
  ["reading /proc", `Deno.readTextFileSync("/proc/self/environ")`],
  ["writing into the managed system", `Deno.writeTextFileSync(ROOT + "/etc/x", "")`],
  ["writing outside", `Deno.writeTextFileSync("/tmp/patch-executor-test", "")`],
  ["the environment", `Deno.env.get("HOME")`],
  ["a foreign process", `Deno.kill(1, "SIGCONT")`],
  ["a library", `Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {})`],
  ["code from the network", `await import("http://127.0.0.1:8080/x.ts")`],
];

Deno.test("each denial holds in a process with the executor's own flags", async () => {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-permissions-" });
  try {
    await Deno.mkdir(`${folder}/root/etc`, { recursive: true });
    await Deno.mkdir(`${folder}/state`);
    const script = `${folder}/attempts.ts`;
    const tries = attempts.map(([name, code]) =>
      `try { ${code}; console.log(${JSON.stringify(name)} + "\\tdone"); } ` +
      `catch (error) { console.log(${
        JSON.stringify(name)
      } + "\\t" + /^Requires|without --allow/.test(error.message)); }`
    );
    await Deno.writeTextFile(
      script,
      `const [ROOT, STATE] = ${JSON.stringify([`${folder}/root`, `${folder}/state`])};\n` +
        // As runExecutor does, so that what is revoked is revoked here too.
        `await Deno.permissions.revoke({ name: "ffi" }); await Deno.permissions.revoke({ name: "net" });\n` +
        tries.join("\n") + `\nDeno.writeTextFileSync(STATE + "/allowed", ""); console.log("own state\\tdone");\n`,
    );
    const command = executorCommand(script, {
      socket: `${folder}/run/s.sock`,
      state: `${folder}/state`,
      root: `${folder}/root`,
    });
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", ...command.slice(1)],
    })
      .output();
    const results = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.split("\t"));
    assert.deepEqual(
      results,
      [...attempts.map(([name]) => [name, "true"]), ["own state", "done"]],
      new TextDecoder().decode(stderr),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const calls: [args: string[], words: RegExp][] = [
  [["--demo"], /--demo without --root/],
  [["--root", "relative"], /absolute path/],
  [["--root", "/a/../etc"], /absolute path/],
  [["--root", "/"], /absolute path/],
  [["--state", "/var/lib/x y"], /absolute path/],
  [["--state", "/var/lib/x;y"], /absolute path/],
  [["--socket", "/" + "a".repeat(120)], /more than 100 bytes/],
  [["--reboot-command", "/srv/restart"], /--reboot-command without --root/],
  [["--root", "/srv/x", "--reboot-command", "restart"], /absolute path/],
  [["--root", "/srv/x", "--reboot-command", "/srv/restart -f"], /absolute path/],
  [["--root", "/srv/x", "--reboot-command", "/srv/../sbin/reboot"], /absolute path/],
  [["--lock-timeout", "-1"], /Usage|seconds/],
  [["--lock-timeout", "abc"], /seconds/],
  [["--unknown"], /Usage/],
  [["word"], /Usage/],
];

Deno.test("a wrong command line ends with 2 and words, before anything is opened", async () => {
  const script = new URL("./executor.ts", import.meta.url).pathname;
  const results = await Promise.all(calls.map(async ([args, words]) => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-check", "--no-prompt", script, ...args],
    }).output();
    return { args, words, code, stderr: new TextDecoder().decode(stderr) };
  }));
  for (const { args, words, code, stderr } of results) {
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.match(stderr, words, args.join(" "));
  }
});
