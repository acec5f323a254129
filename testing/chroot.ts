import { connectExecutor } from "../agent/executor_client.ts";
import type { HostOperations } from "../agent/host_operations.ts";
import { executorCommand } from "../agent/permissions_executor.ts";
import { chrootBase, chrootMissing, type ChrootSuite, mounts } from "./chroot_base.ts";
import { type Answer, insideOf, openNamespace } from "./chroot_namespace.ts";
import { testFolder } from "./test_folder.ts";
import { waitFor } from "./wait_for.ts";

export type { ChrootSuite } from "./chroot_base.ts";
export { chrootSuites, mounts } from "./chroot_base.ts";

/** A genuine Debian host of one test, changed at will and thrown away. */
export interface Chroot {
  suite: ChrootSuite;
  /** Its root, seen from outside. */
  folder: string;
  /** Runs a program of the chroot (absolute path) to its end. Never throws for an exit code. */
  run(program: string, args: string[], options?: { env?: Record<string, string> }): Promise<Answer>;
  /** Starts one and leaves it running; it ends with the chroot at the latest. */
  spawn(program: string, args: string[], options?: Deno.CommandOptions): Deno.ChildProcess;
  /** Installed and configured packages with their versions, by `name:arch` as dpkg has it, from dpkg itself. */
  versions(): Promise<Map<string, string>>;
  /** The real executor with its production permissions and without a root of its own, inside of the chroot. */
  startExecutor(): Promise<ChrootExecutor>;
  /** Kills every process inside at once; the next program finds a system that has just started. */
  cutPower(): Promise<void>;
}

/** The executor's process inside of a chroot. */
export interface ChrootExecutor {
  operations: HostOperations;
  /** The socket, seen from outside. */
  socket: string;
  /** Its process id, seen from outside. */
  pid: number;
  /** Ends it without a chance to do anything; what it started goes on. */
  kill(): Promise<void>;
  /** Ends it as systemd does; answers its exit code. */
  stop(): Promise<number>;
}

const project = new URL("../", import.meta.url).pathname;
const place = { socket: "/run/patch-agent/executor.sock", state: "/var/lib/patch-executor" };
const missing = await chrootMissing();
const required = Deno.env.get("TEST_REQUIRE") === "all";

/** A test on a chroot of its own; left out, with the reason in its name, where none can be made. */
export function chrootTest(
  name: string,
  suite: ChrootSuite,
  body: (chroot: Chroot, context: Deno.TestContext) => Promise<void>,
): void {
  if (missing !== null && !required) return Deno.test.ignore(`${name}, ${suite} (left out: ${missing})`, () => {});
  Deno.test(`${name}, ${suite}`, async (context) => {
    if (missing !== null) throw new Error(`TEST_REQUIRE=all, but ${missing}.`);
    await withChroot(suite, (chroot) => body(chroot, context));
  });
}

/** Makes a chroot, hands it over and removes it, whatever came of it. About a second, the first time 30. */
export async function withChroot<T>(suite: ChrootSuite, body: (chroot: Chroot) => Promise<T>): Promise<T> {
  const base = await chrootBase(suite);
  await using home = await testFolder("c-");
  const folder = `${home.path}/root`;
  const copy = await new Deno.Command("/usr/bin/cp", { args: ["-a", "--reflink=auto", base, folder] }).output();
  if (!copy.success) throw new Error(`The chroot could not be copied: ${new TextDecoder().decode(copy.stderr)}`);
  let namespace = await openNamespace(folder, project);
  const spawn: Chroot["spawn"] = (program, args, options) => namespace.spawn(program, args, options);
  const executors = new Set<HostOperations>();
  const chroot: Chroot = {
    suite,
    folder,
    spawn,
    async run(program, args, options = {}) {
      const child = spawn(program, args, { ...options, stdout: "piped", stderr: "piped" });
      const { code, stdout, stderr } = await child.output();
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    },
    async versions() {
      const format = "${Package}:${Architecture}\t${db:Status-Abbrev}\t${Version}\n";
      const { stdout } = await chroot.run("/usr/bin/dpkg-query", ["-W", `-f=${format}`]);
      const rows = stdout.split("\n").map((line) => line.split("\t"));
      return new Map(rows.filter((row) => row[1]?.startsWith("ii")).map((row) => [row[0], row[2]]));
    },
    async startExecutor() {
      const child = spawn(
        mounts.deno,
        executorCommand(`${mounts.project}/agent/executor.ts`, { ...place, root: null }),
        {
          env: { DENO_DIR: "/var/cache/deno", DENO_NO_UPDATE_CHECK: "1" },
          stdout: "null",
          stderr: "inherit",
        },
      );
      const socket = folder + place.socket;
      const operations = connectExecutor(socket, { retry_ms: 50 });
      executors.add(operations);
      let ended = null as number | null;
      child.status.then(({ code }) => ended = code);
      await waitFor("the executor in the chroot", async () => ended !== null || await operations.health(), {
        deadline_ms: 60_000,
      });
      if (ended !== null) throw new Error(`The executor in the chroot ended with ${ended} before it answered.`);
      const pid = await insideOf(child);
      const end = async (signal: Deno.Signal) => {
        Deno.kill(pid, signal);
        const { code } = await child.status;
        await operations.close();
        return code;
      };
      return { operations, socket, pid, kill: async () => void await end("SIGKILL"), stop: () => end("SIGTERM") };
    },
    async cutPower() {
      await namespace.close();
      namespace = await openNamespace(folder, project);
    },
  };
  try {
    return await body(chroot);
  } finally {
    for (const operations of executors) await operations.close();
    await namespace.close();
  }
}
