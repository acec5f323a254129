import { systemClock } from "../core/clock.ts";
import { buildRepository, createSandboxHost, sandboxEnvironment } from "../demo/sandbox.ts";
import { writeIndexes } from "../demo/sandbox_archive.ts";

/** A sandbox host as large as a grown server. */
export interface LargeHost {
  root: string;
  installed: number;
  pending: number;
}

/**
 * Adds packages to a sandbox host without building them: paragraphs of dpkg's status with file lists and checksums,
 * the same packages in the index, and newer versions of some. Nothing of it could be installed, all of it is read.
 */
export async function makeLargeHost(folder: string, packages: number, updates: number): Promise<LargeHost> {
  const repository = await buildRepository(`${folder}/repository`);
  const root = `${folder}/host`;
  await createSandboxHost(root, repository);
  const every = Math.floor(packages / updates);
  const status: string[] = [];
  for (let n = 0; n < packages; n++) {
    const name = nameOf(n);
    status.push(paragraph(n));
    await Deno.writeTextFile(`${root}/var/lib/dpkg/info/${name}.list`, fileList(name));
    for (const version of n % every === 0 ? ["1.0-1", "1.0-2"] : ["1.0-1"]) {
      const suite = version === "1.0-1" ? "lab" : n % (2 * every) === 0 ? "lab-security" : "lab-updates";
      repository.entries.push({
        package: {
          name,
          version,
          suite,
          description: descriptionOf(n),
          depends: depends(n),
          source: `source-${n >> 2}`,
          // As dpkg has it: apt takes the same version with other fields for another build, and installs it again.
          installed_size: 100 + n,
        },
        filename: `pool/${suite}/${name}_${version}_all.deb`,
        size: 20_000 + n,
        sha256: n.toString(16).padStart(64, "0"),
      });
    }
  }
  await writeIndexes(repository.folder, repository.entries, systemClock.now());
  await Deno.writeTextFile(`${root}/var/lib/dpkg/status`, "\n" + status.join("\n"), { append: true });
  const { success, stderr } = await new Deno.Command("/usr/bin/apt-get", {
    args: ["-q", "update"],
    clearEnv: true,
    env: sandboxEnvironment(root),
    cwd: "/",
    stdin: "null",
    stdout: "null",
  }).output();
  if (!success) throw new Error(`The large host has no index: ${new TextDecoder().decode(stderr)}`);
  return { root, installed: packages, pending: Math.ceil(packages / every) };
}

const nameOf = (n: number) => `${["lib", "python3-", "golang-", ""][n % 4]}package-${n}`;
const descriptionOf = (n: number) => `part ${n} of a server that has grown for years`;

/** Five packages with lower numbers, as dense as the graph of a real system. */
function depends(n: number): string | undefined {
  const names = [1, 2, 5, 30, 200].filter((step) => n >= step).map((step) => `${nameOf(n - step)} (>= 1.0)`);
  return names.length > 0 ? names.join(", ") : undefined;
}

function paragraph(n: number): string {
  const dependencies = depends(n);
  return [
    `Package: ${nameOf(n)}`,
    "Status: install ok installed",
    "Priority: optional",
    "Section: admin",
    `Installed-Size: ${100 + n}`,
    "Maintainer: Sandbox <sandbox@example.test>",
    "Architecture: all",
    `Source: source-${n >> 2}`,
    "Version: 1.0-1",
    ...(dependencies ? [`Depends: ${dependencies}`] : []),
    `Description: ${descriptionOf(n)}`,
    ...Array.from(
      { length: 6 },
      (_, line) => ` Line ${line} of a description that is as long as those of real packages.`,
    ),
    "",
  ].join("\n");
}

function fileList(name: string): string {
  const files = Array.from({ length: 40 }, (_, n) => `/usr/share/${name}/file-${n}\n`);
  return `/.\n/usr\n/usr/share\n/usr/share/${name}\n${files.join("")}`;
}
