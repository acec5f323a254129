import assert from "node:assert/strict";
import { Service } from "../../protocol/api.ts";
import { sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { openExecutor } from "./executor_fixture_test.ts";
import { createServices, isServiceName, parseOpenRcList, parseSystemdUnit } from "./services.ts";

/** `systemctl show` of systemd 252: the order of the lines is its own. */
function unit(change: Record<string, string>): string {
  const values = {
    Type: "notify",
    MainPID: "812",
    Id: "ssh.service",
    Description: "OpenBSD Secure Shell server",
    LoadState: "loaded",
    ActiveState: "active",
    SubState: "running",
    UnitFileState: "enabled",
    ...change,
  };
  return Object.entries(values).map(([key, value]) => `${key}=${value}\n`).join("");
}

Deno.test("a unit of systemd is read whole", () => {
  const service = parseSystemdUnit(unit({}));
  assert.deepEqual(service, {
    name: "ssh.service",
    display_name: "OpenBSD Secure Shell server",
    active_state: "active",
    sub_state: "running",
    load_state: "loaded",
    enabled_state: "enabled",
    main_pid: 812,
    healthy: true,
  });
  assert.deepEqual(Service.parse(service), service);
});

const states: [what: string, change: Record<string, string>, healthy: boolean | null][] = [
  ["failed", { ActiveState: "failed", SubState: "failed", MainPID: "0" }, false],
  ["stopped", { ActiveState: "inactive", SubState: "dead", MainPID: "0" }, false],
  ["done", { ActiveState: "inactive", SubState: "dead", Type: "oneshot", MainPID: "0" }, null],
  ["done and remembered", { ActiveState: "active", SubState: "exited", Type: "oneshot", MainPID: "0" }, true],
  ["starting", { ActiveState: "activating", SubState: "auto-restart" }, null],
  ["stopping", { ActiveState: "deactivating", SubState: "stop-sigterm" }, null],
  ["reading its configuration", { ActiveState: "reloading", SubState: "reload" }, true],
  ["masked", { LoadState: "masked", UnitFileState: "masked", ActiveState: "inactive", SubState: "dead" }, false],
];
for (const [what, change, healthy] of states) {
  Deno.test(`a service that is ${what} is ${healthy === null ? "neither" : healthy ? "healthy" : "ill"}`, () => {
    const service = parseSystemdUnit(unit(change))!;
    assert.deepEqual([service.healthy, service.active_state], [healthy, change.ActiveState]);
    if (change.MainPID === "0") assert.equal(service.main_pid, null);
  });
}

Deno.test("what systemd does not have, or did not say, is null", () => {
  const missing: Record<string, string>[] = [{ LoadState: "not-found", ActiveState: "inactive" }, { Id: "" }, {
    ActiveState: "",
  }];
  for (const change of missing) {
    assert.equal(parseSystemdUnit(unit(change)), null, JSON.stringify(change));
  }
  assert.equal(parseSystemdUnit(""), null);
  assert.equal(parseSystemdUnit("Failed to connect to bus: Host is down\n"), null);
  assert.equal(parseSystemdUnit(unit({ Description: "a=b=c" }))!.display_name, "a=b=c");
  assert.equal(parseSystemdUnit(unit({ Description: "x".repeat(9999), MainPID: "many" }))!.display_name!.length, 512);
});

const list = ` sshd                    [  started  ]
 cronie                  [  started 2 day(s) 01:02:03 (1) ]
 nginx                   [  crashed  ]
 ntpd                    [  stopped  ]
 net.eth0                [ starting  ]
`;
Deno.test("OpenRC's list is read by exact name", () => {
  const read = (name: string) => {
    const service = parseOpenRcList(list, name);
    return service && [service.active_state, service.sub_state, service.healthy];
  };
  assert.deepEqual(read("sshd"), ["active", "started", true]);
  assert.deepEqual(read("cronie"), ["active", "started", true]);
  assert.deepEqual(read("nginx"), ["failed", "crashed", false]);
  assert.deepEqual(read("ntpd"), ["inactive", "stopped", false]);
  assert.deepEqual(read("net.eth0"), ["inactive", "starting", null]);
  for (const name of ["ssh", "sshd ", "net.eth", "net?eth0", "[", ""]) assert.equal(read(name), null, name);
});

Deno.test("names that are options, paths, patterns or other units are no services", async () => {
  const hostile = [
    ...["--help", "-H root@elsewhere", "--property=Environment", "-", "--", "", " ssh", "ssh cron", "ssh\ncron"],
    ...["/etc/passwd", "../x.service", "a/b", "*", "ssh*", "s?h", "[s]sh", "$(id)", "`id`", "ssh;id", "ssh\u0000"],
    ...["dbus.socket", "multi-user.target", "apt-daily.timer", "home.mount", "user.slice", "x".repeat(257)],
  ];
  for (const name of hostile) {
    assert.equal(isServiceName(name), false, JSON.stringify(name));
    assert.equal(await createServices(null).service(name), null, JSON.stringify(name));
  }
  for (
    const name of ["ssh", "ssh.service", "getty@tty1.service", "systemd-fsck@dev-disk-by\\x2duuid.service", "net.eth0"]
  ) {
    assert.equal(isServiceName(name), true, name);
  }
});

Deno.test("a service that no host has is null, with systemd, OpenRC or neither; below a root there is none", async () => {
  assert.equal(await createServices(null).service("no-such-service-of-ours"), null);
  assert.equal(await createServices("/var/tmp").service("ssh"), null);
});

sandboxTest("below a folder there are no services, whatever runs on the machine", async (bed) => {
  const executor = openExecutor(bed);
  for (const name of ["systemd-journald", "ssh.service", "cron"]) {
    assert.equal(await executor.service(name), null, name);
  }
  await executor.close();
});

// Whatever runs the machine of the test: where it is systemd its journal is at work, elsewhere there is no such unit.
const { stdout } = await new Deno.Command("/usr/bin/cat", { args: ["/proc/1/comm"] }).output();
const running = new TextDecoder().decode(stdout).trim();
Deno.test(`systemd's own journal, on a machine whose process 1 is ${running}`, async () => {
  const service = await createServices(null).service("systemd-journald");
  const expected = running === "systemd" ? ["systemd-journald.service", true] : [undefined, undefined];
  assert.deepEqual([service?.name, service?.healthy], expected);
});
