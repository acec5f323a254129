import { hostPath } from "./command.ts";
import type { InstalledRow } from "./installed.ts";

/**
 * Only three rules, each one stated by somebody else; nothing is concluded from a name beyond them. A library or a
 * daemon that its own script restarts (libc6, systemd and openssl on Debian) is not among them: which services need a
 * restart afterwards is read on the host after the update.
 */
const kernel = /^linux-image-/;
const microcode = /^(?:intel|amd64)-microcode$/;
/** A maintainer script's word for it, Debian Policy 9.12: by the file or through Ubuntu's notify-reboot-required. */
const MARKER = /^[^#\n]*\breboot-required\b/m;

/**
 * Why an update of this package takes effect only after a restart; null when nobody says so.
 * @param key `name`, or `name:arch` of a foreign architecture
 * @param brings new packages that come along: a new kernel arrives below an unchanged meta package
 */
export async function rebootNeed(
  root: string | null,
  row: Pick<InstalledRow, "name" | "arch">,
  brings: string[],
): Promise<string | null> {
  const image = [row.name, ...brings].find((name) => kernel.test(name));
  if (image !== undefined) return `A kernel (${image}) runs only after a restart.`;
  if (microcode.test(row.name)) return "Processor microcode is loaded early in the start of the machine.";
  return await asksItself(root, row)
    ? "The package's own installation script asks for a restart (/run/reboot-required)."
    : null;
}

/** dpkg keeps the script under the plain name, or with the architecture for packages that can be there twice. */
async function asksItself(root: string | null, row: Pick<InstalledRow, "name" | "arch">): Promise<boolean> {
  for (const name of [row.name, `${row.name}:${row.arch}`]) {
    try {
      if (MARKER.test(await Deno.readTextFile(hostPath(root, `/var/lib/dpkg/info/${name}.postinst`)))) return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return false;
}
