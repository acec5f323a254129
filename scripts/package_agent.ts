/**
 * `deno task package:agent`: makes the Debian package of the agent, `dist/patch-agent_VERSION_ARCH.deb`, out of the
 * executable that `deno task compile` made.
 *
 * `--executable FILE` (default `dist/bin/patch-agent`), `--out DIR` (default `dist`), `--version VERSION` (default
 * that of deno.json), `--arch ARCH` (default what the executable is for), `--maintainer "NAME <ADDRESS>"`,
 * `--uncompressed` (ready in a second instead of a minute, to try it).
 * SOURCE_DATE_EPOCH is the time of every file in it, else the time of the last commit.
 *
 * Exit code 1 when something failed, 2 when it was called wrongly.
 */
import { usage } from "../agent/command_line.ts";
import { noWords, readArguments, UsageError } from "../cli/arguments.ts";
import { collectLicenses } from "../cli/collect_licenses.ts";
import { complain, say, words } from "../cli/program.ts";
import settings from "../deno.json" with { type: "json" };
import { optionProblem } from "../packaging/agent_package.ts";
import { buildPackage } from "../packaging/build_package.ts";
import { readExecutable } from "../packaging/executable.ts";

const ROOT = Deno.realPathSync(`${import.meta.dirname}/..`);
/** Nobody receives mail there (RFC 2606); who publishes a package names himself with --maintainer. */
const MAINTAINER = "Linux Patch Manager <packages@linux-patch-manager.invalid>";

/** Seconds since 1970. @throws UsageError when there is neither the variable nor a commit */
async function sourceTime(given: string | undefined): Promise<number> {
  if (given !== undefined) {
    if (/^\d{1,11}$/.test(given)) return Number(given);
    throw new UsageError(`SOURCE_DATE_EPOCH has to be seconds since 1970, not ${JSON.stringify(given)}.`);
  }
  const { success, stdout } = await new Deno.Command("git", {
    args: ["-C", ROOT, "log", "-1", "--format=%ct"],
    stderr: "null",
  }).output().catch(() => ({ success: false, stdout: new Uint8Array() }));
  const text = new TextDecoder().decode(stdout).trim();
  if (success && /^\d+$/.test(text)) return Number(text);
  throw new UsageError("There is no commit to take the time from: set SOURCE_DATE_EPOCH to seconds since 1970.");
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    throw new Error(`${path} is missing. Make it with "deno task compile", or name another with --executable.`);
  }
}

async function main(): Promise<number> {
  const given = readArguments(Deno.args, {
    executable: "value",
    out: "value",
    version: "value",
    arch: "value",
    maintainer: "value",
    uncompressed: "switch",
  });
  noWords(given);
  const { values } = given;
  const executable = values.executable ?? `${ROOT}/dist/bin/patch-agent`;
  const facts = readExecutable(await readBytes(executable));
  if (facts.arch !== null && values.arch !== undefined && facts.arch !== values.arch) {
    throw new UsageError(`The executable is for ${facts.arch}, not for ${values.arch}.`);
  }
  const arch = facts.arch ?? values.arch;
  if (arch === undefined) throw new UsageError("The executable does not say what it is for: name it with --arch.");
  const { version = settings.version, maintainer = MAINTAINER } = values;
  const problem = optionProblem({ version, arch, maintainer });
  if (problem !== null) throw new UsageError(problem);
  const epoch_seconds = await sourceTime(Deno.env.get("SOURCE_DATE_EPOCH"));
  const notices = await collectLicenses(`${ROOT}/node_modules/.deno`);
  if (notices === null) throw new Error("node_modules is missing: run deno install first.");
  const out = values.out ?? `${ROOT}/dist`;
  await Deno.mkdir(out, { recursive: true });
  const options = { version, arch, maintainer, executable, facts, epoch_seconds, usage: usage(), notices };
  const path = await buildPackage(ROOT, out, options, given.switches.has("uncompressed") ? "none" : "xz");
  say(`${path}: ${((await Deno.stat(path)).size / 1e6).toFixed(1)} MB`);
  return 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (thrown) {
    complain(words(thrown));
    Deno.exit(thrown instanceof UsageError ? 2 : 1);
  }
}
