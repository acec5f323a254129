/**
 * `deno task compile`: makes the executables `patch-manager` and `patch-agent`. The server is bundled first, because
 * an executable otherwise carries all of node_modules (98 against 119 MB).
 *
 * `--out DIR` (default `dist/bin`), `--only NAME` (one of the two), `--test-build` (switches the check of the runtime's
 * version off, for a base that does not enforce TLS). DENORT_BIN names a runtime base that is already there,
 * COMPILE_DENO the Deno of its version.
 *
 * Exit code 1 when something failed, 3 when the runtime base could not be had.
 */
import { builtinModules } from "node:module";
import * as esbuild from "esbuild";
import { collectLicenses } from "../cli/collect_licenses.ts";
import { readArguments } from "../cli/arguments.ts";
import { MANAGER_HEAP } from "../cli/manager_command.ts";
import { complain, say } from "../cli/program.ts";
import { EXECUTOR_HEAP, EXECUTOR_PROGRAMS, MACHINE_PROGRAMS } from "../agent/permissions_executor.ts";
import { ARGON2_FILE } from "../core/permissions.ts";
import { build } from "./build.ts";

const ROOT = Deno.realPathSync(`${import.meta.dirname}/..`);

interface Executable {
  name: string;
  /** main first; the others are started as workers. Their places below the root stay. */
  entries: string[];
  /** Files and folders that it carries. */
  carries: string[];
  /** Its rights; it gives back at its start what it does not need (see the first lines of its commands). */
  permissions: string[];
  /** How its heap may grow, as a flag. */
  heap: string;
}

const executables: Executable[] = [
  {
    name: "patch-manager",
    entries: ["main.ts", "routes/(_role)/main.ts", "worker/main.ts"],
    carries: ["migrations", "dist", "node_modules", "licenses.txt"],
    // main hands rights out to its roles; paths come from the configuration, which is not known yet.
    permissions: ["net", "read", "write", "env", "ffi"],
    heap: MANAGER_HEAP,
  },
  {
    name: "patch-agent",
    entries: ["agent/main.ts"],
    carries: ["licenses.txt"],
    // One file for both sides: the network side gives back the right to run at its first statement.
    permissions: ["net", "read", "write", "env", `run=${[...EXECUTOR_PROGRAMS, ...MACHINE_PROGRAMS].join(",")}`, "sys"],
    heap: EXECUTOR_HEAP,
  },
];

/** Another module's `if (import.meta.main)` would be true in a bundle, where all share one address. */
const onlyOneMain = (entry: string): esbuild.Plugin => ({
  name: "only-one-main",
  setup({ onLoad }) {
    onLoad({ filter: /\.tsx?$/ }, async ({ path }) => {
      if (path.includes("/node_modules/") || path === `${ROOT}/${entry}`) return null;
      const text = await Deno.readTextFile(path);
      return { contents: text.replaceAll("import.meta.main", "false"), loader: path.endsWith("x") ? "tsx" : "ts" };
    });
  },
});

/** Older packages say `fs`; an executable knows only `node:fs`. */
const nodePrefix: esbuild.Plugin = {
  name: "node-prefix",
  setup({ onResolve }) {
    const known = new Set(builtinModules.filter((name) => !name.startsWith("_")));
    onResolve(
      { filter: /^[a-z_]+(\/[a-z_]+)*$/ },
      ({ path }) => known.has(path) ? { path: `node:${path}`, external: true } : null,
    );
  },
};

/** Bundles one entry to the same place below the stage, ending in .js. */
async function bundle(entry: string, stage: string, test_build: boolean): Promise<void> {
  await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: `${stage}/${entry.replace(/\.ts$/, ".js")}`,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "esnext",
    jsx: "automatic",
    jsxImportSource: "preact",
    minifySyntax: true,
    legalComments: "none",
    logLevel: "warning",
    define: { RUNTIME_CHECK_OFF: String(test_build) },
    // CommonJS packages inside an ES module ask for `require`.
    banner: {
      js:
        'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    plugins: [onlyOneMain(entry), nodePrefix],
  });
}

const STAGE_CONFIG = {
  nodeModulesDir: "manual",
  unstable: ["worker-options"],
  // Every .js that is embedded is followed as a module, the browser's too, which name each other by their URL.
  imports: { "/assets/": "./dist/assets/" },
};

/** Puts everything that an executable carries into an empty folder. */
async function fill(stage: string, { entries, carries }: Executable, licences: string, test_build: boolean) {
  for (const entry of entries) await bundle(entry, stage, test_build);
  await Deno.writeTextFile(`${stage}/deno.json`, JSON.stringify(STAGE_CONFIG));
  await Deno.writeTextFile(`${stage}/licenses.txt`, licences);
  if (carries.includes("migrations")) await copyFolder(`${ROOT}/migrations`, `${stage}/migrations`);
  if (carries.includes("dist")) await copyFolder(`${ROOT}/dist`, `${stage}/dist`, ["bin"]);
  if (carries.includes("node_modules")) await copyNative(stage);
}

/** The one package that cannot be bundled, in the same real folder as in a checkout, since its path is a right. */
async function copyNative(stage: string): Promise<void> {
  const home = ARGON2_FILE.slice(0, ARGON2_FILE.lastIndexOf("/"));
  await copyFolder(`${ROOT}/${home}`, `${stage}/${home}`);
  const name = home.slice(home.lastIndexOf("node_modules/") + "node_modules/".length);
  const link = `${stage}/node_modules/${name}`;
  await Deno.mkdir(link.slice(0, link.lastIndexOf("/")), { recursive: true });
  await Deno.symlink(`../${home.replace(/^node_modules\//, "")}`, link);
}

async function copyFolder(from: string, to: string, leave: string[] = []): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (leave.includes(name)) continue;
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

const NO_BASE = /denort|dl\.deno\.land|error sending request|Failed to download|download/i;

/** Runs `deno compile` in the stage. Returns 0, or the exit code with the reason said. */
async function compile(
  stage: string,
  { name, entries, carries, permissions, heap }: Executable,
  out: string,
): Promise<number> {
  const modules = entries.map((entry) => entry.replace(/\.ts$/, ".js"));
  const included = [...modules.slice(1), ...carries].flatMap((path) => ["--include", path]);
  const { code, stderr } = await new Deno.Command(Deno.env.get("COMPILE_DENO") ?? Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--no-check",
      "--no-prompt",
      "--unstable-worker-options",
      heap,
      ...permissions.map((right) => `--allow-${right}`),
      ...included,
      "--output",
      `${out}/${name}`,
      modules[0],
    ],
    cwd: stage,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return 0;
  // deno-lint-ignore no-control-regex
  const words = new TextDecoder().decode(stderr).replace(/\u001b\[[0-9;]*m/g, "").replace(/^Stack backtrace:[^]*/m, "")
    .trim();
  if (!NO_BASE.test(words)) return complain(`${name} could not be made: ${words}`), 1;
  complain(
    `${name}: the runtime base could not be downloaded. Set DENORT_BIN to a copy of it (the file denort of this ` +
      `version of Deno), or try again where Deno's site can be reached.\n${words}`,
  );
  return 3;
}

async function main(): Promise<number> {
  const { values, switches } = readArguments(Deno.args, { out: "value", only: "value", "test-build": "switch" });
  const wanted = executables.filter(({ name }) => values.only === undefined || values.only === name);
  if (wanted.length === 0) return complain(`There is no executable ${values.only}.`), 1;
  const out = values.out ?? `${ROOT}/dist/bin`;
  await Deno.mkdir(out, { recursive: true });
  if (wanted.some(({ carries }) => carries.includes("dist"))) await build();
  const licences = await collectLicenses(`${ROOT}/node_modules/.deno`);
  if (licences === null) return complain("node_modules is missing: run deno install first."), 1;
  for (const executable of wanted) {
    const stage = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-manager-compile-" });
    try {
      await fill(stage, executable, licences, switches.has("test-build"));
      const code = await compile(stage, executable, out);
      if (code !== 0) return code;
      const { size } = await Deno.stat(`${out}/${executable.name}`);
      say(`${out}/${executable.name}: ${Math.round(size / 1e6)} MB`);
    } finally {
      await Deno.remove(stage, { recursive: true });
    }
  }
  return 0;
}

if (import.meta.main) {
  const code = await main();
  await esbuild.stop();
  Deno.exit(code);
}
