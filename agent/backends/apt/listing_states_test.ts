import assert from "node:assert/strict";
import { PatchList } from "../../../protocol/api.ts";
import { believe, exclude, listed, offer, refresh } from "./listing_fixture_test.ts";
import { sandboxTest } from "./sandbox_fixture_test.ts";

sandboxTest("removal, hold, phases, epoch and chains of new packages each have their state and words", async (bed) => {
  const names = ["ibis-app", "ibis-conflict", "ibis-deinstall", "ibis-dep", "ibis-epoch", "ibis-held", "ibis-hundred"];
  const more = ["ibis-needs", "ibis-needs-held", "ibis-needs-phased", "ibis-old", "ibis-phased", "ibis-sixty"];
  await believe(
    bed,
    [...names, ...more].map((name) => ({
      name,
      status: name === "ibis-deinstall"
        ? "deinstall ok installed"
        : name === "ibis-held"
        ? "hold ok installed"
        : undefined,
    })),
  );
  await believe(bed, [{ name: "ibis-user", fields: "Architecture: all\nVersion: 1.0-1\nDepends: ibis-old" }]);
  await offer(bed, [
    ["ibis-conflict", "2.0-1", "lab-security", { conflicts: "ibis-old" }],
    ["ibis-dep", "2.0-1", "lab-updates"],
    ["ibis-needs", "2.0-1", "lab-updates", { depends: "ibis-dep (>= 2.0)" }],
    ["ibis-phased", "2.0-1", "lab-updates", { phased_percent: 0 }],
    ["ibis-sixty", "2.0-1", "lab-updates", { phased_percent: 60 }],
    ["ibis-hundred", "2.0-1", "lab-updates", { phased_percent: 100 }],
    ["ibis-needs-phased", "2.0-1", "lab-updates", { depends: "ibis-phased (>= 2.0)" }],
    ["ibis-lib2", "2.0-1", "lab-updates", { depends: "ibis-lib3, ibis-transport" }],
    ["ibis-lib3", "2.0-1", "lab-updates"],
    ["ibis-mailer", "2.0-1", "lab-updates", { fields: { Provides: "ibis-transport" } }],
    ["ibis-app", "2.0-1", "lab-updates", { depends: "ibis-lib2" }],
    ["ibis-epoch", "1:0.5-1", "lab-updates"],
    ["ibis-deinstall", "2.0-1", "lab-updates"],
    ["ibis-held", "2.0-1", "lab-security"],
    ["ibis-needs-held", "2.0-1", "lab-updates", { depends: "ibis-held (>= 2.0)" }],
  ]);
  const by = await listed(bed);
  const state = (name: string) => by.get(name)?.state;
  const why = (name: string) => by.get(name)?.state_reason ?? "";

  assert.deepEqual([state("ibis-conflict"), by.get("ibis-conflict")!.removes!.toSorted()], [
    "kept_back",
    ["ibis-old", "ibis-user"],
  ]);
  assert.match(why("ibis-conflict"), /would remove ibis-(old|user), ibis-(old|user)\. Nothing is ever removed/);
  assert.equal(by.get("ibis-conflict")!.security, true, "kept back, and still a security update");
  assert.equal(by.get("ibis-conflict")!.installable, false);

  assert.equal(state("ibis-phased"), "phased");
  assert.match(why("ibis-phased"), /0 % of all machines so far, this one is not among them yet/);
  assert.equal(by.get("ibis-sixty")!.phased_percent, 60);
  assert.ok(["phased", "installable"].includes(state("ibis-sixty")!), "apt decides, and listed() compared with it");
  assert.equal(state("ibis-hundred"), "installable");
  assert.equal(state("ibis-needs-phased"), "kept_back");
  assert.match(why("ibis-needs-phased"), /it needs ibis-phased 2\.0-1, which is rolled out in phases \(0 % so far\)/);

  assert.deepEqual([state("ibis-held"), by.get("ibis-held")!.security], ["held", true]);
  assert.match(why("ibis-held"), /apt-mark unhold ibis-held$/);
  assert.match(why("ibis-needs-held"), /depends on ibis-held \(>= 2\.0\) .*: ibis-held is on hold on this host/);

  assert.equal(state("ibis-app"), "installable");
  assert.deepEqual(by.get("ibis-app")!.new_dependencies, ["ibis-lib2", "ibis-lib3", "ibis-mailer"]);
  assert.deepEqual(by.get("ibis-needs")!.new_dependencies, []);
  assert.deepEqual([state("ibis-epoch"), by.get("ibis-epoch")!.available_version], ["installable", "1:0.5-1"]);
  assert.equal(state("ibis-deinstall"), "installable", "wanted gone, but there: apt updates it");
  assert.ok(PatchList.safeParse({ patches: [...by.values()] }).success);
});

sandboxTest("foreign architectures, leftovers and packages without a source", async (bed) => {
  const native = (await bed.run("/usr/bin/dpkg", ["--print-architecture"])).stdout.trim();
  const foreign = native === "i386" ? "amd64" : "i386";
  await Deno.writeTextFile(`${bed.root}/var/lib/dpkg/arch`, `${native}\n${foreign}\n`);
  const configuration = await Deno.readTextFile(`${bed.root}/apt.conf`);
  await Deno.writeTextFile(
    `${bed.root}/apt.conf`,
    configuration.replace(/APT::Architectures \{[^}]*\}/, `APT::Architectures { "${native}"; "${foreign}"; }`),
  );
  const both = (arch: string) => ({
    name: "libstilt1",
    fields: `Architecture: ${arch}\nMulti-Arch: same\nVersion: 1.0-1\nSource: stilt`,
  });
  await believe(bed, [
    both(native),
    both(foreign),
    { name: "stilt-local", fields: "Architecture: all\nVersion: 99:1~local+1" },
    { name: "stilt-gone", status: "deinstall ok config-files" },
    { name: "stilt-tools", fields: `Architecture: ${native}\nVersion: 1.0-1\nDepends: stilt-any:any` },
    { name: "stilt-any", fields: `Architecture: ${native}\nMulti-Arch: allowed\nVersion: 1.0-1` },
  ]);
  const same = { fields: { "Multi-Arch": "same" }, source: "stilt" };
  await offer(bed, [
    ["libstilt1", "2.0-1", "lab-security", { ...same, architecture: native, depends: "stilt-data (= 2.0-1)" }],
    ["libstilt1", "2.0-1", "lab-security", { ...same, architecture: foreign, filler_kib: 64 }],
    ["stilt-data", "2.0-1", "lab-security", { fields: { "Multi-Arch": "foreign" } }],
    ["stilt-gone", "2.0-1", "lab-updates"],
    ["stilt-any", "2.0-1", "lab-updates", { architecture: native, fields: { "Multi-Arch": "allowed" } }],
    ["stilt-tools", "2.0-1", "lab-updates", { architecture: native, depends: "stilt-any:any (>= 2.0)" }],
  ]);
  const by = await listed(bed);
  const [own, other] = [by.get("libstilt1")!, by.get(`libstilt1:${foreign}`)!];
  assert.deepEqual([own.arch, own.state, own.new_dependencies], [native, "installable", ["stilt-data"]]);
  assert.deepEqual([other.arch, other.state, other.security], [foreign, "installable", true]);
  assert.ok(other.size_bytes! > own.size_bytes! + 60_000, "each architecture has its own record");
  assert.deepEqual([by.get("stilt-tools")!.state, by.get("stilt-any")!.state], ["installable", "installable"]);
  assert.equal(by.has("stilt-gone"), false, "only its configuration is left");
  assert.equal(by.has("stilt-local"), false);
  const { installed } = await bed.apt.listing();
  assert.equal(installed.some((item) => item.name === "stilt-gone"), false);
  const local = installed.find((item) => item.name === "stilt-local")!;
  assert.deepEqual([local.upgradable, local.latest_version], [false, "99:1~local+1"]);
});

sandboxTest("the download total is apt's own, less what lies there already", async (bed) => {
  const sum = async () => {
    const text =
      (await bed.run("/usr/bin/apt-get", ["-qq", "--print-uris", "-y", "--with-new-pkgs", "upgrade"])).stdout;
    return text.trim().split("\n").reduce((total, line) => total + Number(line.split(" ")[2]), 0);
  };
  const before = (await bed.apt.listing()).download_bytes!;
  const patches = await listed(bed);
  const fresh = bed.repository.entries.find((entry) => entry.package.name === "libpelican-filters1")!.size;
  const sizes = [...patches.values()].filter((patch) => patch.installable).map((patch) => patch.size_bytes!);
  assert.equal(before, sizes.reduce((total, size) => total + size, fresh));
  assert.equal(before, await sum());
  assert.equal((await bed.run("/usr/bin/apt-get", ["-y", "-q", "-d", "install", "curlew"])).code, 0);
  const after = (await bed.apt.listing()).download_bytes!;
  assert.equal(before - after, patches.get("curlew")!.size_bytes);
  assert.equal(after, await sum());
  await listed(bed);
});

sandboxTest("what cannot be installed at all is blocked, with the reason, and nothing disappears", async (bed) => {
  const status = `${bed.root}/var/lib/dpkg/status`;
  const sound = await Deno.readTextFile(status);
  const all = (await listed(bed)).size;
  const blocked = async (words: RegExp) => {
    const { patches, error, download_bytes } = await bed.apt.listing();
    assert.equal(patches.length, all);
    assert.match(error!, words);
    assert.equal(download_bytes, null);
    for (const patch of patches) {
      assert.equal(patch.state, patch.held ? "held" : "blocked", patch.name);
      if (!patch.held) assert.match(patch.state_reason!, words);
    }
    await listed(bed);
    const plan = await bed.apt.plan({ packages: ["curlew"], versions: {}, new_packages: null, security_only: false });
    assert.ok(plan.refused.length > 0 && plan.targets.length === 0);
    assert.match(plan.refused[0].reason, words);
  };
  await Deno.writeTextFile(`${bed.root}/var/lib/dpkg/updates/0001`, "");
  await blocked(/dpkg was interrupted.*dpkg --configure -a/);
  await Deno.remove(`${bed.root}/var/lib/dpkg/updates/0001`);
  await believe(bed, [{ name: "dodo", fields: "Architecture: all\nVersion: 1\nDepends: extinct (>= 3)" }]);
  await blocked(/dependencies do not allow it|[Uu]nmet/);
  await Deno.writeTextFile(status, sound);
  await exclude(bed, "# as agreed\nno such line\n");
  await blocked(/line 2, "no such line"/);
  await exclude(bed, "");
  assert.equal((await listed(bed)).get("curlew")!.state, "installable");
});

sandboxTest("a restart is announced only where somebody says so", async (bed) => {
  const info = `${bed.root}/var/lib/dpkg/info`;
  await Deno.writeTextFile(`${info}/curlew.postinst`, "#!/bin/sh\n# touch /run/reboot-required\nexit 0\n");
  await Deno.writeTextFile(`${info}/lumen-utils.postinst`, "#!/bin/sh\ntouch /var/run/reboot-required || true\n");
  const notify =
    "[ -x /usr/share/update-notifier/notify-reboot-required ] && /usr/share/update-notifier/notify-reboot-required\n";
  await Deno.writeTextFile(`${info}/gannet-mail.postinst`, `#!/bin/sh\n${notify}`);
  await believe(bed, ["linux-image-all", "intel-microcode", "libc6", "systemd"].map((name) => ({ name })));
  await offer(bed, [
    ["linux-image-all", "2.0-1", "lab-security", { depends: "linux-image-9.9-lab" }],
    ["linux-image-9.9-lab", "2.0-1", "lab-security"],
    ["intel-microcode", "2.0-1", "lab-security"],
    ["libc6", "2.0-1", "lab-security"],
    ["systemd", "2.0-1", "lab-security"],
  ]);
  const by = await listed(bed);
  const why = (name: string) => {
    const { requires_reboot, reboot_reason } = by.get(name)!;
    assert.equal(requires_reboot, reboot_reason !== null);
    return reboot_reason;
  };
  assert.match(why("linux-image-all")!, /A kernel \(linux-image-all\)/);
  assert.match(why("intel-microcode")!, /microcode/);
  assert.match(why("lumen-utils")!, /own installation script asks/);
  assert.match(why("gannet-mail")!, /own installation script asks/);
  for (const name of ["curlew", "libc6", "systemd", "corvid-httpd"]) assert.equal(why(name), null, name);
});

sandboxTest("security counts by any newer version and by every name of a security pocket", async (bed) => {
  await believe(bed, [{ name: "rail-a" }, { name: "rail-b" }]);
  await offer(bed, [
    ["rail-a", "1.1-1", "lab-security"],
    ["rail-a", "1.2-1", "lab-updates"],
    ["rail-a", "1.3-1", "lab"],
    ["rail-b", "1.0-1", "lab-security"],
    ["rail-b", "1.2-1", "lab-updates"],
  ]);
  const by = await listed(bed);
  assert.deepEqual([by.get("rail-a")!.security_version, by.get("rail-a")!.available_version], ["1.1-1", "1.3-1"]);
  assert.equal(by.get("rail-b")!.security, false, "the fix is installed already");
  await refresh(bed);
});
