import assert from "node:assert/strict";
import { checkTree, violationLine } from "./arch.ts";

const DENO = JSON.stringify({
  imports: { "@node-rs/argon2-linux-x64-gnu": "npm:@node-rs/argon2-linux-x64-gnu@2.2.1" },
});

/** Checks a small tree and returns its violations as lines. */
function check(files: Record<string, string>): string[] {
  return checkTree(new Map(Object.entries({ "deno.json": DENO, ...files }))).map(violationLine);
}

const lines = (count: number) => "x;\n".repeat(count);

/** Each rule fires on the first tree, at the place named, and stays silent on the second. */
const cases: { name: string; bad: Record<string, string>; says: RegExp; good: Record<string, string> }[] = [
  {
    name: "core imports nothing above",
    bad: { "core/a.ts": '\nimport { x } from "../routes/b.ts";' },
    says: /^core\/a\.ts:2: imports: core must not import routes\/b\.ts: /,
    good: { "core/a.ts": 'import { x } from "../protocol/b.ts";' },
  },
  {
    name: "not by a dynamic import either",
    bad: { "core/a.ts": 'await import("../cli/b.ts");' },
    says: /^core\/a\.ts:1: imports: core must not import cli/,
    good: { "core/a.ts": '// await import("../cli/b.ts");\nconst text = `import "../cli/b.ts"`;' },
  },
  {
    name: "not by a re-export either",
    bad: { "core/a.ts": 'export * from "../worker/b.ts";' },
    says: /^core\/a\.ts:1: imports/,
    good: { "core/a.ts": 'export { y } from "./b.ts";' },
  },
  {
    name: "core knows no HTTP framework",
    bad: { "core/hosts/a.ts": 'import { Hono } from "hono";' },
    says: /imports: hono does not belong in core/,
    good: { "core/hosts/a.ts": 'import { z } from "zod";' },
  },
  {
    name: "a room's store is private",
    bad: { "core/jobs/claim.ts": 'import { hosts } from "../hosts/store.ts";' },
    says: /^core\/jobs\/claim\.ts:1: imports: core\/hosts's store is private/,
    good: { "core/jobs/claim.ts": 'import { a } from "./store.ts";\nimport { b } from "../hosts/find_host.ts";' },
  },
  {
    name: "rules are pure",
    bad: { "core/jobs/rules.ts": 'import type { Row } from "./store.ts";' },
    says: /rules and types are pure/,
    good: { "core/jobs/rules.ts": 'import type { Job } from "./types.ts";' },
  },
  {
    name: "the agent takes four nouns of core",
    bad: { "agent/a.ts": 'import { x } from "../core/config/types.ts";' },
    says: /agent must not import core\/config\/types\.ts/,
    good: { "agent/a.ts": 'import { x } from "../core/clock.ts";\nimport { y } from "../protocol/y.ts";' },
  },
  {
    name: "web knows no product",
    bad: { "web/a.ts": 'import type { Job } from "../core/jobs/types.ts";' },
    says: /web must not import core\/jobs/,
    good: { "web/a.ts": 'import { b } from "./b.ts";' },
  },
  {
    name: "an island takes types of core only as types",
    bad: { "islands/a.tsx": 'import { type Job, State } from "../core/jobs/types.ts";' },
    says: /write import type/,
    good: {
      "islands/a.tsx":
        'import type { Job } from "../core/jobs/types.ts";\nimport { type Api } from "../routes/api/v1/api.ts";',
    },
  },
  {
    name: "an island takes no schema",
    bad: { "islands/a.tsx": 'import { z } from "zod";' },
    says: /a schema makes an island 97 KB/,
    good: { "islands/a.tsx": 'import { signal } from "@preact/signals";\nimport type { z } from "zod";' },
  },
  {
    name: "an island takes no rules",
    bad: { "islands/a.tsx": 'import type { x } from "../core/jobs/rules.ts";' },
    says: /islands must not import core\/jobs\/rules/,
    good: { "islands/a.tsx": 'import { Badge } from "../components/badge.tsx";' },
  },
  {
    name: "components take values of core neither",
    bad: { "components/a.tsx": 'import { x } from "../core/jobs/types.ts";' },
    says: /write import type/,
    good: { "components/a.tsx": 'import type { X } from "../core/jobs/types.ts";' },
  },
  {
    name: "routes hold no SQL",
    bad: { "routes/a.ts": 'import postgres from "postgres";' },
    says: /routes hold no SQL/,
    good: { "routes/a.ts": 'import { hosts } from "../core/hosts/find_host.ts";' },
  },
  {
    name: "one file opens connections to hosts",
    bad: { "worker/poller.ts": 'import { Agent } from "undici";' },
    says: /only worker\/agent_connection\.ts opens connections/,
    good: { "worker/agent_connection.ts": 'import { Agent } from "undici";' },
  },
  {
    name: "the test bed stays out of the product",
    bad: { "cli/a.ts": 'import { x } from "../testing/b.ts";' },
    says: /only tests, benches and the demo import testing/,
    good: {
      "cli/a_test.ts": 'import { x } from "../testing/b.ts";',
      "scripts/run_tests.ts": 'import "../testing/c.ts";',
    },
  },
  {
    name: "a fixture stays out of the product",
    bad: { "core/a.ts": 'import "./a_fixture.ts";' },
    says: /a test is not imported/,
    good: { "core/a_test.ts": 'import "./a_fixture.ts";' },
  },
  {
    name: "main.ts is a table of contents",
    bad: { "main.ts": 'import { x } from "./core/a.ts";' },
    says: /main\.ts must not import core/,
    good: { "main.ts": 'import { x } from "./cli/a.ts";' },
  },
  {
    name: "packages are pinned in deno.json",
    bad: { "scripts/a.ts": 'import x from "npm:x@1.0.0";' },
    says: /npm:x@1\.0\.0 is not pinned/,
    good: { "scripts/a.ts": 'import x from "x";' },
  },
  {
    name: "a cycle, once, with its way",
    bad: {
      "core/a.ts": 'import "./b.ts";',
      "core/b.ts": '\nimport { c } from "./c.ts";',
      "core/c.ts": '\n\nimport { a } from "./a.ts";',
    },
    says: /^core\/c\.ts:3: cycle: core\/a\.ts → core\/b\.ts → core\/c\.ts → core\/a\.ts/,
    good: { "core/a.ts": 'import "./b.ts";', "core/b.ts": 'import type { A } from "./a.ts";' },
  },
  {
    name: "the clock is asked in one place",
    bad: { "core/a.ts": "const t = new Date( );" },
    says: /^core\/a\.ts:1: clock: take a Clock/,
    good: {
      "core/clock.ts": "Temporal.Now.instant()",
      "core/a.ts": 'new Date(0); "Date.now"; // Date.now()\nclock.now();',
    },
  },
  {
    name: "nor inside a template",
    bad: { "core/a.ts": "`a ${`b ${Date.now()}`} c`" },
    says: /clock: take a Clock/,
    good: { "core/a.ts": "`a Date.now() ${clock.now()} c`" },
  },
  {
    name: "Temporal.Now",
    bad: { "worker/a.ts": "Temporal.Now.instant()" },
    says: /clock/,
    good: { "worker/a.ts": "Temporal.Instant.from(x)" },
  },
  {
    name: "SQL asks app_now()",
    bad: { "core/a.ts": "sql`select 1\nwhere x < now()`" },
    says: /^core\/a\.ts:2: clock: SQL asks app_now\(\)/,
    good: { "core/a.ts": "sql`select app_now()`; clock.now(); /now\\(\\)/.test(x);" },
  },
  {
    name: "SQL in migrations too",
    bad: { "migrations/0001_a.sql": "-- now()\nselect CURRENT_TIMESTAMP;" },
    says: /^migrations\/0001_a\.sql:2: clock/,
    good: {
      "migrations/0001_a.sql":
        "create function app_now() returns timestamptz as $$ select clock_timestamp() $$;\nselect app_now();",
    },
  },
  {
    name: "tests do not sleep",
    bad: { "core/a_test.ts": "await new Promise((r) => setTimeout(r, 100));" },
    says: /sleep: tests do not sleep/,
    good: { "core/a_test.ts": "setTimeout(() => reject(new Error()), 100);" },
  },
  {
    name: "nor by the platform's timers",
    bad: { "core/a_test.ts": 'import { setTimeout } from "node:timers/promises";' },
    says: /sleep/,
    good: { "worker/a.ts": 'import { setTimeout } from "node:timers/promises";' },
  },
  {
    name: "no style attribute",
    bad: { "components/a.tsx": 'const a = <p\n  style="color: red">Don\'t</p>;' },
    says: /^components\/a\.tsx:2: style/,
    good: { "components/a.tsx": '<p class="style=">Don\'t</p>;\nconst styled = 1;' },
  },
  {
    name: "core does not end the process",
    bad: { "core/a.ts": "Deno.exit(1);" },
    says: /exit: core does not/,
    good: { "cli/a.ts": "Deno.exit(1);" },
  },
  {
    name: "routes have no timers",
    bad: { "routes/hosts/index.tsx": "setInterval(f, 1);" },
    says: /timers: routes/,
    good: { "routes/(_role)/main.ts": "setInterval(f, 1);" },
  },
  {
    name: "400 lines are enough",
    bad: { "core/a.ts": lines(401) },
    says: /^core\/a\.ts:401: length: 401 lines/,
    good: { "core/a.ts": lines(400), "migrations/0001_a.sql": lines(900) },
  },
  {
    name: "main.ts is short",
    bad: { "main.ts": lines(80) },
    says: /main\.ts:80: length/,
    good: { "main.ts": lines(79) },
  },
  {
    name: "a version in a path is the pinned one",
    bad: { "core/a.ts": '\nconst x = "node_modules/.deno/@node-rs+argon2-linux-x64-gnu@2.2.0/node_modules/y";' },
    says: /^core\/a\.ts:2: version: deno\.json has @node-rs\+argon2-linux-x64-gnu 2\.2\.1/,
    good: { "core/a.ts": 'const x = "node_modules/.deno/@node-rs+argon2-linux-x64-gnu@2.2.1/node_modules/y";' },
  },
  {
    name: "names say something",
    bad: { "core/hosts/host_utils.ts": "" },
    says: /name: "host_utils" says nothing/,
    good: { "core/hosts/commonality.ts": "" },
  },
  {
    name: "files are snake_case",
    bad: { "core/hostList.ts": "" },
    says: /"hostList\.ts" is not snake_case/,
    good: { "core/host_list.ts": "", "core/host_list_test.ts": "", "islands/(_live)/api.ts": "" },
  },
  {
    name: "routes are kebab-case",
    bad: { "routes/maintenance_windows/index.tsx": "" },
    says: /"maintenance_windows" is no URL segment/,
    good: {
      "routes/maintenance-windows/[id].tsx": "",
      "routes/_middleware.ts": "",
      "routes/(_middleware)/request_id.ts": "",
      "routes/api/v1/ca/root.crt.ts": "",
      "routes/files/[...path].ts": "",
      "routes/hosts/index_test.ts": "",
    },
  },
];

for (const { name, bad, says, good } of cases) {
  Deno.test(`arch: ${name}`, () => {
    const found = check(bad);
    assert.equal(found.length, 1, found.join("\n") || "the rule did not fire");
    assert.match(found[0], says);
    assert.deepEqual(check(good), [], "the rule fires where it must not");
  });
}

Deno.test("arch: a worker's path to itself in permissions is tied to deno.json", async () => {
  const text = await Deno.readTextFile(new URL("../core/permissions.ts", import.meta.url));
  const found = check({ "core/permissions.ts": text, "deno.json": DENO.replace("2.2.1", "2.2.2") });
  assert.ok(found.some((line) => /^core\/permissions\.ts:\d+: version:/.test(line)), found.join("\n"));
});
