import assert from "node:assert/strict";
import type { Chroot } from "../testing/chroot.ts";

const root = new URL("../", import.meta.url).pathname;
/** Where a runtime base lies, the package carries the real executable; elsewhere a script in its place. */
export const base = Deno.env.get("DENORT_BIN");

async function task(script: string, args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", "--no-check", `${root}scripts/${script}`, ...args],
    stdout: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

/** Makes the package in two versions. @returns their paths */
export async function makePackages(folder: string): Promise<string[]> {
  const executable = `${folder}/patch-agent`;
  if (base !== undefined) await task("compile.ts", ["--test-build", "--only", "patch-agent", "--out", folder]);
  else await Deno.writeTextFile(executable, "#!/bin/sh\necho patch-agent 0.1.0\n", { mode: 0o755 });
  const arch = Deno.build.arch === "x86_64" ? "amd64" : "arm64";
  const versions = ["0.0.1", "0.0.2"];
  for (const version of versions) {
    const options = ["--uncompressed", "--out", folder, "--executable", executable, "--arch", arch];
    await task("package_agent.ts", [...options, "--version", version]);
  }
  return versions.map((version) => `${folder}/patch-agent_${version}_${arch}.deb`);
}

/** Runs a program in the chroot, which has to succeed. @returns standard output without the last line end */
export async function succeed(chroot: Chroot, program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await chroot.run(program, args);
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout.trimEnd();
}

/** What dpkg, the C library, the shadow tools and others write whenever a package comes or goes. */
const BOOKKEEPING = [
  /^\/var\/(?:log|cache|lib\/dpkg|lib\/apt)\b/,
  /^\/etc\/(?:(?:passwd|group|shadow|gshadow|subuid|subgid)-|\.pwd\.lock)$/,
  /^\/run\/(?:needrestart|systemd\/systemd-units-load)\b/,
];

/** What a system is made of. */
export interface Footprint {
  paths: string[];
  users: string;
}

/** Every path of the system but {@link BOOKKEEPING}, and what is known of users and groups. */
export async function footprint(chroot: Chroot): Promise<Footprint> {
  const found = await succeed(chroot, "/usr/bin/find", "/etc", "/usr", "/var", "/run", "/boot", "/home", "/root");
  const users = await succeed(chroot, "/usr/bin/cat", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow");
  return { paths: found.split("\n").filter((path) => !BOOKKEEPING.some((one) => one.test(path))).sort(), users };
}

/** What came and what went between two footprints; both empty when nothing was left behind. */
export function traces(before: Footprint, after: Footprint): { more: string[]; less: string[]; users: boolean } {
  const [old, now] = [new Set(before.paths), new Set(after.paths)];
  return { more: [...now.difference(old)], less: [...old.difference(now)], users: before.users !== after.users };
}
