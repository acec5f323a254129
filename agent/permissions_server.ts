import { SERVICE_FILE } from "./service_options.ts";

/**
 * What the network side of the agent may do, as a pure function of its configuration. It has no right to run
 * programs, to load libraries, or to read anything but its own folder; the root side is reached through one socket.
 */
export interface AgentPermissions {
  net: string[];
  read: string[];
  write: string[];
  env: string[];
  sys: string[];
}

/** Variables that the libraries ask for; a refusal would end them. */
const ENV = ["JEST_WORKER_ID", "WS_NO_BUFFER_UTIL", "WS_NO_UTF_8_VALIDATE"];

export interface ServerPermissionOptions {
  /** HOST:PORT to listen on. */
  listen: string;
  /** HOST:PORT of the manager, for the list of revoked certificates. */
  manager: string;
  /** Absolute path of our folder. */
  state: string;
  /** Absolute path of the root side's socket. */
  executor: string;
}

/** For `patch-agent serve`. */
export function serverPermissions(options: ServerPermissionOptions): AgentPermissions {
  const { listen, manager, state, executor } = options;
  // A unix socket takes all three: net for its address, read and write for its file (measured, Deno 2.9.6).
  return {
    net: [listen, manager, `unix:${executor}`],
    read: [state, executor],
    write: [state, executor],
    env: ENV,
    sys: [],
  };
}

/** For `patch-agent enrol`: no listener, no root side, but the machine's identity. `root`: another file system. */
export function enrolPermissions(options: { manager: string; state: string; root?: string }): AgentPermissions {
  const { manager, state, root = "" } = options;
  const machine = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/os-release", "/usr/lib/os-release"];
  return {
    net: [manager],
    read: [state, ...machine.map((path) => root + path)],
    write: [state],
    env: [...ENV, "PATCH_AGENT_TOKEN"],
    sys: ["hostname"],
  };
}

/** For `patch-agent renew`: it reads the folder. */
export function renewPermissions({ state }: { state: string }): AgentPermissions {
  return { net: [], read: [state], write: [], env: ENV, sys: [] };
}

/** For `patch-agent doctor`: connects where `serve` does, and to `serve` itself; writes nothing. */
export function doctorPermissions(options: ServerPermissionOptions): AgentPermissions {
  const { listen, manager, state, executor } = options;
  const own = listen.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
  return {
    net: [...new Set([listen, own]), manager, `unix:${executor}`],
    read: [state, executor, executor.slice(0, executor.lastIndexOf("/")), SERVICE_FILE],
    // Deno asks for it to connect to a unix socket.
    write: [executor],
    env: ENV,
    sys: [],
  };
}

/**
 * For `patch-agent simulate`. `network` is the IPv4 network of the simulated hosts with their port, such as
 * 127.77.0.0/16:12443.
 */
export function simulatorPermissions(
  options: { network: string; manager: string; state: string; tokens: string },
): AgentPermissions {
  const { network, manager, state, tokens } = options;
  return { net: [network, manager], read: [state, tokens], write: [state], env: ENV, sys: [] };
}

/** As arguments of `deno run`, without prompts. @throws Error for a relative path or a value with a comma */
export function permissionFlags(permissions: AgentPermissions): string[] {
  for (const path of [...permissions.read, ...permissions.write]) {
    if (!path.startsWith("/")) throw new Error(`${path} is not an absolute path.`);
  }
  const flags = ["--no-prompt"];
  for (const [name, values] of Object.entries(permissions)) {
    if (values.some((value: string) => value.includes(","))) throw new Error(`A comma cannot stand in ${name}.`);
    if (values.length > 0) flags.push(`--allow-${name}=${values.join(",")}`);
  }
  return flags;
}
