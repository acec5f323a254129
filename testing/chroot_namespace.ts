import { mounts, programEnvironment } from "./chroot_base.ts";

/** What a program answered. */
export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** A running system below a folder: its own processes and mounts, both gone when it is closed. */
export interface Namespace {
  /** Starts a program inside; the child that we hold is nsenter, which ends with the program's exit code. */
  spawn(program: string, args: string[], options?: Deno.CommandOptions): Deno.ChildProcess;
  /** Kills everything inside at once, as power loss does, and waits until it is gone. */
  close(): Promise<void>;
}

/**
 * The first process of the namespace. It mounts, says so, and lives as long as somebody holds its input open: when
 * the test dies, however, the kernel closes the pipe, this ends, and everything in the namespace with it. `wait`
 * reaps what lost its parent.
 */
const first_process = `
set -e
mount -t proc proc "$1/proc"
mount -o bind,ro "$2" "$1$3"
mount -o bind,ro "$4" "$1$5"
exec 3<&0
cat <&3 >/dev/null &
echo mounted
wait
`;

/** Opens a namespace on a furnished folder. Nothing of it is visible to the machine outside. @throws Error */
export async function openNamespace(root: string, project: string): Promise<Namespace> {
  const paths = [root, Deno.execPath(), mounts.deno, project.replace(/\/$/, ""), mounts.project];
  const first = new Deno.Command("/usr/bin/unshare", {
    args: ["--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", first_process, "namespace", ...paths],
    clearEnv: true,
    env: programEnvironment,
    cwd: "/",
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const words = first.stdout.getReader();
  const { value } = await words.read();
  if (new TextDecoder().decode(value) !== "mounted\n") {
    await Promise.all([words.cancel(), first.stdin.close(), first.status]);
    throw new Error(`No namespace could be made for ${root}.`);
  }
  // unshare itself stays in the machine's process namespace; what it made for its children is the one.
  const spaces = [`--mount=/proc/${first.pid}/ns/mnt`, `--pid=/proc/${first.pid}/ns/pid_for_children`];
  return {
    spawn: (program, args, options = {}) =>
      new Deno.Command("/usr/bin/nsenter", {
        clearEnv: true,
        cwd: "/",
        stdin: "null",
        ...options,
        env: { ...programEnvironment, ...options.env },
        args: [...spaces, "/usr/sbin/chroot", root, program, ...args],
      }).spawn(),
    async close() {
      await first.stdin.close();
      await first.status;
      await words.cancel();
    },
  };
}

/** The process that nsenter started: the one to send signals to. */
export async function insideOf(child: Deno.ChildProcess): Promise<number> {
  const { stdout } = await new Deno.Command("/usr/bin/ps", { args: ["-o", "pid=", "--ppid", String(child.pid)] })
    .output();
  const pid = Number(new TextDecoder().decode(stdout).trim());
  if (!Number.isInteger(pid) || pid < 2) throw new Error("The program inside of the namespace has ended already.");
  return pid;
}
