/**
 * What `deno task test` runs: format, lint, build, types, arch, routes, the tests of all rooms, the tests across
 * rooms, those that need the machine for themselves. Options: `--only STEP`, and after `--` the files or folders to
 * test. The last line counts.
 * With TEST_REQUIRE=all whatever was left out is a failure.
 */
import { connectAsSuperuser, startTestServer, type TestServer } from "../testing/database_server.ts";
import { leakedSecrets } from "./test/leaked_secrets.ts";
import { leftInDatabase, leftProcesses, RUN_MARK, stayedProcesses } from "./test/leftovers.ts";
import { type Options, readOptions, splitPaths, type Step } from "./test/options.ts";
import { addResults, readResults, type Results } from "./test/results.ts";

const ROOT = new URL("..", import.meta.url).pathname;
/** Everything that may hold a unit test; tests/ and bench/ cross rooms and run with all permissions. */
const NOT_ROOMS = new Set([
  "tests",
  "scripts",
  "bench",
  "dist",
  "gen",
  "node_modules",
  "docs",
  "static",
  "migrations",
  "systemd",
]);

/** The steps that need a database server. */
type TestStep = "unit" | "tests" | "alone";
const TEST_STEPS: readonly Step[] = ["unit", "tests", "alone"] satisfies TestStep[];

const COMMANDS: Record<Exclude<Step, TestStep>, string[]> = {
  format: ["fmt", "--check"],
  lint: ["lint", "--quiet"],
  build: ["run", "-A", "scripts/build.ts"],
  types: ["check", "--quiet", "."],
  arch: ["run", "-A", "scripts/arch.ts"],
  routes: ["run", "-A", "scripts/routes.ts"],
};

const mark = crypto.randomUUID();
const stop = new AbortController();
let running: Deno.ChildProcess | null = null;

/** Runs deno with the terminal's output; true when it succeeded. Ctrl-C reaches it through us, once. */
async function deno(args: string[], env: Record<string, string> = {}): Promise<boolean> {
  stop.signal.throwIfAborted();
  running = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { [RUN_MARK]: mark, ...env },
    stdin: "null",
    detached: true,
  }).spawn();
  const { success } = await running.status;
  running = null;
  stop.signal.throwIfAborted();
  return success;
}

/** One `deno test`; a run that reports nothing (a crash) counts as one failure. */
async function test(name: string, args: string[], env: Record<string, string>): Promise<Results> {
  const report = await Deno.makeTempFile({ prefix: "patch-report-", suffix: ".xml" });
  try {
    const success = await deno(["test", "--quiet", `--junit-path=${report}`, ...args], env);
    const junit = await Deno.readTextFile(report);
    if (junit === "") return { passed: 0, failed: 1, skipped: [] };
    const results = readResults(junit);
    // A module that does not load, or a leak, fails the run without a failed test in the report.
    if (!success && results.failed === 0) results.failed = 1;
    if (results.passed + results.failed + results.skipped.length === 0) {
      console.error(`${name}: no test was found`);
      results.failed = 1;
    }
    return results;
  } finally {
    await Deno.remove(report);
  }
}

function isTestStep(step: Step): step is TestStep {
  return TEST_STEPS.includes(step);
}

async function rooms(): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(ROOT)) {
    if (entry.isDirectory && !entry.name.startsWith(".") && !NOT_ROOMS.has(entry.name)) found.push(entry.name);
    else if (entry.isFile && entry.name.endsWith("_test.ts")) found.push(entry.name);
  }
  return found.sort();
}

/** Prints the step and its time, whatever comes of it. */
async function timed<T>(step: string, work: () => Promise<T>, words: (result: T) => string): Promise<T> {
  const started = performance.now();
  console.log(`\n== ${step}`);
  const result = await work();
  console.log(`== ${step}: ${words(result)} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

const count = (results: Results) =>
  `${results.passed} passed, ${results.failed} failed, ${results.skipped.length} skipped`;

async function runTests(steps: readonly Step[], paths: readonly string[], server: TestServer): Promise<Results[]> {
  // Tests make their folders in the run's own, so that they go with it, however the run ends.
  const folder = `${server.folder}/t`;
  await Deno.mkdir(folder);
  await Deno.chmod(folder, 0o711);
  const env = { TEST_DATABASE_SOCKET: server.server.socket, TEST_FOLDER: folder, DENO_JOBS: "2" };
  const chosen = splitPaths(paths);
  const all: Results[] = [];
  const unit = paths.length > 0 ? chosen.unit : await rooms();
  if (steps.includes("unit") && unit.length > 0) {
    const args = ["-P=test", "--no-check", "--parallel", ...unit];
    all.push(await timed("unit", () => test("unit", args, env), count));
  }
  const crossing = paths.length > 0 ? chosen.tests : ["tests", "scripts"];
  if (steps.includes("tests") && crossing.length > 0) {
    // Two files at a time: most of their time they wait for processes, pages and package managers.
    const args = ["-A", "--no-check", "--parallel", "--ignore=tests/alone", ...crossing];
    all.push(await timed("tests", () => test("tests", args, env), count));
  }
  const alone = paths.length > 0 ? chosen.alone : ["tests/alone"];
  if (steps.includes("alone") && alone.length > 0) {
    all.push(await timed("alone", () => test("alone", ["-A", "--no-check", ...alone], env), count));
  }
  return all;
}

/** The test steps with their server, and what they left behind as further failures. */
async function testSteps(steps: readonly Step[], paths: readonly string[]): Promise<Results[]> {
  const server = await timed("database", startTestServer, () => "ready");
  try {
    const all = await runTests(steps, paths, server);
    all.push(await leaks(`${server.folder}/t`));
    const superuser = await connectAsSuperuser(server.server.socket);
    const left = await leftInDatabase(superuser);
    await superuser.end({ timeout: 5 });
    return [...all, leftovers(left)];
  } finally {
    // What an interrupted test started would write into the folder that is removed now.
    if (stop.signal.aborted) { for (const pid of await unwanted(server)) end(pid); }
    await server.stop();
  }
}

/** Passwords, tokens and cookies of the tests in what was logged meanwhile, each a failure. */
async function leaks(folder: string): Promise<Results> {
  const { leaks, secrets, lines } = await leakedSecrets(folder);
  for (const { line } of leaks) console.error(`a secret is in a log: ${line}`);
  console.log(`\n== secrets: ${secrets} handed out, ${leaks.length} found in ${lines} lines of logs`);
  return { passed: 0, failed: leaks.length, skipped: [] };
}

/** Processes of this run besides the server, which is still needed. */
async function unwanted(server: TestServer): Promise<Iterable<number>> {
  return (await leftProcesses(mark, new Set([Deno.pid, server.server.pid]))).keys();
}

function leftovers(left: string[]): Results {
  for (const what of left) console.error(`left behind: ${what}`);
  return { passed: 0, failed: left.length, skipped: [] };
}

async function run({ steps, paths }: Options): Promise<boolean> {
  const failed: string[] = [];
  for (const step of steps) {
    if (isTestStep(step)) continue;
    const good = await timed(step, () => deno(COMMANDS[step]), (success) => success ? "ok" : "FAILED");
    if (!good) failed.push(step);
  }
  const all = steps.some(isTestStep) ? await testSteps(steps, paths) : [];
  const processes = await stayedProcesses(mark, new Set([Deno.pid]));
  all.push(leftovers([...processes].map(([pid, command]) => `process ${pid} ${command}`)));
  for (const pid of processes.keys()) end(pid);
  const results = addResults(all);
  if (results.skipped.length > 0) {
    console.log("\nleft out:");
    for (const name of results.skipped) console.log(`  ${name}`);
  }
  const required = Deno.env.get("TEST_REQUIRE") === "all" && results.skipped.length > 0;
  if (required) console.error("TEST_REQUIRE=all: nothing may be left out here.");
  if (failed.length > 0) console.error(`\nfailed steps: ${failed.join(", ")}`);
  console.log(
    `\n${results.passed} passed, ${results.failed + failed.length} failed, ${results.skipped.length} skipped`,
  );
  return failed.length === 0 && results.failed === 0 && !required;
}

function end(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

if (Deno.env.has(RUN_MARK)) {
  console.error("The tests would start themselves: this is a step of a run that is under way.");
  Deno.exit(2);
}
const options = readOptions(Deno.args);
if (typeof options === "string") {
  console.error(options);
  Deno.exit(2);
}
// The whole group of the child: `deno test` has children of its own. A second signal changes nothing.
const interrupt = () => {
  stop.abort(new Error("interrupted"));
  if (running) Deno.kill(-running.pid, "SIGTERM");
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, interrupt);
try {
  Deno.exit(await run(options) ? 0 : 1);
} catch (error) {
  if (!stop.signal.aborted) throw error;
  for (const pid of (await leftProcesses(mark, new Set([Deno.pid]))).keys()) end(pid);
  console.error("interrupted");
  Deno.exit(130);
}
