import assert from "node:assert/strict";
import { type Bed, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { openExecutor } from "./executor_fixture_test.ts";

const found = await new Deno.Command("gpg", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then((output) => output.success, () => false);
const left_out = !found && Deno.env.get("TEST_REQUIRE") !== "all";

/** A keyring of the test's own. Its agent ends with it. */
async function gpg(bed: Bed, ...args: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const home = `${bed.folder}/gnupg`;
  await Deno.mkdir(home, { recursive: true, mode: 0o700 });
  const fixed = ["--homedir", home, "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""];
  const { success, stdout, stderr } = await new Deno.Command("gpg", { args: [...fixed, ...args] }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return stdout;
}

/** 2024-01-01: a key made then for a day is of no use today. */
const LONG_AGO = ["--faked-system-time", "20240101T000000"];

interface Case {
  what: string;
  /** How the key and the signature are made. */
  when: string[];
  lifetime: string;
  /** Whether the host knows the key. */
  known: boolean;
  /** Changes the signed text. */
  change?: (text: string) => string;
  words: RegExp | null;
}
const cases: Case[] = [
  { what: "a good signature is no matter", when: [], lifetime: "never", known: true, words: null },
  {
    what: "a key that the host does not have",
    when: [],
    lifetime: "never",
    known: false,
    words: /does not have the key \((?:NO_PUBKEY )[0-9A-F]{16,}\)\. Install the repository's key/,
  },
  {
    what: "a key that has expired",
    when: LONG_AGO,
    lifetime: "1d",
    known: true,
    words: /its key [0-9A-F]{16} has expired\. Install the renewed key/,
  },
  {
    what: "an index that was changed after signing",
    when: [],
    lifetime: "never",
    known: true,
    change: (text) => text.replace("invented packages", "injected packages"),
    words: /does not belong to the content \(BADSIG\)/,
  },
];

for (const { what, when, lifetime, known, change, words } of cases) {
  const name = `health: ${what}`;
  if (left_out) {
    Deno.test.ignore(`${name} (left out: this machine has no gpg)`, () => {});
    continue;
  }
  sandboxTest(name, async (bed) => {
    try {
      const folder = `${bed.repository.folder}/dists/lab`;
      await gpg(bed, ...when, "--quick-gen-key", "lab@example.test", "ed25519", "sign", lifetime);
      await gpg(bed, ...when, "--clearsign", "--output", `${folder}/InRelease`, `${folder}/Release`);
      const text = await Deno.readTextFile(`${folder}/InRelease`);
      if (change) await Deno.writeTextFile(`${folder}/InRelease`, change(text));
      if (known) await Deno.writeFile(`${bed.root}/etc/apt/trusted.gpg.d/lab.gpg`, await gpg(bed, ...when, "--export"));
      const sources = `${bed.root}/etc/apt/sources.list`;
      // Only the first line asks for a signature.
      await Deno.writeTextFile(sources, (await Deno.readTextFile(sources)).replace("[trusted=yes] ", ""));
      const executor = openExecutor(bed);
      const { index_error } = await executor.patches({ max_index_age_seconds: 0 });
      const health = await executor.health();
      await executor.close();
      if (words === null) {
        assert.deepEqual([index_error, health.status], [null, "healthy"]);
        return;
      }
      assert.match(index_error!, words);
      assert.match(
        index_error!,
        /^copy:\S+ lab: The repository's signature could not be verified: .* 2 of 3 repositories are fresh/,
      );
      assert.deepEqual([health.cache_status, health.status], ["failed", "degraded"]);
    } finally {
      await new Deno.Command("gpgconf", { args: ["--homedir", `${bed.folder}/gnupg`, "--kill", "all"] }).output();
    }
  });
}
