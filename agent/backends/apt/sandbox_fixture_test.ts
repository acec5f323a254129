import assert from "node:assert/strict";
import {
  buildRepository,
  createSandboxHost,
  type Repository,
  sandboxEnvironment,
  sandboxMissing,
} from "../../../demo/sandbox.ts";
import { scriptSettings } from "../../../demo/sandbox_packages.ts";
import { createApt } from "../apt.ts";

/** A sandbox host of one test, with the machine's real apt and dpkg. */
export interface Bed {
  /** Everything of the test lies below; removed at its end. */
  folder: string;
  root: string;
  repository: Repository;
  apt: ReturnType<typeof createApt>;
  /** Runs apt or dpkg in the sandbox and answers standard output. */
  run(program: string, args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  /** Version that dpkg says is installed and configured; null otherwise. */
  version(name: string): Promise<string | null>;
  /** Sets what the maintainer scripts read, see `scriptSettings`. */
  settings(values: Record<string, string | number>): Promise<void>;
}

export interface BedOptions {
  uri?: (repository: Repository) => string;
  trusted?: boolean;
}

const missing = await sandboxMissing();
const required = Deno.env.get("TEST_REQUIRE") === "all";

/** A test that needs apt and dpkg; left out, with the reason in its name, where they are missing. */
export function aptTest(name: string, body: (context: Deno.TestContext) => Promise<void>): void {
  if (missing !== null && !required) return Deno.test.ignore(`${name} (left out: ${missing})`, () => {});
  Deno.test(name, async (context) => {
    assert.equal(missing, null);
    await body(context);
  });
}

/** The same on a sandbox host of its own. */
export function sandboxTest(name: string, body: (bed: Bed) => Promise<void>, options: BedOptions = {}): void {
  aptTest(name, async () => {
    const bed = await makeBed(options);
    try {
      await body(bed);
    } finally {
      await Deno.remove(bed.folder, { recursive: true });
    }
  });
}

/** A host as {@link sandboxTest} makes it; the caller removes the folder. */
export async function makeBed(options: BedOptions = {}): Promise<Bed> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-sandbox-" });
  const repository = await buildRepository(`${folder}/repository`);
  const root = `${folder}/host`;
  await createSandboxHost(root, repository, { uri: options.uri?.(repository), trusted: options.trusted });
  const bed: Bed = {
    folder,
    root,
    repository,
    apt: createApt({ root, lock_timeout_seconds: 1 }),
    async run(program, args) {
      const { code, stdout, stderr } = await new Deno.Command(program, {
        args,
        clearEnv: true,
        env: sandboxEnvironment(root),
        cwd: "/",
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    },
    async version(name) {
      const format = "-f=${db:Status-Abbrev}\t${Version}";
      const { stdout } = await bed.run("/usr/bin/dpkg-query", [`--admindir=${root}/var/lib/dpkg`, "-W", format, name]);
      const [state, version] = stdout.split("\t");
      return state?.[1] === "i" ? version : null;
    },
    settings: (values) =>
      Deno.writeTextFile(
        `${root}/${scriptSettings}`,
        Object.entries(values).map(([key, value]) => `${key}=${value}\n`).join(""),
      ),
  };
  return bed;
}

/** True when the path is there. */
export async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
