import { sandboxSuites } from "./sandbox_packages.ts";
import type { SandboxPackage, SandboxSuite } from "./sandbox_packages.ts";

/** A built .deb with everything that the index says about it. */
export interface ArchiveEntry {
  package: SandboxPackage;
  /** Path of the .deb below the repository's folder. */
  filename: string;
  /** Bytes. */
  size: number;
  sha256: string;
}

/** Builds one .deb with the machine's dpkg-deb into `pool/SUITE/` of the repository. */
export async function buildDeb(repository: string, item: SandboxPackage): Promise<ArchiveEntry> {
  const tree = await Deno.makeTempDir({ dir: repository, prefix: "build-" });
  try {
    await writeTree(tree, item);
    const filename = `pool/${item.suite}/${item.name}_${item.version.replaceAll(":", "%3a")}_${
      item.architecture ?? "all"
    }.deb`;
    await Deno.mkdir(`${repository}/pool/${item.suite}`, { recursive: true });
    const { success, stderr } = await new Deno.Command("/usr/bin/dpkg-deb", {
      args: ["--root-owner-group", "-Znone", "-b", tree, `${repository}/${filename}`],
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8", SOURCE_DATE_EPOCH: "1767225600" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`dpkg-deb could not build ${item.name}: ${new TextDecoder().decode(stderr)}`);
    const content = await Deno.readFile(`${repository}/${filename}`);
    return { package: item, filename, size: content.length, sha256: await hexDigest(content) };
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/** Writes `Packages` and `Release` of every suite, as apt reads them (repository format, Debian wiki). */
export async function writeIndexes(repository: string, entries: ArchiveEntry[], date: Temporal.Instant): Promise<void> {
  for (const suite of sandboxSuites) {
    const folder = `${repository}/dists/${suite}`;
    const index = new TextEncoder().encode(
      entries.filter((entry) => entry.package.suite === suite).map(indexParagraph).join("\n"),
    );
    await Deno.mkdir(`${folder}/main/binary-all`, { recursive: true });
    await replaceFile(`${folder}/main/binary-all/Packages`, index);
    const release = releaseText(suite, date, await hexDigest(index), index.length);
    await replaceFile(`${folder}/Release`, new TextEncoder().encode(release));
  }
}

function indexParagraph(entry: ArchiveEntry): string {
  const item = entry.package;
  const lines = controlLines(item);
  if (item.phased_percent !== undefined) lines.push(`Phased-Update-Percentage: ${item.phased_percent}`);
  lines.push(`Filename: ${entry.filename}`, `Size: ${entry.size}`, `SHA256: ${entry.sha256}`);
  return lines.join("\n") + "\n";
}

function controlLines(item: SandboxPackage): string[] {
  const lines = [`Package: ${item.name}`, `Version: ${item.version}`, `Architecture: ${item.architecture ?? "all"}`];
  if (item.source) lines.push(`Source: ${item.source}`);
  if (item.depends) lines.push(`Depends: ${item.depends}`);
  if (item.conflicts) lines.push(`Conflicts: ${item.conflicts}`);
  for (const [field, value] of Object.entries(item.fields ?? {})) lines.push(`${field}: ${value}`);
  lines.push("Maintainer: Sandbox <sandbox@example.test>", "Section: admin", "Priority: optional");
  lines.push(`Installed-Size: ${item.installed_size ?? 2 * (item.filler_kib ?? 12)}`);
  lines.push(`Description: ${item.description}`, " Invented: it exists only in the sandbox of Linux Patch Manager.");
  return lines;
}

function releaseText(suite: SandboxSuite, date: Temporal.Instant, sha256: string, size: number): string {
  const label = suite === "lab-security" ? "Lab-Security" : "Lab";
  const day = new Date(date.epochMilliseconds).toUTCString();
  return `Origin: Lab\nLabel: ${label}\nSuite: ${suite}\nCodename: ${suite}\nArchitectures: all\nComponents: main\n` +
    `Description: invented packages (${suite})\nDate: ${day}\nSHA256:\n ${sha256} ${size} main/binary-all/Packages\n`;
}

async function writeTree(tree: string, item: SandboxPackage): Promise<void> {
  const documents = `${tree}/usr/share/doc/${item.name}`;
  await Deno.mkdir(`${tree}/DEBIAN`, { recursive: true });
  await Deno.mkdir(`${tree}/usr/share/doc`, { recursive: true });
  if (item.documents_of) await makeLink(item.documents_of, documents);
  else {
    await Deno.mkdir(documents);
    await Deno.writeFile(`${documents}/changelog.Debian.gz`, await gzip(item.changelog ?? changelogText(item)));
  }
  await Deno.mkdir(`${tree}/usr/share/${item.name}`, { recursive: true });
  await Deno.writeTextFile(`${tree}/DEBIAN/control`, controlLines(item).join("\n") + "\n");
  await Deno.writeTextFile(`${tree}/usr/share/${item.name}/version`, item.version + "\n");
  if (item.filler_kib) {
    await Deno.writeFile(`${tree}/usr/share/${item.name}/data`, new Uint8Array(1024 * item.filler_kib));
  }
  for (const script of ["preinst", "postinst"] as const) {
    if (item[script] === undefined) continue;
    await Deno.writeTextFile(`${tree}/DEBIAN/${script}`, `#!/bin/sh\n${item[script]}`);
    await Deno.chmod(`${tree}/DEBIAN/${script}`, 0o755);
  }
  if (item.conffile) {
    const { path, text } = item.conffile;
    await Deno.mkdir(tree + path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(tree + path, text);
    await Deno.writeTextFile(`${tree}/DEBIAN/conffiles`, path + "\n");
  }
  // dpkg-deb refuses a control folder with another mode; a strict umask would give one.
  await Deno.chmod(tree, 0o755);
  await Deno.chmod(`${tree}/DEBIAN`, 0o755);
}

/** By the program, because Deno makes links only with the right to write everywhere. */
async function makeLink(target: string, path: string): Promise<void> {
  const { success } = await new Deno.Command("/bin/ln", { args: ["-s", "--", target, path], clearEnv: true }).output();
  if (!success) throw new Error(`ln could not make ${path}`);
}

function changelogText(item: SandboxPackage): string {
  const urgency = item.suite === "lab-security" ? "high" : "medium";
  const lines = (item.changes ?? ["New upstream version."]).map((line) => `  * ${line}`).join("\n");
  return `${item.source ?? item.name} (${item.version}) ${item.suite}; urgency=${urgency}\n\n${lines}\n\n` +
    ` -- Sandbox <sandbox@example.test>  Thu, 01 Jan 2026 00:00:00 +0000\n`;
}

async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function hexDigest(content: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
}

/** apt may be reading: it sees the old file or the new one, never a half. */
async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  await Deno.writeFile(path + ".new", content);
  await Deno.rename(path + ".new", path);
}
