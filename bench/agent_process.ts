import { connectExecutor } from "../agent/executor_client.ts";
import { enrol } from "../agent/enrol.ts";
import { startTestManager } from "../agent/enrol_fixture_test.ts";
import { readMachine } from "../agent/enrol_machine.ts";
import { PinnedManager } from "../agent/enrol_manager.ts";
import { executorCommand } from "../agent/permissions_executor.ts";
import { permissionFlags, serverPermissions } from "../agent/permissions_server.ts";
import { Client } from "../agent/server/server_fixture_test.ts";
import { systemClock } from "../core/clock.ts";
import { freePort } from "../testing/free_port.ts";
import { waitFor } from "../testing/wait_for.ts";

/** Both processes of an enrolled agent, each with its production rights. */
export interface AgentProcesses extends AsyncDisposable {
  /** Speaks to it as the manager does: TLS 1.3, a connection for each call. */
  client: Client;
  manager: Awaited<ReturnType<typeof startTestManager>>;
  /** Numbers of the processes. */
  network: number;
  executor: number;
  /** From the executor's start to its first answer. Ms. */
  ready: number;
}

/**
 * Starts the agent on a host below a folder.
 * @param folder what both write lies below
 * @param root the host; a restart of it is a program that does nothing
 */
export async function startAgent(folder: string, root: string): Promise<AgentProcesses> {
  const place = { socket: `${folder}/run/executor.sock`, state: `${folder}/executor`, root, demo: true };
  const reboot_command = `${folder}/reboot`;
  await Deno.writeTextFile(reboot_command, "#!/bin/sh\n", { mode: 0o755 });
  const began = performance.now();
  const executor = spawn([
    ...executorCommand(path("executor"), { ...place, reboot_command }),
    // There is nothing behind the invented updates that could be downloaded for its changelog.
    "--no-changelogs",
  ]);
  const operations = connectExecutor(place.socket, { retry_ms: 20 });
  await waitFor("the executor", () => operations.health(), { deadline_ms: 60_000 });
  const ready = performance.now() - began;
  await operations.close();

  const manager = await startTestManager();
  const state = `${folder}/agent`;
  const port = freePort("127.0.0.1");
  await enrolAt(manager, state, root, port);
  const [listen, executor_socket] = [`127.0.0.1:${port}`, place.socket];
  const rights = { listen, manager: new URL(manager.url).host, state, executor: executor_socket };
  const network = spawn([
    ...["run", "-q", "--no-check", "--config", path("../deno", "json"), ...permissionFlags(serverPermissions(rights))],
    ...[path("main"), "serve", "--listen", listen, "--state", state, "--executor", executor_socket],
    ...["--allow", "127.0.0.0/8"],
  ]);
  const client = new Client(port, { ca: manager.pki.ca, ...await manager.pki.manager() });
  await waitFor("the agent", () => client.call("GET", "/health").catch(() => null), { deadline_ms: 60_000 });
  return {
    client,
    manager,
    network: network.pid,
    executor: executor.pid,
    ready,
    async [Symbol.asyncDispose]() {
      for (const child of [network, executor]) {
        child.kill("SIGTERM");
        await child.status;
      }
      await manager[Symbol.asyncDispose]();
    },
  };
}

const path = (name: string, ending = "ts") => new URL(`../agent/${name}.${ending}`, import.meta.url).pathname;

function spawn(args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "null", stderr: "inherit" }).spawn();
}

async function enrolAt(manager: AgentProcesses["manager"], state: string, root: string, port: number): Promise<void> {
  const token = crypto.randomUUID();
  manager.tokens.add(token);
  await enrol({
    manager: await PinnedManager.open(manager.url, manager.fingerprint, systemClock),
    ...{ token, fqdn: "web1.example", address: "127.0.0.1", port, machine: await readMachine(root), state },
    clock: systemClock,
    wait_ms: 10_000,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  });
}
