import assert from "node:assert/strict";
import { testDatabase } from "../testing/database.ts";

const ROOT = new URL("..", import.meta.url).pathname;

Deno.test("access at the console: allow, list, clear, and words for what is no network", async () => {
  await using database = await testDatabase();
  const access = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-A", "--no-prompt", `--config=${ROOT}deno.json`, `${ROOT}main.ts`, "access", ...args],
      env: { DATABASE_URL: database.url("patch_owner") },
    }).output();
    const text = new TextDecoder();
    return { code, out: text.decode(stdout).trim(), err: text.decode(stderr).trim() };
  };
  assert.match((await access("list")).out, /from every address/);
  const bad = await access("allow", "10.1.2.3/16");
  assert.equal(bad.code, 2);
  assert.match(bad.err, /host bits set.*Write 10\.1\.0\.0\/16/);
  const allowed = await access("allow", "10.1.0.0/16");
  assert.deepEqual([allowed.code, allowed.err], [0, ""]);
  assert.match(allowed.out, /these networks only:\n {2}10\.1\.0\.0\/16 {2}allowed at the console$/);
  assert.equal((await access("allow", "2001:DB8::/32")).out.split("\n").length, 3, "what was there stays");
  assert.match((await access("clear")).out, /from every address/);
  const rows = await database.sql`
    select convert_from(payload, 'UTF8')::jsonb as row from audit_log
    where convert_from(payload, 'UTF8')::jsonb ->> 'action' = 'allowed_network.change' order by seq`;
  assert.deepEqual(rows.map(({ row }) => [row.actor.kind, row.actor.name, row.details.after.length]), [
    ["system", "console", 1],
    ["system", "console", 2],
    ["system", "console", 0],
  ]);
});
