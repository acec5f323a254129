import { createHash } from "node:crypto";

/** Keeps our hash apart from every other program's hash of the same id (machine-id(5): never send the id itself). */
const PREFIX = "linux-patch-manager/machine-id/v1\0";

/**
 * The name of this machine towards the manager: SHA-256 over a prefix of ours and the id from /etc/machine-id,
 * 64 lower-case hexadecimal digits. The id itself is a secret of the machine and never leaves it.
 */
export function hashMachineId(machine_id: string): string {
  return createHash("sha256").update(PREFIX + machine_id.trim()).digest("hex");
}

/** What an enrolment says about the machine. */
export interface MachineFacts {
  machine_id_hash: string;
  os_details: Record<string, string>;
}

/**
 * Reads the machine's identity and distribution below `root` ("" for the machine itself).
 * @throws Error with words when there is no machine id
 */
export async function readMachine(root = ""): Promise<MachineFacts> {
  const id = (await firstText([`${root}/etc/machine-id`, `${root}/var/lib/dbus/machine-id`]))?.trim() ?? "";
  if (!/^[0-9a-f]{32}$/i.test(id)) {
    throw new Error(
      `${root}/etc/machine-id holds no machine id (32 hexadecimal digits). Run: systemd-machine-id-setup`,
    );
  }
  const release = parseOsRelease(await firstText([`${root}/etc/os-release`, `${root}/usr/lib/os-release`]) ?? "");
  const details: Record<string, string> = {
    distro: release.NAME ?? "unknown",
    version: release.VERSION_ID ?? "unknown",
    architecture: Deno.build.arch,
  };
  if (release.ID) details.id = release.ID;
  if (release.ID_LIKE) details.id_like = release.ID_LIKE;
  if (release.VERSION_CODENAME) details.codename = release.VERSION_CODENAME;
  return { machine_id_hash: hashMachineId(id), os_details: details };
}

/** The lines of os-release(5), values unquoted and at most 128 characters long. */
export function parseOsRelease(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.slice(0, 65_536).split("\n")) {
    const match = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim());
    if (match) values[match[1]] = match[2].replace(/^(["'])(.*)\1$/, "$2").replace(/\\(.)/g, "$1").slice(0, 128);
  }
  return values;
}

async function firstText(paths: string[]): Promise<string | null> {
  for (const path of paths) {
    try {
      return await Deno.readTextFile(path);
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
  return null;
}
