import { adminDirectory, aptCall, programs, read } from "./command.ts";

/**
 * What apt itself says about a host, read without any function of the listing: its own words are compared with ours,
 * so a mistake in one reader must not hide in the other.
 */
export interface AptTruth {
  /** Why apt cannot simulate an upgrade at all, its last error line; null when it can. */
  error: string | null;
  /** What has a newer candidate, from the version table: installed and candidate by name. */
  upgradable: Map<string, { from: string; to: string }>;
  /** What `apt-get -s --with-new-pkgs upgrade` would update, and what it would install anew. */
  upgrade: Map<string, { from: string; to: string }>;
  added: Set<string>;
  /** Names that apt says it keeps back, or defers because they are rolled out in phases (apt 2.7 and later). */
  kept_back: Set<string>;
  deferred: Set<string>;
  /** What only `dist-upgrade` would update, and what that would remove. */
  only_dist_upgrade: Set<string>;
  removed: Set<string>;
  held: Set<string>;
  /** Names with a newer version in a pocket of security updates. */
  security: Set<string>;
  /** True when apt trusts not all of its indexes. */
  unsigned_sources: boolean;
  /** `1735 kB` as apt prints it, of what {@link upgrade} downloads; null when it says nothing. */
  need_to_get: string | null;
}

const quiet = ["Debug::NoLocking=1", "APT::Get::Show-User-Simulation-Note=0", "Dir::Log::Planner=/dev/null"].flatMap((
  word,
) => ["-o", word]);

/**
 * Asks apt. No lock is taken and no index refreshed.
 * @param keep `name` to installed version of what apt is to leave alone, because the host's administrator says so
 */
export async function readAptTruth(root: string | null, native: string, keep: Map<string, string>): Promise<AptTruth> {
  const run = (program: string, args: string[]) => read(aptCall(root, program, args));
  const short = (name: string) => name.endsWith(`:${native}`) ? name.slice(0, -native.length - 1) : name;
  const names = await readNamesInstalled(root);
  const upgradable = new Map<string, { from: string; to: string }>();
  const older = new Map<string, string>();
  for (let start = 0; start < names.length; start += 2_000) {
    const policy = await run(programs.apt_cache, ["policy", ...names.slice(start, start + 2_000)]);
    for (const [name, versions] of readUpgradable(policy.stdout)) upgradable.set(short(name), versions);
    for (const [name, version] of readOlder(policy.stdout)) older.set(short(name), version);
  }
  // apt would bring these back to an older version, which the listing never offers.
  const words = [...older, ...keep].map(([name, version]) =>
    `${name.includes(":") ? name : `${name}:${native}`}=${version}`
  );
  const upgrade = await run(programs.apt_get, ["-s", "-q", ...quiet, "--with-new-pkgs", "upgrade", ...words]);
  const full = await run(programs.apt_get, ["-s", "-q", ...quiet, "dist-upgrade"]);
  const uris = await run(programs.apt_get, [
    "-q",
    "--print-uris",
    "-y",
    ...quiet,
    "--with-new-pkgs",
    "upgrade",
    ...words,
  ]);
  const targets = await run(programs.apt_get, ["indextargets"]);
  const held = await run(programs.apt_mark, ["showhold"]);
  const planned = readSimulation(upgrade.stdout);
  const dist = readSimulation(full.stdout);
  return {
    error: upgrade.code === 0 ? null : upgrade.stderr.trim().split("\n").at(-1) ?? "apt-get failed",
    upgradable,
    upgrade: planned.updated,
    added: planned.added,
    kept_back: readNames(upgrade.stdout, /kept back:$/),
    deferred: readNames(upgrade.stdout, /deferred due to phasing:$/),
    only_dist_upgrade: new Set(
      [...dist.updated.keys()].filter((name) => !planned.updated.has(name) && !older.has(name)),
    ),
    removed: dist.removed,
    held: new Set(held.stdout.split("\n").filter(Boolean).map(short)),
    security: await readSecurity(root, upgradable),
    unsigned_sources: /^Trusted: no$/m.test(targets.stdout),
    need_to_get: /^Need to get (?:0 B|([\d.,]+ [kMGT]?B))(?:\/\S+ \S+)? of/m.exec(uris.stdout)?.[1] ?? null,
  };
}

/** Lines that begin with Inst and Remv, by splitting at blanks. */
export function readSimulation(text: string) {
  const updated = new Map<string, { from: string; to: string }>();
  const added = new Set<string>();
  const removed = new Set<string>();
  for (const line of text.split("\n")) {
    const [verb, name, third, fourth] = line.split(" ");
    if (verb === "Remv" || verb === "Purg") removed.add(name);
    if (verb !== "Inst") continue;
    if (third.startsWith("[")) updated.set(name, { from: third.slice(1, -1), to: fourth.slice(1) });
    else added.add(name);
  }
  return { updated, added, removed };
}

/** The names below one of apt's headings: indented by two, up to the next line that is not. */
export function readNames(text: string, heading: RegExp): Set<string> {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => heading.test(line));
  const names = new Set<string>();
  if (start < 0) return names;
  for (const line of lines.slice(start + 1)) {
    if (!line.startsWith("  ")) break;
    for (const name of line.trim().split(/\s+/)) names.add(name);
  }
  return names;
}

/** Packages of `apt-cache policy` whose candidate stands above the installed version in the table. */
export function readUpgradable(text: string): Map<string, { from: string; to: string }> {
  const found = new Map<string, { from: string; to: string }>();
  for (const block of text.split(/\n(?=\S)/)) {
    const [head, installed, candidate] = block.split("\n");
    const from = installed?.split(": ")[1];
    const to = candidate?.split(": ")[1];
    if (!from || !to || from === to || from === "(none)" || to === "(none)") continue;
    const at = block.indexOf(`\n     ${to} `);
    if (at >= 0 && at < block.indexOf(`\n *** ${from} `)) found.set(head.slice(0, -1), { from, to });
  }
  return found;
}

/** Packages of `apt-cache policy` whose candidate stands below the installed version, which is answered. */
function readOlder(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const block of text.split(/\n(?=\S)/)) {
    const [head, installed, candidate] = block.split("\n").map((line) => line.split(": ").at(-1)!);
    const place = block.indexOf(`\n *** ${installed} `);
    if (place >= 0 && block.indexOf(`\n     ${candidate} `) > place) found.set(head.slice(0, -1), installed);
  }
  return found;
}

async function readNamesInstalled(root: string | null): Promise<string[]> {
  const args = [...adminDirectory(root), "-W", "-f=${db:Status-Status} ${binary:Package}\\n"];
  const { stdout } = await read(aptCall(root, programs.dpkg_query, args));
  return stdout.split("\n").filter((line) => /^(?!not-installed|config-files)\S/.test(line)).map((line) =>
    line.split(" ")[1]
  );
}

/** `apt-cache madison` names every version with its source; dpkg says which of them are newer. */
async function readSecurity(
  root: string | null,
  upgradable: Map<string, { from: string; to: string }>,
): Promise<Set<string>> {
  const found = new Set<string>();
  if (upgradable.size === 0) return found;
  const { stdout } = await read(aptCall(root, programs.apt_cache, ["madison", ...upgradable.keys()]));
  for (const line of stdout.split("\n")) {
    const [name, version, source] = line.split("|").map((part) => part.trim());
    const pocket = source?.split(" ")[1] ?? "";
    if (!/-security\/|^\w+\/updates\//.test(pocket)) continue;
    for (const [key, { from, to }] of upgradable) {
      if (key.split(":")[0] !== name || found.has(key)) continue;
      if (await compare(root, version, "gt", from) && await compare(root, version, "le", to)) found.add(key);
    }
  }
  return found;
}

async function compare(root: string | null, left: string, operator: "gt" | "le", right: string): Promise<boolean> {
  return (await read(aptCall(root, programs.dpkg, ["--compare-versions", left, operator, right]))).code === 0;
}
