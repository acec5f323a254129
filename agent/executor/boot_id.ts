import { readIfThere } from "./durable_file.ts";
import { readProgram } from "./read_program.ts";

/**
 * The kernel's name for this boot: another one after every restart. Below a root, `run/boot_id` stands for it where
 * it exists, because a system below a folder restarts without the machine.
 */
export async function readBootId(root: string | null): Promise<string | null> {
  const own = root === null ? null : readIfThere(`${root}/run/boot_id`);
  // Deno refuses /proc without all permissions; this program with exactly this argument is allowed.
  const text = own ?? (await readProgram("/usr/bin/cat", ["/proc/sys/kernel/random/boot_id"], 10_000))?.stdout ?? "";
  return text.trim().slice(0, 64) || null;
}
