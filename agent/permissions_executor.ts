/** What the executor may do, as Deno's permission flags name it. */
export interface ExecutorPermissions {
  run: string[];
  read: string[];
  write: string[];
  net: string[];
  env: string[];
  sys: string[];
}

/** Exact programs: no shell, nothing found through PATH. */
export const EXECUTOR_PROGRAMS: readonly string[] = [
  "/usr/bin/apt-get",
  "/usr/bin/apt-cache",
  "/usr/bin/apt-config",
  "/usr/bin/apt-mark",
  "/usr/bin/dpkg",
  "/usr/bin/dpkg-deb",
  "/usr/bin/dpkg-query",
  "/usr/bin/dpkg-repack",
  "/usr/bin/cat",
  "/usr/bin/df",
  "/usr/bin/ps",
  "/usr/bin/kill",
];

/** What speaks of or acts on the machine itself: never granted where a system below a folder is managed. */
export const MACHINE_PROGRAMS: readonly string[] = [
  "/usr/sbin/needrestart",
  "/usr/sbin/shutdown",
  "/usr/bin/systemctl",
  "/usr/bin/systemd-detect-virt",
  "/sbin/rc-status",
];

/** What it reads of the machine itself when it has no root of its own. */
const machineFiles = [
  // What apt fetches from: a kept answer about its state is dropped when they change.
  "/etc/apt/sources.list",
  "/etc/apt/sources.list.d",
  "/etc/hostname",
  "/etc/machine-id",
  "/etc/os-release",
  // The administrator's list of packages that we leave alone.
  "/etc/patch-agent/exclude",
  "/run/reboot-required",
  "/run/reboot-required.pkgs",
  "/run/systemd/shutdown/scheduled",
  "/run/systemd/system",
  "/usr/lib/os-release",
  "/var",
];

/** How an executor is started. */
export interface ExecutorPlace {
  socket: string;
  state: string;
  root: string | null;
  /** What restarts a system below a root; only together with one. */
  reboot_command?: string | null;
}

/**
 * The smallest rights with which the executor works. `run` of a package manager as root is root in the end: what
 * limits it is the argument builder in `backends/apt/arguments.ts`.
 * @throws Error when the socket's folder holds the managed system: the right to make the socket would cover it
 */
export function executorPermissions(
  options: ExecutorPlace,
): ExecutorPermissions {
  const { socket, state, root, reboot_command = null } = options;
  const folder = socket.slice(0, socket.lastIndexOf("/"));
  if (`${root ?? ""}/`.startsWith(`${folder}/`)) {
    throw new Error(`The socket needs a folder of its own; ${folder} also holds ${root ?? "the whole machine"}.`);
  }
  const own = root === null ? MACHINE_PROGRAMS : reboot_command === null ? [] : [reboot_command];
  return {
    run: [...EXECUTOR_PROGRAMS, ...own],
    // dpkg-repack: to see whether it is there, before a rollback is promised.
    read: [state, folder, "/usr/bin/dpkg-repack", ...(root === null ? machineFiles : [root])],
    write: [state, folder],
    net: [`unix:${socket}`],
    // node:child_process asks for it; only that gives a child a file as descriptor 3.
    env: ["NODE_V8_COVERAGE"],
    sys: ["hostname", "osRelease", "osUptime", "statfs"],
  };
}

/**
 * The engine lets garbage grow with the machine's memory: 550 MiB for a host with 3,000 packages, 180 MiB with these
 * limits at the same speed; 20,000 packages with 2,000 updates fit as well (measured, `deno task bench agent`).
 */
export const EXECUTOR_HEAP = "--v8-flags=--max-old-space-size=192,--max-semi-space-size=4,--optimize-for-size";

/** The arguments of `deno run` that start the executor from source, up to and including the script. */
export function executorCommand(
  script: string,
  options: ExecutorPlace & { demo?: boolean },
): string[] {
  const permissions = executorPermissions(options);
  const flags = Object.entries(permissions).map(([kind, values]) => `--allow-${kind}=${values.join(",")}`);
  return [
    ...["run", "-q", "--no-prompt", EXECUTOR_HEAP, ...flags, script],
    ...["--socket", options.socket, "--state", options.state],
    ...(options.root === null ? [] : ["--root", options.root]),
    ...(options.reboot_command ? ["--reboot-command", options.reboot_command] : []),
    ...(options.demo ? ["--demo"] : []),
  ];
}
