import { createHash } from "node:crypto";
import { controlText, packageFiles, type PackageOptions } from "./agent_package.ts";

/** xz: every dpkg since 2011 reads it, zstd only those since 2018 (Ubuntu) and 2023 (Debian). none: at once, to try. */
export type Compression = "xz" | "none";

const SCRIPTS = ["postinst", "prerm", "postrm"];

/**
 * Makes `patch-agent_VERSION_ARCH.deb`. The same options and sources give the same bytes on every machine with the
 * same dpkg: owner root, sorted, one time for all files, one thread for the compression.
 *
 * @param root the checkout
 * @param out an existing folder
 * @returns the path of the package
 * @throws Error with dpkg-deb's own words
 */
export async function buildPackage(
  root: string,
  out: string,
  options: PackageOptions,
  compression: Compression = "xz",
): Promise<string> {
  const tree = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-agent-package-" });
  try {
    await Deno.chmod(tree, 0o755);
    await fillTree(tree, root, options);
    await setTimes(tree, options.epoch_seconds);
    const path = `${out}/patch-agent_${options.version}_${options.arch}.deb`;
    const { code, stderr } = await new Deno.Command("/usr/bin/dpkg-deb", {
      args: ["--root-owner-group", `-Z${compression}`, "--build", tree, path],
      env: { SOURCE_DATE_EPOCH: String(options.epoch_seconds), DPKG_DEB_THREADS_MAX: "1", LC_ALL: "C.UTF-8" },
      stdout: "null",
      stderr: "piped",
    }).output();
    if (code !== 0) throw new Error(`dpkg-deb: ${new TextDecoder().decode(stderr).trim()}`);
    return path;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

async function fillTree(tree: string, root: string, options: PackageOptions): Promise<void> {
  const files = packageFiles(root, options);
  const sums: string[] = [];
  const sizes: number[] = [];
  for (const { path, mode, content } of files) {
    const bytes = content instanceof Uint8Array ? content : await Deno.readFile(content.copy);
    await put(tree, path, bytes, mode);
    sums.push(`${createHash("md5").update(bytes).digest("hex")}  ${path.slice(1)}\n`);
    sizes.push(bytes.length);
  }
  const text = (name: string, words: string) => put(tree, `/DEBIAN/${name}`, new TextEncoder().encode(words), 0o644);
  await text("control", controlText(options, sizes));
  await text("conffiles", files.filter((one) => one.configuration).map(({ path }) => `${path}\n`).join(""));
  await text("md5sums", sums.join(""));
  for (const name of SCRIPTS) {
    await put(tree, `/DEBIAN/${name}`, await Deno.readFile(`${root}/packaging/agent/${name}`), 0o755);
  }
}

/** Modes are set apart from writing, because the caller's umask must not show in the package. */
async function put(tree: string, path: string, bytes: Uint8Array, mode: number): Promise<void> {
  let folder = tree;
  for (const part of path.split("/").slice(1, -1)) {
    folder += `/${part}`;
    await Deno.mkdir(folder).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
    await Deno.chmod(folder, 0o755);
  }
  await Deno.writeFile(tree + path, bytes);
  await Deno.chmod(tree + path, mode);
}

/** Files first, then the folder that holds them: writing into it would change its time again. */
async function setTimes(path: string, seconds: number): Promise<void> {
  for await (const entry of Deno.readDir(path)) {
    if (entry.isDirectory) await setTimes(`${path}/${entry.name}`, seconds);
    else await Deno.utime(`${path}/${entry.name}`, seconds, seconds);
  }
  await Deno.utime(path, seconds, seconds);
}
