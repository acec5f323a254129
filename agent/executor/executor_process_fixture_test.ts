import { waitFor } from "../../testing/wait_for.ts";
import type { Bed } from "../backends/apt/sandbox_fixture_test.ts";
import { connectExecutor } from "../executor_client.ts";
import type { HostOperations } from "../host_operations.ts";
import { executorCommand } from "../permissions_executor.ts";

/** A real executor process with its production permissions. */
export interface ExecutorProcess {
  operations: HostOperations;
  socket: string;
  pid: number;
  /** Ends it without a chance to do anything. */
  kill(): Promise<void>;
  /** The same with everything that it has started: what a power cut does. */
  killTree(): Promise<void>;
  /** Ends it as systemd does; answers its exit code. */
  stop(): Promise<number>;
}

const script = new URL("../executor.ts", import.meta.url).pathname;

/** Starts an executor on the bed's host and waits until it answers. */
export async function startExecutor(
  bed: Bed,
  more: { reboot_command?: string } = {},
): Promise<ExecutorProcess> {
  const socket = `${bed.folder}/run/executor.sock`;
  const options = { socket, state: `${bed.folder}/state`, root: bed.root, demo: true, ...more };
  const child = new Deno.Command(Deno.execPath(), {
    args: executorCommand(script, options),
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const operations = connectExecutor(socket, { retry_ms: 50 });
  await waitFor("the executor", () => operations.health(), { deadline_ms: 30_000 });
  const end = async (signal: Deno.Signal) => {
    child.kill(signal);
    const { code } = await child.status;
    await operations.close();
    return code;
  };
  return {
    operations,
    socket,
    pid: child.pid,
    kill: async () => void await end("SIGKILL"),
    async killTree() {
      // Halted first, so that nothing new is started while the others are counted.
      child.kill("SIGSTOP");
      const tree = await descendantsOf(child.pid);
      for (const pid of tree) signal(pid, "SIGSTOP");
      for (const pid of new Set([...tree, ...await descendantsOf(child.pid)])) signal(pid, "SIGKILL");
      await end("SIGKILL");
    },
    stop: () => end("SIGTERM"),
  };
}

/** One that has ended in the meantime needs no signal any more. */
function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Every process that this one has started, directly or not. */
async function descendantsOf(parent: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("/usr/bin/ps", { args: ["-e", "-o", "pid=,ppid=,stat="] }).output();
  const rows = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.trim().split(/\s+/));
  const found = [parent];
  for (const pid of found) {
    for (const [child, of, state] of rows) {
      if (Number(of) === pid && !state.startsWith("Z")) found.push(Number(child));
    }
  }
  return found.slice(1);
}
