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
  /** Ends it as systemd does; answers its exit code. */
  stop(): Promise<number>;
}

const script = new URL("../executor.ts", import.meta.url).pathname;

/** Starts an executor on the bed's host and waits until it answers. */
export async function startExecutor(bed: Bed): Promise<ExecutorProcess> {
  const socket = `${bed.folder}/run/executor.sock`;
  const options = { socket, state: `${bed.folder}/state`, root: bed.root, demo: true };
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
    stop: () => end("SIGTERM"),
  };
}
