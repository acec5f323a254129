import { readProgram } from "./read_program.ts";

/**
 * Name of the program that starts everything else: `systemd`, `openrc`, `sysv`, or `none` in a container that runs
 * one program, and below a root, where nothing is started.
 */
export async function readInitSystem(root: string | null): Promise<string> {
  if (root !== null) return "none";
  const first = await fileText("/proc/1/comm");
  if (first === "systemd") return "systemd";
  // Written by OpenRC at every change of the run level, whichever program is the first process.
  if (first === "openrc-init" || await fileText("/run/openrc/softlevel") !== null) return "openrc";
  return first === "init" ? "sysv" : "none";
}

/**
 * What the machine runs in: a word of systemd-detect-virt (`kvm`, `vmware`, `docker`, …, `none` on hardware). Without
 * that program, from what a container or a hypervisor leaves to see. Null when nothing could be learnt.
 */
export async function readVirtualization(root: string | null): Promise<string | null> {
  if (root !== null) return null;
  const answer = await readProgram("/usr/bin/systemd-detect-virt", []);
  const word = answer?.stdout.trim() ?? "";
  if (/^[a-z0-9-]{1,64}$/.test(word)) return word;
  return judgeVirtualization({
    container: await fileText("/run/systemd/container"),
    vendor: await fileText("/sys/class/dmi/id/sys_vendor"),
    product: await fileText("/sys/class/dmi/id/product_name"),
    hypervisor: await fileText("/sys/hypervisor/type"),
  });
}

/** What the machine says about itself, each null where the file is missing. */
export interface MachineHints {
  container: string | null;
  vendor: string | null;
  product: string | null;
  hypervisor: string | null;
}

/** The words are those of systemd-detect-virt, so that a list of hosts can be sorted by them. */
export function judgeVirtualization(hints: MachineHints): string | null {
  if (hints.container) return /^[a-z0-9-]{1,64}$/.test(hints.container) ? hints.container : "container-other";
  if (hints.hypervisor) return hints.hypervisor === "xen" ? "xen" : "vm-other";
  const board = `${hints.vendor ?? ""} ${hints.product ?? ""}`;
  const known: [RegExp, string][] = [
    [/Amazon EC2/i, "amazon"],
    [/Google Compute Engine/i, "google"],
    [/KVM/i, "kvm"],
    [/QEMU|Standard PC/i, "qemu"],
    [/VMware/i, "vmware"],
    [/VirtualBox|innotek/i, "oracle"],
    [/Microsoft Corporation Virtual Machine/i, "microsoft"],
    [/Xen/i, "xen"],
    [/Parallels/i, "parallels"],
    [/BHYVE/i, "bhyve"],
  ];
  return known.find(([pattern]) => pattern.test(board))?.[1] ?? null;
}

/** Trimmed text of a file of the kernel or of the init system, through the one program that may read them. */
async function fileText(path: string): Promise<string | null> {
  const answer = await readProgram("/usr/bin/cat", [path]);
  return answer?.code === 0 ? answer.stdout.trim().slice(0, 256) : null;
}
