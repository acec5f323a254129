import { sandboxEnvironment } from "./sandbox.ts";

/** What apt and dpkg themselves say about a sandbox host, asked without the agent. */
export interface SandboxAnswer {
  /** Version by package name, of those whose files are there; `dpkg-query -W`. */
  installed: Map<string, string>;
  /** Pending updates; `apt list --upgradable`. */
  upgradable: { name: string; version: string; security: boolean }[];
}

/** Asks apt and dpkg. The package indexes are taken as they are. */
export async function inspectSandbox(root: string): Promise<SandboxAnswer> {
  const [status, list] = await Promise.all([
    ask(root, "/usr/bin/dpkg-query", [`--admindir=${root}/var/lib/dpkg`, "-W", "-f=${Package} ${Version}\\n"]),
    ask(root, "/usr/bin/apt", ["list", "--upgradable"]),
  ]);
  const installed = new Map(status.trim().split("\n").map((line) => line.split(" ") as [string, string]));
  const upgradable = list.split("\n").flatMap(readUpgradable);
  const table = upgradable.length === 0
    ? ""
    : await ask(root, "/usr/bin/apt-cache", ["madison", ...upgradable.map(({ name }) => name)]);
  const fixes = table.split("\n").flatMap(readSecurityVersion);
  return {
    installed,
    upgradable: await Promise.all(upgradable.map(async (one) => ({
      ...one,
      // apt's list names the newest version's source only; an older one may have brought the fix.
      security: (await Promise.all(
        fixes.filter(({ name }) => name === one.name).map(({ version }) => isNewer(version, installed.get(one.name)!)),
      )).includes(true),
    }))),
  };
}

/** One line of `apt list`: `corvid-httpd/lab-security 2.4.59-1 all [upgradable from: 2.4.57-2]`. */
export function readUpgradable(line: string): { name: string; version: string }[] {
  const match = /^([a-z0-9][a-z0-9+.-]*)\/\S+ (\S+) \S+ \[upgradable from: \S+\]$/.exec(line.trim());
  return match ? [{ name: match[1], version: match[2] }] : [];
}

/** One line of `apt-cache madison`: `corvid-httpd |   2.4.59-1 | file:/repository lab-security/main all Packages`. */
export function readSecurityVersion(line: string): { name: string; version: string }[] {
  const match = /^\s*(\S+) \|\s+(\S+) \| \S+ \S+-security\/\S+ /.exec(line);
  return match ? [{ name: match[1], version: match[2] }] : [];
}

async function isNewer(version: string, than: string): Promise<boolean> {
  const { code } = await new Deno.Command("/usr/bin/dpkg", { args: ["--compare-versions", version, "gt", than] })
    .output();
  return code === 0;
}

async function ask(root: string, program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    clearEnv: true,
    env: sandboxEnvironment(root),
    cwd: "/",
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${program} ${args[0]} failed: ${text.decode(stderr).trim()}`);
  return text.decode(stdout);
}
