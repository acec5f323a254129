import assert from "node:assert/strict";
import { buildRepository, createSandboxHost, isSandboxHost, sandboxEnvironment, sandboxMissing } from "./sandbox.ts";
import { changedConffile, heldPackages, initialVersions, sandboxPackages } from "./sandbox_packages.ts";

const missing = await sandboxMissing();
const test = missing === null || Deno.env.get("TEST_REQUIRE") === "all"
  ? Deno.test
  : (name: string, _: () => Promise<void>) => Deno.test.ignore(`${name} (left out: ${missing})`, () => {});

const machineFiles = [
  "/var/lib/dpkg/status",
  "/var/lib/dpkg/lock-frontend",
  "/var/log/dpkg.log",
  "/var/log/apt/history.log",
  "/var/lib/apt/extended_states",
  "/var/lib/apt/lists",
  "/var/cache/apt/archives",
  "/etc/apt",
];

async function fingerprint(): Promise<unknown[]> {
  return await Promise.all(
    machineFiles.map((path) => Deno.stat(path).then((info) => [path, info.mtime?.getTime(), info.size], () => [path])),
  );
}

async function inTemporaryFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-sandbox-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

test("a sandbox host is ready with updates pending, and the machine's own packages are as before", async () => {
  await inTemporaryFolder(async (folder) => {
    const before = await fingerprint();
    assert.equal(await isSandboxHost(`${folder}/host`), false);
    const repository = await buildRepository(`${folder}/repository`);
    await createSandboxHost(`${folder}/host`, repository, { hostname: "web-01" });
    assert.equal(await isSandboxHost(`${folder}/host`), true);
    const ask = async (program: string, ...args: string[]) => {
      const options = { args, clearEnv: true, env: sandboxEnvironment(`${folder}/host`), cwd: "/" };
      return new TextDecoder().decode((await new Deno.Command(program, options).output()).stdout);
    };
    const installed = await ask("/usr/bin/dpkg-query", `--admindir=${folder}/host/var/lib/dpkg`, "-W");
    const versions = Object.fromEntries(installed.trim().split("\n").map((line) => line.split("\t")));
    assert.deepEqual(versions, Object.fromEntries(initialVersions()));
    assert.deepEqual((await ask("/usr/bin/apt-mark", "showhold")).trim().split("\n"), heldPackages);
    assert.equal(await Deno.readTextFile(`${folder}/host/${changedConffile.path}`), changedConffile.text);
    assert.equal((await Deno.readTextFile(`${folder}/host/etc/hostname`)).trim(), "web-01");
    // Applied with everything that its scripts do: still nothing outside of the folder.
    await ask("/usr/bin/apt-get", "-y", "-q", "install", "linux-image-sandbox", "curlew");
    assert.match(await Deno.readTextFile(`${folder}/host/run/reboot-required.pkgs`), /linux-image-sandbox/);
    assert.deepEqual(await fingerprint(), before);
  });
});

test("two hosts on one repository are two machines", async () => {
  await inTemporaryFolder(async (folder) => {
    const repository = await buildRepository(`${folder}/repository`);
    const ids = await Promise.all(["a", "b"].map(async (name) => {
      await createSandboxHost(`${folder}/${name}`, repository);
      return await Deno.readTextFile(`${folder}/${name}/etc/machine-id`);
    }));
    assert.match(ids[0], /^[0-9a-f]{32}\n$/);
    assert.notEqual(ids[0], ids[1]);
  });
});

// For an ordinary user every other test here is that proof.
const asRoot = Deno.uid() === 0 ? test : () => {};
asRoot("an ordinary user builds and updates it just the same", async () => {
  await inTemporaryFolder(async (folder) => {
    await Deno.chmod(folder, 0o777);
    const code = `
      import { buildRepository, createSandboxHost } from ${
      JSON.stringify(new URL("./sandbox.ts", import.meta.url).href)
    };
      const repository = await buildRepository(${JSON.stringify(folder)} + "/repository");
      await createSandboxHost(${JSON.stringify(folder)} + "/host", repository);
      console.log(Deno.uid());`;
    const { stdout, stderr } = await new Deno.Command("/usr/bin/setpriv", {
      args: ["--reuid=65534", "--regid=65534", "--clear-groups", Deno.execPath(), "eval", "--no-check", code],
      env: { HOME: folder, DENO_DIR: `${folder}/deno`, DENO_NO_UPDATE_CHECK: "1" },
      cwd: folder,
    }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), "65534", new TextDecoder().decode(stderr));
    assert.equal((await Deno.stat(`${folder}/host/var/lib/dpkg/status`)).uid, 65534);
  });
});

test("a folder that apt's configuration could not hold is refused with words", async () => {
  await inTemporaryFolder(async (folder) => {
    const repository = { folder, entries: [] };
    for (const root of ["relative", `${folder}/with space`, `${folder}/quote"`, `${folder}/semi;colon`]) {
      await assert.rejects(createSandboxHost(root, repository), /absolute path of letters/);
    }
  });
});

Deno.test("the invented packages show each case once", () => {
  const newest = sandboxPackages.filter((item) => item.suite !== "lab");
  assert.ok(
    newest.filter((item) => item.suite === "lab-security").every((item) => /CVE-2026-99\d{4}/.test(`${item.changes}`)),
  );
  const keys = sandboxPackages.map((item) => `${item.name} ${item.version}`);
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(newest.some((item) => item.version.includes(":")) && newest.some((item) => item.phased_percent === 0));
});
