import { executorCommand } from "../agent/permissions_executor.ts";
import {
  enrolPermissions,
  permissionFlags,
  serverPermissions,
  simulatorPermissions,
} from "../agent/permissions_server.ts";
import { type AddressRange, AGENT_PORT } from "./address_range.ts";
import { type Child, lastWords, startChild } from "./child.ts";
import type { Manager } from "./manager.ts";
import { buildRepository, createSandboxHost, isSandboxHost } from "./sandbox.ts";

export const REAL_HOST_NAME = "real-apt.demo.internal";

export interface HostOptions {
  /** The folder of the checkout. */
  root: string;
  state: string;
  manager: Pick<Manager, "url" | "fingerprint">;
  range: AddressRange;
  /** Makes one-time enrolment tokens, as many as asked for. */
  tokens(count: number): Promise<string[]>;
  /** Told of every child as soon as it runs. */
  started(child: Child): void;
}

/**
 * What a child needs of our environment to run Deno; nothing else leaks in. A run of the tests marks its processes, so
 * that it can name those that were left behind.
 */
function runtimeEnvironment(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "DENO_TLS_CA_STORE", "TZ", "LANG", "PATCH_TEST_RUN"];
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** The folders of the real host. */
export interface RealHostPaths {
  /** Its file system: the machine's own apt and dpkg see nothing else. */
  root: string;
  repository: string;
  agent: string;
  executor: string;
  socket: string;
}

export function realHostPaths(state: string): RealHostPaths {
  const host = `${state}/host`;
  return {
    root: `${host}/root`,
    repository: `${host}/repository`,
    agent: `${host}/agent`,
    executor: `${host}/executor`,
    socket: `${host}/socket/executor.sock`,
  };
}

/** Makes the sandbox where an earlier start has not. True when it was made now. */
export async function makeSandbox(state: string): Promise<boolean> {
  const { root, repository } = realHostPaths(state);
  if (await isSandboxHost(root) && await Deno.stat(`${state}/host/complete`).then(() => true, () => false)) {
    return false;
  }
  await Deno.remove(`${state}/host`, { recursive: true }).catch((thrown) => {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  });
  await Deno.mkdir(`${state}/host`, { recursive: true, mode: 0o700 });
  await createSandboxHost(root, await buildRepository(repository), { hostname: REAL_HOST_NAME });
  await Deno.writeTextFile(`${state}/host/complete`, "");
  return true;
}

/** Enrols the real host with one token, the way an administrator does it by the printed command. */
export async function enrolRealHost(options: HostOptions): Promise<boolean> {
  const { root, state, manager, range } = options;
  const paths = realHostPaths(state);
  if (await Deno.stat(`${paths.agent}/identity.pem`).then(() => true, () => false)) return false;
  const [token] = await options.tokens(1);
  await Deno.mkdir(paths.agent, { recursive: true, mode: 0o700 });
  const flags = permissionFlags(
    enrolPermissions({ manager: hostOf(manager.url), state: paths.agent, root: paths.root }),
  );
  const child = await startChild({
    name: "enrol",
    command: Deno.execPath(),
    args: [
      ...["run", "-q", `--config=${root}/deno.json`, ...flags, `${root}/agent/main.ts`, "enrol"],
      ...["--manager", manager.url, "--ca-fingerprint", manager.fingerprint],
      ...["--fqdn", REAL_HOST_NAME, "--address", range.real_host, "--port", String(AGENT_PORT)],
      ...["--state", paths.agent, "--root", paths.root, "--wait", "30"],
    ],
    // In the environment: a command line is readable for every user of the machine.
    env: { ...runtimeEnvironment(), PATCH_AGENT_TOKEN: token },
    state,
    passing: true,
    started: options.started,
  });
  if (await child.ended !== 0) throw new Error(`The real host could not enrol:\n${await lastWords(child)}`);
  return true;
}

/** Starts both halves of the real host's agent. */
export async function startRealHost(options: HostOptions): Promise<void> {
  const { root, state, manager, range } = options;
  const paths = realHostPaths(state);
  await Deno.mkdir(paths.executor, { recursive: true, mode: 0o700 });
  await Deno.mkdir(`${state}/host/socket`, { recursive: true, mode: 0o750 });
  const env = runtimeEnvironment();
  const command = Deno.execPath();
  const executor = await startChild({
    name: "executor",
    command,
    args: executorCommand(`${root}/agent/executor.ts`, {
      socket: paths.socket,
      state: paths.executor,
      root: paths.root,
      demo: true,
    }),
    env,
    state,
    started: options.started,
  });
  const listen = `${range.real_host}:${AGENT_PORT}`;
  const flags = permissionFlags(
    serverPermissions({ listen, manager: hostOf(manager.url), state: paths.agent, executor: paths.socket }),
  );
  const agent = await startChild({
    name: "agent",
    command,
    args: [
      ...["run", "-q", `--config=${root}/deno.json`, ...flags, `${root}/agent/main.ts`, "serve"],
      ...["--state", paths.agent, "--listen", listen, "--executor", paths.socket, "--allow", "127.0.0.0/8"],
    ],
    env,
    state,
    started: options.started,
  });
  await Promise.all([saysInLog(agent, "agent.serving"), saysInLog(executor, "executor.ready")]);
}

/**
 * Starts the simulated fleet; hosts that are new enrol first.
 * @param mix further options of `patch-agent simulate`, such as `--dead 5%`
 */
export async function startSimulatedHosts(
  options: HostOptions,
  hosts: number,
  seed: number,
  mix: string[] = [],
): Promise<Child> {
  const { root, state, manager, range } = options;
  const folder = `${state}/simulated`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const tokens = `${state}/simulated-tokens`;
  const missing = Math.max(0, hosts - await countEnrolled(folder));
  const made = missing === 0 ? [] : await options.tokens(missing);
  await Deno.writeTextFile(tokens, made.map((token) => `${token}\n`).join(""), { mode: 0o600 });
  const flags = permissionFlags(simulatorPermissions({
    network: `${range.network}:${AGENT_PORT}`,
    manager: hostOf(manager.url),
    state: folder,
    tokens,
  }));
  const child = await startChild({
    name: "simulated",
    command: Deno.execPath(),
    args: [
      ...["run", "-q", `--config=${root}/deno.json`, ...flags, `${root}/agent/main.ts`, "simulate"],
      ...["--hosts", String(hosts), "--seed", String(seed), "--state", folder, "--tokens", tokens],
      ...["--manager", manager.url, "--ca-fingerprint", manager.fingerprint],
      ...["--base-address", range.base, "--port", String(AGENT_PORT), ...mix],
    ],
    env: runtimeEnvironment(),
    state,
    started: options.started,
  });
  await saysInLog(child, "agent.serving", 60 + hosts / 10);
  await Deno.remove(tokens);
  return child;
}

/** Simulated hosts that an earlier start enrolled: they need no token. */
async function countEnrolled(folder: string): Promise<number> {
  const hosts = await Array.fromAsync(Deno.readDir(`${folder}/hosts`)).catch(() => []);
  const enrolled = hosts.map(({ name }) => Deno.stat(`${folder}/hosts/${name}/identity.pem`).then(() => 1, () => 0));
  return (await Promise.all(enrolled)).reduce((sum: number, one) => sum + one, 0);
}

function hostOf(url: string): string {
  return new URL(url).host;
}

/** Waits until a child's log has said an event since it was started. */
async function saysInLog(child: Child, event: string, seconds = 60): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const text = await Deno.readTextFile(child.log).catch(() => "");
    const line = text.split("\n").findLast((one) => one.includes(event) && one.includes('"event"'));
    // The log is kept between starts, so a line counts only when it is this process that wrote it.
    if (line && Date.parse(JSON.parse(line).time) >= child.started_ms) return;
    if (!child.is_running()) throw new Error(`${child.name} has ended:\n${await lastWords(child)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${child.name} did not start within ${seconds} s:\n${await lastWords(child)}`);
}
