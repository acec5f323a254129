import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { PackageList, PatchList } from "../../../protocol/api.ts";
import { openExecutor, order, runToEnd } from "../../executor/executor_fixture_test.ts";
import { type Bed, sandboxTest } from "./sandbox_fixture_test.ts";

/** A paragraph of an index that offers curlew 9.0-1, with fields of the enemy's choice. */
function paragraph(fields: Record<string, string>): string {
  const all = {
    ...{ Package: "curlew", Version: "9.0-1", Architecture: "all", Maintainer: "x", Section: "admin" },
    ...{ Priority: "optional", "Installed-Size": "10", Filename: "pool/x.deb", Size: "100" },
    ...{ SHA256: "0".repeat(64), Description: "d" },
    ...fields,
  };
  return Object.entries(all).map(([key, value]) => `${key}: ${value}\n`).join("");
}

/** Puts text at the end of an index, as whoever holds a repository and its key can. */
async function tamper(bed: Bed, original: string, more: string): Promise<void> {
  const suite = `${bed.repository.folder}/dists/lab-updates`;
  const index = new TextEncoder().encode(`${original}\n${more}`);
  await Deno.writeFile(`${suite}/main/binary-all/Packages`, index);
  const hash = createHash("sha256").update(index).digest("hex");
  const release = await Deno.readTextFile(`${suite}/Release`);
  const line = `SHA256:\n ${hash} ${index.length} main/binary-all/Packages\n`;
  await Deno.writeTextFile(`${suite}/Release`, release.replace(/SHA256:\n.*\n/, line));
}

const bad = /not one that Debian allows/;
/** `state` of curlew in the list; `brings` what an order of it would install besides. */
const attacks: { what: string; text: string; state: "installable" | "kept_back"; shown?: RegExp }[] = [
  {
    what: "NUL in a description",
    text: paragraph({ Description: "a\u0000b" }),
    state: "installable",
    shown: /a\ufffdb/,
  },
  {
    what: "words that steer a terminal or turn a line round",
    text: paragraph({ Description: "a\u001b[31mb\u009b1m\u202ec" }),
    state: "installable",
    shown: /a\ufffd\[31mb\ufffd1m\ufffdc/,
  },
  { what: "a size beyond all numbers", text: paragraph({ "Installed-Size": "999999999999999" }), state: "installable" },
  { what: "a download of a million terabytes", text: paragraph({ Size: "9999999999999999" }), state: "installable" },
  {
    what: "a description of 200,000 letters",
    text: paragraph({ Description: "x".repeat(200_000) }),
    state: "installable",
  },
  {
    what: "a version that is a shell command",
    text: paragraph({ Version: "9.0$(id)" }),
    state: "kept_back",
    shown: bad,
  },
  { what: "a version of 400 digits", text: paragraph({ Version: "9".repeat(400) }), state: "kept_back", shown: bad },
  { what: "a version that ends as a removal", text: paragraph({ Version: "9.0-" }), state: "kept_back", shown: bad },
  { what: "a version with an accent", text: paragraph({ Version: "9.0\u00e9" }), state: "kept_back", shown: bad },
  {
    what: "a new dependency with an escape in its version",
    text: paragraph({ Depends: "evil" }) + "\n" + paragraph({ Package: "evil", Version: "1\u001b2" }),
    state: "kept_back",
    shown: bad,
  },
  {
    what: "a chain of new dependencies to a version that is a command",
    text: paragraph({ Depends: "middle" }) + "\n" + paragraph({ Package: "middle", Depends: "evil" }) + "\n" +
      paragraph({ Package: "evil", Version: "1$(id)" }),
    state: "kept_back",
    shown: bad,
  },
];

sandboxTest(
  "a hostile index costs its own package at most: the list stays readable, the others stay on offer",
  async (bed) => {
    const original = await Deno.readTextFile(`${bed.repository.folder}/dists/lab-updates/main/binary-all/Packages`);
    const executor = openExecutor(bed);
    const others = (await executor.patches({})).patches.filter((row) => row.installable && row.name !== "curlew");
    for (const [index, { what, text, state, shown }] of attacks.entries()) {
      await tamper(bed, original, text);
      const list = await executor.patches({ max_index_age_seconds: 0 });
      assert.deepEqual([list.index_error, list.state], [null, "ok"], what);
      // As the manager reads them; one word off would cost the host's whole report.
      PatchList.parse(JSON.parse(JSON.stringify(list)));
      PackageList.parse(JSON.parse(JSON.stringify({ packages: await executor.packages() })));
      const curlew = list.patches.find((row) => row.name === "curlew")!;
      assert.equal(curlew.state, state, what);
      if (shown) assert.match(`${curlew.description} ${curlew.state_reason}`, shown, what);
      const installable = list.patches.filter((row) => row.installable && row.name !== "curlew");
      assert.deepEqual(installable.map((row) => row.name), others.map((row) => row.name), what);
      const all = await runToEnd(executor, order(`all-${index}`, { dry_run: true }));
      assert.deepEqual(
        [all.status, all.changes.length >= others.length],
        ["completed", true],
        `${what}: ${all.message}`,
      );
      assert.equal(all.changes.some((change) => change.name === "evil"), false, what);
      const named = await runToEnd(executor, order(`named-${index}`, { dry_run: true, packages: ["curlew"] }));
      assert.equal(named.status, state === "installable" ? "completed" : "failed", what);
      if (state !== "installable") assert.match(named.failed_packages[0].reason, bad, what);
    }
    await executor.close();
  },
);
