import assert from "node:assert/strict";
import { appendAudit } from "../core/audit/append_audit.ts";
import { signCheckpoints } from "../core/audit/sign_checkpoints.ts";
import { openSigningKey } from "../core/audit/signing_key.ts";
import { createLog } from "../core/log.ts";
import { exportAuditJson } from "../core/views/audit_export.ts";
import { testDatabase } from "../testing/database.ts";
import { fakeClock } from "../testing/fake_clock.ts";
import { testFolder } from "../testing/test_folder.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** A state folder as the manager leaves it, with six rows, all signed, and an export beside it. */
async function made() {
  const stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const { path } = stack.use(await testFolder("verify-"));
  await Deno.mkdir(`${path}/state/pki`, { recursive: true, mode: 0o700 });
  const { signer, keys } = await openSigningKey(`${path}/state/pki`);
  const proof = { signer, keys, folder: `${path}/state/audit` };
  const clock = fakeClock();
  const journal: string[] = [];
  const log = createLog({ write: (line) => journal.push(line) });
  const write = async () => {
    for (let n = 0; n < 3; n++) {
      const actor = { kind: "user" as const, name: "alice" };
      await appendAudit(database.web, { actor, action: "host.create", outcome: "success" }, clock);
    }
    clock.advance({ minutes: 10 });
    await signCheckpoints(database.web, proof, clock, log);
  };
  await write();
  await write();
  await Deno.writeTextFile(`${path}/journal`, `not ours\n${journal.join("\n")}\n`);
  const save = async () => {
    let text = "";
    for await (const piece of exportAuditJson(database.web, {}, keys, clock.now())) text += piece;
    await Deno.writeTextFile(`${path}/export.json`, text);
  };
  await save();
  /** Runs it as an operator would; `offline` has neither the database nor the state folder. */
  const verify = async (args: string[], offline = false) => {
    const env: Record<string, string> = offline ? {} : {
      DATABASE_URL: database.url("patch_owner"),
      PATCH_MANAGER__STATE__DIRECTORY: `${path}/state`,
    };
    for (const name of ["HOME", "DENO_DIR", "XDG_CACHE_HOME"]) if (Deno.env.has(name)) env[name] = Deno.env.get(name)!;
    const rights = offline ? ["--deny-net", `--allow-read=${ROOT},${path}`, "--deny-write", "--allow-env"] : ["-A"];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", ...rights, `--config=${ROOT}deno.json`, `${ROOT}main.ts`, "verify", ...args],
      clearEnv: true,
      env,
    }).output();
    const text = new TextDecoder();
    return { code, out: text.decode(stdout), err: text.decode(stderr) };
  };
  return { database, path, verify, save, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("verify audit: the database against the checkpoints beside it", async () => {
  await using bed = await made();
  const intact = await bed.verify(["audit"]);
  assert.deepEqual([intact.code, intact.err], [0, ""]);
  assert.equal(
    intact.out,
    "The audit log is intact, 6 rows.\nCheckpoints outside of the database prove it up to row 6.\n",
  );
  const { sql } = bed.database;
  await sql`delete from audit_log where seq > 4`;
  await sql`update audit_head set seq = 4, hash = (select hash from audit_log where seq = 4)`;
  await sql`delete from audit_checkpoints where seq > 4`;
  const cut = await bed.verify(["audit", "--json"]);
  assert.equal(cut.code, 1);
  const { first_broken, found_by } = JSON.parse(cut.out);
  assert.deepEqual([first_broken, found_by], [5, "outside"]);
  // Without the state folder, the journal says the same.
  await Deno.remove(`${bed.path}/state/audit`, { recursive: true });
  assert.match((await bed.verify([])).out, /intact, 4 rows\.\nNo checkpoint from outside/);
  const journal = await bed.verify(["audit", "--checkpoints", `${bed.path}/journal`]);
  assert.equal(journal.code, 1);
  assert.match(
    journal.out,
    /^The audit log is broken at row 5: the row is missing: .*6 rows.* 4 rows before it hold\.\n$/,
  );
});

Deno.test("verify audit --export: anywhere, without database, state folder and network", async () => {
  await using bed = await made();
  const exported = ["audit", "--export", `${bed.path}/export.json`];
  const alone = await bed.verify(exported, true);
  assert.equal(alone.code, 0, alone.err);
  assert.match(alone.out, /^The audit log is intact, 6 rows\.\nNo checkpoint from outside/);
  assert.match(alone.err, /^Without --keys /);
  await Deno.copyFile(`${bed.path}/state/pki/audit.pub`, `${bed.path}/audit.pub`);
  const trusted = [...exported, "--keys", `${bed.path}/audit.pub`, "--checkpoints", `${bed.path}/journal`];
  const proven = await bed.verify(trusted, true);
  assert.deepEqual([proven.code, /prove it up to row 6/.test(proven.out)], [0, true], proven.out + proven.err);
  const text = await Deno.readTextFile(`${bed.path}/export.json`);
  await Deno.writeTextFile(`${bed.path}/export.json`, text.replace(/("seq":4,.*)alice/, "$1mallo"));
  const broken = await bed.verify(trusted, true);
  assert.equal(broken.code, 1);
  assert.match(
    broken.out,
    /^The audit log is broken at row 4: its content is not what was written\. 3 rows before it hold/,
  );
});

Deno.test("what cannot be told is exit code 2 with words", async () => {
  await using bed = await made();
  const table: [string[], RegExp][] = [
    [["audits"], /"audits" is not understood here; verify audit is what there is\./],
    [["audit", "now"], /"now" is not understood/],
    [["audit", "--export", `${bed.path}/nothing`], /nothing cannot be read \(NotFound\)\./],
    [["audit", "--export", `${bed.path}/journal`], /This is no export of an audit log\./],
    [["audit", "--export", `${bed.path}/export.json`, "--keys", `${bed.path}/journal`], /holds no public key/],
  ];
  for (const [args, words] of table) {
    const { code, out, err } = await bed.verify(args, true);
    assert.deepEqual([code, out], [2, ""], `${args}: ${err}`);
    assert.match(err, words);
  }
});
