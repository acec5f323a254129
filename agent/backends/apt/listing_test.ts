import assert from "node:assert/strict";
import { PatchList } from "../../../protocol/api.ts";
import { sandboxTest } from "./sandbox_fixture_test.ts";

sandboxTest("counts equal apt's own answer", async (bed) => {
  const { patches, error } = await bed.apt.listing();
  assert.equal(error, null);
  const list = (await bed.run("/usr/bin/apt", ["list", "--upgradable"])).stdout;
  const upgradable = [...list.matchAll(/^([^/\n]+)\/\S+ (\S+) /gm)].map((m) => `${m[1]} ${m[2]}`).sort();
  assert.deepEqual(patches.map((patch) => `${patch.name} ${patch.available_version}`).sort(), upgradable);
  assert.equal(upgradable.length, 13);
  const simulation = (await bed.run("/usr/bin/apt-get", ["-s", "-q", "dist-upgrade"])).stdout;
  const installs = [...simulation.matchAll(/^Inst (\S+) \[/gm)].map((m) => m[1]).sort();
  const installable = patches.filter((patch) => patch.state === "installable");
  assert.deepEqual(installable.map((patch) => patch.name).sort(), installs);
  // What goes over the wire passes the schema that the manager reads it with.
  assert.equal(PatchList.parse({ patches }).patches.length, 13);
});

sandboxTest("every pending update has its state, and words when it will not be installed", async (bed) => {
  const { patches } = await bed.apt.listing();
  const by = new Map(patches.map((patch) => [patch.name, patch]));
  const states = Object.fromEntries(patches.filter((p) => !p.installable).map((p) => [p.name, p.state]));
  assert.deepEqual(states, { "magpie-server": "held", "stork-plugins": "kept_back", "wren-portal": "phased" });
  assert.match(by.get("magpie-server")!.state_reason!, /unhold magpie-server/);
  assert.match(by.get("stork-plugins")!.state_reason!, /depends on stork-core \(>= 2\.0\)/);
  assert.match(by.get("wren-portal")!.state_reason!, /0 %/);
  assert.equal(by.get("wren-portal")!.phased_percent, 0);
  assert.equal(by.get("magpie-server")!.held, true);
  assert.equal(by.get("curlew")!.state_reason, null);
  assert.deepEqual(by.get("pelican-proxy")!.new_dependencies, ["libpelican-filters1"]);
  assert.deepEqual(by.get("curlew")!.new_dependencies, []);
});

sandboxTest("security is judged by source, also below an ordinary update", async (bed) => {
  const { patches } = await bed.apt.listing();
  const security = Object.fromEntries(patches.filter((p) => p.security).map((p) => [p.name, p.security_version]));
  assert.deepEqual(security, {
    "corvid-httpd": "2.4.59-1",
    "gannet-mail": "1:2.3.19+dfsg1-1",
    "libtessera3": "3.0.11-1+deb12u2",
    "linux-image-sandbox": "6.1.90-1",
    "tessera-tools": "3.0.11-1+deb12u2",
  });
  const library = patches.find((patch) => patch.name === "libtessera3")!;
  assert.equal(library.available_version, "3.0.11-1+deb12u3");
  assert.deepEqual(library.repository, ["lab-updates/main"]);
  assert.deepEqual([library.severity, library.severity_source], ["unknown", "none"]);
});

sandboxTest("sizes, source and restart come from the records", async (bed) => {
  const { patches, installed } = await bed.apt.listing();
  const kernel = patches.find((patch) => patch.name === "linux-image-sandbox")!;
  const entry = bed.repository.entries.find((e) =>
    e.package.name === kernel.name && e.package.suite === "lab-security"
  )!;
  assert.equal(kernel.size_bytes, entry.size);
  assert.equal(kernel.installed_size_delta_bytes, 1200 * 1024);
  assert.equal(kernel.source_package, "linux-sandbox");
  assert.equal(kernel.requires_reboot, true);
  assert.equal(installed.length, 14);
  const icons = installed.find((item) => item.name === "plover-icons")!;
  assert.deepEqual([icons.upgradable, icons.latest_version, icons.status], [false, "5.0-1", "installed"]);
  assert.equal(installed.find((item) => item.name === "curlew")!.latest_version, "7.88.1-11");
});

sandboxTest("a broken package database blocks with words instead of showing nothing", async (bed) => {
  const status = `${bed.root}/var/lib/dpkg/status`;
  const content = await Deno.readTextFile(status);
  // What a forced removal leaves: an installed package whose dependency is gone.
  await Deno.writeTextFile(status, content.replace(/Package: libtessera3\n[^]*?\n\n/, ""));
  const { patches, error } = await bed.apt.listing();
  assert.match(error!, /dependencies do not allow it|[Uu]nmet/);
  assert.ok(patches.length >= 11, "updates must stay visible");
  assert.ok(patches.filter((patch) => !patch.held).every((patch) => patch.state === "blocked" && patch.state_reason));
});

sandboxTest("the state of the database is told apart", async (bed) => {
  assert.deepEqual(await bed.apt.database(), { state: "ok", words: null });
  await Deno.writeTextFile(`${bed.root}/var/lib/dpkg/updates/0000`, "");
  assert.equal((await bed.apt.database()).state, "interrupted");
  await Deno.remove(`${bed.root}/var/lib/dpkg/updates/0000`);
  const status = `${bed.root}/var/lib/dpkg/status`;
  const content = await Deno.readTextFile(status);
  const set = (state: string) =>
    Deno.writeTextFile(status, content.replace(/(Package: curlew\nStatus: install ok )installed/, `$1${state}`));
  await set("half-configured");
  const broken = await bed.apt.database();
  assert.equal(broken.state, "broken");
  assert.match(broken.words!, /curlew.*dpkg --configure -a/);
  await set("unpacked");
  assert.equal((await bed.apt.database()).state, "interrupted");
});
