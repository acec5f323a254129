import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { type Clock, systemClock } from "../clock.ts";
import { daysFromNow } from "../../testing/tls.ts";
import { ensurePki, type EnsurePkiOptions, type Pki } from "./ensure_pki.ts";
import { PkiError } from "./types.ts";

const options: EnsurePkiOptions = { ui_names: ["localhost", "127.0.0.1", "::1"] };
const FILES = ["lock", "manager-client.crt", "manager-client.key", "root.crt", "root.key", "ui.crt", "ui.key"];

async function inFolder(run: (folder: string) => Promise<void>) {
  const base = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "pki-" });
  try {
    await run(`${base}/state/pki`);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

const mode = async (path: string) => ((await Deno.stat(path)).mode! & 0o777).toString(8);
const names = async (folder: string) => (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name).sort();

async function refusal(folder: string, change: EnsurePkiOptions = options): Promise<PkiError> {
  const error = await ensurePki(folder, change).then(() => assert.fail("it was accepted"), (error) => error);
  assert.ok(error instanceof PkiError, String(error?.stack));
  assert.ok(error.hint.length > 10);
  assert.doesNotMatch(`${error.message} ${error.hint} ${error.cause}`, /BEGIN|MIG[A-Za-z0-9]/);
  return error;
}

Deno.test("the first call makes everything, for the owner alone; the second finds it as it is", async () => {
  await inFolder(async (folder) => {
    const made = await ensurePki(folder, options);
    assert.deepEqual(made.written, ["root", "manager-client", "ui"]);
    assert.deepEqual(await names(folder), FILES);
    assert.equal(await mode(folder), "700");
    for (const name of FILES) assert.equal(await mode(`${folder}/${name}`), "600", name);
    const again = await ensurePki(folder, options);
    assert.deepEqual(again.written, []);
    const facts = ({ root, manager_client, ui }: Pki) => ({ root, manager_client, ui });
    assert.deepEqual(facts(again), { ...facts(made), ui: { ...made.ui, addresses: again.ui!.addresses } });
  });
});

Deno.test("the pairs belong together and to the root", async () => {
  await inFolder(async (folder) => {
    const pki = await ensurePki(folder, options);
    const root = new X509Certificate(pki.root.certificate_pem);
    for (const pair of [pki.manager_client, pki.ui!]) {
      const certificate = new X509Certificate(pair.certificate_pem);
      assert.ok(certificate.verify(root.publicKey));
    }
    assert.equal(root.fingerprint256.replaceAll(":", "").toLowerCase(), pki.root.fingerprint);
  });
});

Deno.test("without names for the web listener no certificate is made for it", async () => {
  await inFolder(async (folder) => {
    const pki = await ensurePki(folder, { ui_names: null });
    assert.equal(pki.ui, null);
    assert.deepEqual(pki.written, ["root", "manager-client"]);
  });
});

Deno.test("three callers at once make one set", async () => {
  await inFolder(async (folder) => {
    const all = await Promise.all([1, 2, 3].map(() => ensurePki(folder, options)));
    assert.equal(new Set(all.map((pki) => pki.root.fingerprint)).size, 1);
    assert.equal(new Set(all.map((pki) => pki.ui!.fingerprint)).size, 1);
    assert.deepEqual(all.flatMap((pki) => pki.written).sort(), ["manager-client", "root", "ui"]);
  });
});

const renewals: { name: string; first: EnsurePkiOptions; then: EnsurePkiOptions; written: string[] }[] = [
  { name: "after 56 days nothing", first: options, then: { ...options, clock: daysFromNow(56) }, written: [] },
  {
    name: "after 64 days both leaves",
    first: options,
    then: { ...options, clock: daysFromNow(64) },
    written: ["manager-client", "ui"],
  },
  {
    name: "after their end both leaves",
    first: options,
    then: { ...options, clock: daysFromNow(400) },
    written: ["manager-client", "ui"],
  },
  {
    name: "for one more name the web certificate",
    first: options,
    then: { ui_names: [...options.ui_names!, "manager.example.com"] },
    written: ["ui"],
  },
  { name: "for one name less nothing", first: options, then: { ui_names: ["localhost"] }, written: [] },
  {
    name: "for another spelling of an address nothing",
    first: options,
    then: { ui_names: ["LOCALHOST", "0:0:0:0:0:0:0:1"] },
    written: [],
  },
];
for (const { name, first, then, written } of renewals) {
  Deno.test(`renewed: ${name}`, async () => {
    await inFolder(async (folder) => {
      const before = await ensurePki(folder, first);
      const after = await ensurePki(folder, then);
      assert.deepEqual(after.written, written);
      assert.equal(after.root.fingerprint, before.root.fingerprint);
      assert.equal(after.ui!.serial !== before.ui!.serial, written.includes("ui"));
      assert.notEqual(written.includes("ui"), after.ui!.key_pem === before.ui!.key_pem);
      assert.deepEqual(await names(folder), FILES);
    });
  });
}

const damages: { name: string; damage: (folder: string) => Promise<unknown>; words: RegExp; clock?: Clock }[] = [
  {
    name: "a key that others can read",
    damage: (folder) => Deno.chmod(`${folder}/root.key`, 0o640),
    words: /root\.key can be used by other users of this machine \(mode 0640\)\. Run: chmod 0600 .*root\.key$/,
  },
  {
    name: "a folder that others can enter",
    damage: (folder) => Deno.chmod(folder, 0o755),
    words: /pki can be used by other users of this machine \(mode 0755\)\. Run: chmod 0700 .*pki$/,
  },
  {
    name: "a root key that is gone",
    damage: (folder) => Deno.remove(`${folder}/root.key`),
    words: /root\.key is missing while .*root\.crt is there.*backup/,
  },
  {
    name: "a root certificate that is gone",
    damage: (folder) => Deno.remove(`${folder}/root.crt`),
    words: /root\.crt is missing.*backup/,
  },
  {
    name: "a whole root that is gone",
    damage: (folder) => Promise.all([Deno.remove(`${folder}/root.crt`), Deno.remove(`${folder}/root.key`)]),
    words: /root\.key and root\.crt are missing while manager-client\.crt is there/,
  },
  {
    name: "the key of another certificate",
    damage: (folder) => Deno.copyFile(`${folder}/ui.key`, `${folder}/root.key`),
    words: /root\.key does not belong to root\.crt\. Restore both from the same backup/,
  },
  {
    name: "the client key of another certificate",
    damage: (folder) => Deno.copyFile(`${folder}/ui.key`, `${folder}/manager-client.key`),
    words: /manager-client\.key does not belong to manager-client\.crt/,
  },
  {
    name: "a damaged root certificate",
    damage: (folder) => Deno.writeTextFile(`${folder}/root.crt`, "hello"),
    words: /root\.crt is not a certificate in PEM form/,
  },
  {
    name: "a damaged leaf",
    damage: (folder) => Deno.writeTextFile(`${folder}/ui.crt`, "hello"),
    words: /ui\.crt is not a certificate in PEM form/,
  },
  {
    name: "an empty root key",
    damage: (folder) => Deno.writeTextFile(`${folder}/root.key`, ""),
    words: /root\.key does not belong/,
  },
  {
    name: "a folder in the place of a key",
    damage: async (folder) => {
      await Deno.remove(`${folder}/root.key`);
      await Deno.mkdir(`${folder}/root.key`);
    },
    words: /root\.key cannot be read/,
  },
  { name: "an expired root", damage: () => Promise.resolve(), clock: daysFromNow(3700), words: /expired at 20/ },
  {
    name: "a clock far behind",
    damage: () => Promise.resolve(),
    clock: daysFromNow(-2),
    words: /only valid from .*clock/,
  },
];
for (const { name, damage, words, clock = systemClock } of damages) {
  Deno.test(`refused with words, and nothing written: ${name}`, async () => {
    await inFolder(async (folder) => {
      await ensurePki(folder, options);
      await damage(folder);
      const before = await names(folder);
      const error = await refusal(folder, { ...options, clock });
      assert.match(`${error.message} ${error.hint}`, words);
      assert.deepEqual(await names(folder), before);
    });
  });
}

Deno.test("a file in the place of the folder is refused with words", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(folder.replace(/\/pki$/, ""), { recursive: true });
    await Deno.writeTextFile(folder, "");
    assert.match((await refusal(folder)).message, /pki (is not a folder|cannot be made)/);
  });
});

Deno.test("a leaf of another root is replaced", async () => {
  await inFolder(async (folder) => {
    await inFolder(async (other) => {
      await ensurePki(other, options);
      await ensurePki(folder, options);
      for (const name of ["ui.crt", "ui.key"]) await Deno.copyFile(`${other}/${name}`, `${folder}/${name}`);
      assert.deepEqual((await ensurePki(folder, options)).written, ["ui"]);
    });
  });
});

// What a kill leaves after each step of writing a pair: certificate marked; key marked too; key renamed.
const interrupted = [
  { name: "before the key was written", old_key: true, marked: ["crt"], kept: "old" },
  { name: "before the first rename", old_key: true, marked: ["crt", "key"], kept: "old" },
  { name: "between the renames", old_key: false, marked: ["crt"], kept: "new" },
] as const;
for (const { name, old_key, marked, kept } of interrupted) {
  Deno.test(`a kill ${name} leaves the ${kept} pair, whole`, async () => {
    await inFolder(async (folder) => {
      await inFolder(async (later) => {
        const old = await ensurePki(folder, options);
        await Deno.mkdir(later, { recursive: true });
        for (const file of await names(folder)) await Deno.copyFile(`${folder}/${file}`, `${later}/${file}`);
        await Deno.chmod(later, 0o700);
        const next = await ensurePki(later, { ...options, clock: daysFromNow(64) });
        for (const end of marked) await Deno.copyFile(`${later}/ui.${end}`, `${folder}/ui.${end}.new`);
        if (!old_key) await Deno.copyFile(`${later}/ui.key`, `${folder}/ui.key`);

        const found = await ensurePki(folder, options);
        assert.equal(found.ui!.serial, (kept === "old" ? old : next).ui!.serial);
        assert.deepEqual(found.written, []);
        assert.deepEqual(await names(folder), FILES);
      });
    });
  });
}

Deno.test("a kill in the middle of the first root is made up for", async () => {
  await inFolder(async (folder) => {
    const made = await ensurePki(folder, options);
    for (const name of ["ui.crt", "ui.key", "manager-client.crt", "manager-client.key"]) {
      await Deno.remove(`${folder}/${name}`);
    }
    await Deno.rename(`${folder}/root.crt`, `${folder}/root.crt.new`);
    const found = await ensurePki(folder, options);
    assert.equal(found.root.fingerprint, made.root.fingerprint);
    assert.deepEqual(found.written, ["manager-client", "ui"]);
  });
});
