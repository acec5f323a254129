import assert from "node:assert/strict";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { publish } from "../../demo/sandbox.ts";
import { type Bed, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { makePki } from "../server/server_fixture_test.ts";
import { openExecutor } from "./executor_fixture_test.ts";

const sources = (bed: Bed) => `${bed.root}/etc/apt/sources.list`;
async function addSource(bed: Bed, line: string): Promise<void> {
  await Deno.writeTextFile(sources(bed), `${await Deno.readTextFile(sources(bed))}${line}\n`);
}
async function editRelease(bed: Bed, pattern: RegExp, replacement: string): Promise<void> {
  const path = `${bed.repository.folder}/dists/lab/Release`;
  const text = await Deno.readTextFile(path);
  assert.match(text, pattern);
  await Deno.writeTextFile(path, text.replace(pattern, replacement));
}

/** Refreshes, and answers what the host's page and its health say then. */
async function refresh(bed: Bed) {
  const executor = openExecutor(bed);
  try {
    const list = await executor.patches({ max_index_age_seconds: 0 });
    const health = await executor.health();
    const problem = health.problems!.find((words) => words.startsWith("The package index could not")) ?? "";
    return { error: list.index_error, total: list.total, list, health, problem };
  } finally {
    await executor.close();
  }
}

/** A condition of one of the bed's repositories: what the refresh then says. */
const conditions: [what: string, make: (bed: Bed) => Promise<void>, words: RegExp][] = [
  [
    "a repository that nobody answers for",
    (bed) => addSource(bed, "deb [trusted=yes] http://127.0.0.1:9 lab main"),
    /^http:\/\/127\.0\.0\.1:9 lab: The repository cannot be reached: .*refused.*\. 3 of 4 repositories are fresh\.$/,
  ],
  [
    "a server that has no address",
    (bed) => addSource(bed, "deb [trusted=yes] http://mirror.invalid lab main"),
    /^http:\/\/mirror\.invalid lab: The repository cannot be reached: .*resolv.*3 of 4 repositories are fresh/i,
  ],
  [
    "a proxy that is away",
    async (bed) => {
      await addSource(bed, "deb [trusted=yes] http://mirror.invalid lab main");
      await Deno.writeTextFile(`${bed.root}/etc/apt/apt.conf.d/proxy`, 'Acquire::http::Proxy "http://127.0.0.1:9/";\n');
    },
    /^http:\/\/mirror\.invalid lab: The proxy 127\.0\.0\.1:9 cannot be reached\. .*Acquire::http::Proxy/,
  ],
  [
    "a suite that is not there",
    (bed) => addSource(bed, `deb [trusted=yes] copy:${bed.repository.folder} nosuch main`),
    /^copy:\S+ nosuch: .*is not in the repository any more.*3 of 4 repositories are fresh/,
  ],
  [
    "an index that has expired",
    (bed) => editRelease(bed, /^Date: /m, "Valid-Until: Mon, 02 Jan 2023 00:00:00 UTC\nDate: "),
    /^copy:\S+ lab: The repository's index expired .* ago: .*another mirror.* 2 of 3 repositories are fresh/,
  ],
  [
    "a release that changed its name",
    (bed) => editRelease(bed, /^Codename: .*$/m, "Codename: other"),
    /changed its Codename from lab to other.*--allow-releaseinfo-change/,
  ],
  [
    "an index that is not what was announced",
    (bed) => editRelease(bed, /[0-9a-f]{64}/, "a".repeat(64)),
    /^copy:\S+ lab: .*Packages is not what the index announced .*2 of 3 repositories are fresh/,
  ],
  [
    "a page instead of an index",
    (bed) => editRelease(bed, /^[^]*$/, "<html>Please log in</html>\n"),
    /index cannot be read/,
  ],
  [
    "a line that nobody understands",
    (bed) => addSource(bed, "deb http://mirror.invalid"),
    /^Line 4 of \S+sources\.list is malformed \(Suite\): apt does nothing until it is corrected/,
  ],
  [
    "a line of an unknown kind",
    (bed) => addSource(bed, "dep http://mirror.invalid lab main"),
    /^Line 4 of \S+sources\.list begins with "dep"/,
  ],
  [
    "no repository at all",
    (bed) => Deno.writeTextFile(sources(bed), "# nothing\n"),
    /^No repository is configured, so no update will ever be found/,
  ],
];
for (const [what, make, words] of conditions) {
  sandboxTest(`health: ${what} is named, with what helps`, async (bed) => {
    await make(bed);
    const { error, health, problem } = await refresh(bed);
    assert.match(error!, words);
    assert.deepEqual([health.cache_status, health.status], ["failed", "degraded"]);
    assert.ok(problem.includes(error!.slice(0, 200)), problem);
  });
}

sandboxTest("health: one dead repository keeps no update of the others away", async (bed) => {
  await addSource(bed, "deb [trusted=yes] http://127.0.0.1:9 lab main");
  await publish(bed.repository, { name: "curlew", version: "9-1", suite: "lab-updates", description: "newer" });
  const { error, list } = await refresh(bed);
  assert.match(error!, /3 of 4 repositories are fresh/);
  assert.equal(list.patches.find((patch) => patch.name === "curlew")!.available_version, "9-1");
  assert.ok(list.index_age_seconds! < 60);
});

sandboxTest("health: an index from the future says that the clock is wrong", async (bed) => {
  await editRelease(bed, /^Date: .*$/m, "Date: Mon, 02 Jan 2090 00:00:00 UTC");
  const { error, health } = await refresh(bed);
  assert.match(error!, /from the future \(valid in .*\): the clock of this host is wrong/);
  assert.deepEqual([health.checks!.clock, health.status], ["skewed", "degraded"]);
  assert.match(
    health.problems!.join("\n"),
    /The clock stands wrong: a repository's index is not valid yet.*timedatectl/,
  );
});

sandboxTest("health: an unsigned repository is refused and named", async (bed) => {
  const { error, problem, total } = await refresh(bed);
  assert.match(
    error!,
    /lab, copy:\S+ lab-updates, copy:\S+ lab-security: .*signature could not be verified: it is not signed/,
  );
  assert.match(error!, /No repository could be refreshed/);
  assert.match(problem, /not signed/);
  assert.ok(total! > 0, "what was known before stays");
}, { trusted: false });

sandboxTest("health: passwords in addresses are not told", async (bed) => {
  await addSource(bed, "deb [trusted=yes] http://me:se-cret@127.0.0.1:9 lab main");
  const { error, health } = await refresh(bed);
  assert.match(error!, /cannot be reached/);
  assert.ok(!JSON.stringify([error, health]).includes("se-cret"));
});

sandboxTest("health: a certificate that nobody trusts is named as such", async (bed) => {
  const { certificate, key } = await (await makePki()).agent();
  const server = https.createServer({ cert: certificate, key }, (_, response) => response.end());
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const port = (server.address() as AddressInfo).port;
    await addSource(bed, `deb [trusted=yes] https://127.0.0.1:${port} lab main`);
    const { error } = await refresh(bed);
    assert.match(
      error!,
      new RegExp(`^https://127\\.0\\.0\\.1:${port} lab: The repository's TLS certificate is not accepted`),
    );
    assert.match(error!, /ca-certificates.*3 of 4 repositories are fresh/);
  } finally {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});

sandboxTest("health: a repair of the cause shows with the next refresh", async (bed) => {
  const good = await Deno.readTextFile(sources(bed));
  const executor = openExecutor(bed);
  const before = await executor.patches({});
  await addSource(bed, "deb http://mirror.invalid");
  const ill = await executor.patches({ max_index_age_seconds: 0 });
  assert.deepEqual([ill.state, ill.total], ["broken", before.total], "no updates would be a lie");
  assert.deepEqual([...new Set(ill.patches.map((patch) => patch.state))], ["blocked"]);
  assert.match(ill.patches[0].state_reason!, /Line 4 of/);
  const { checks, problems } = await executor.health();
  assert.equal(checks!.package_manager, "broken");
  assert.match(problems![0], /apt cannot work: Line 4 of/);
  await Deno.writeTextFile(sources(bed), good);
  const list = await executor.patches({ max_index_age_seconds: 0 });
  const states = (patches: typeof list.patches) => patches.map((patch) => [patch.name, patch.state]);
  assert.deepEqual([list.index_error, list.state, states(list.patches)], [null, "ok", states(before.patches)]);
  const health = await executor.health();
  assert.deepEqual([health.status, health.problems], ["healthy", []]);
  await executor.close();
});
