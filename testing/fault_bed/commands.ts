import { executorCommand } from "../../agent/permissions_executor.ts";
import { enrolPermissions, permissionFlags, serverPermissions } from "../../agent/permissions_server.ts";
import { managerCommand } from "../../cli/manager_command.ts";
import { placesOf } from "../../cli/places.ts";
import { programAt } from "../../cli/program.ts";
import { loadConfig } from "../../core/config/load_config.ts";
import { thisMachine } from "../../core/config/machine.ts";
import { AGENT_PORT, isFree } from "../../demo/address_range.ts";
import { RUN_MARK } from "../../scripts/test/leftovers.ts";
import type { TestDatabase } from "../database.ts";
import type { ProcessCommand } from "./processes.ts";

export type ProcessName = "web" | "fleet" | "second_fleet" | "executor" | "agent";

/** Hosts before managers: a manager that stays would log every host as lost. */
export const STOP_ORDER: readonly ProcessName[] = ["agent", "executor", "fleet", "second_fleet", "web"];

export const HOST_NAME = "host.fault.internal";
const WEB_PORT = 8443;
const PROGRAM = programAt(new URL("../../main.ts", import.meta.url).href);

/** Where everything of one bed lies. */
export interface BedPlaces {
  folder: string;
  /** The host's file system; its state folders lie beside it. */
  host_root: string;
  repository: string;
  agent: string;
  executor: string;
  socket: string;
  /** Address of the web role, `127.…`. */
  web_address: string;
  agent_address: string;
  /** `https://127.…:8443` */
  url: string;
  ca_file: string;
  initial_password_file: string;
}

/**
 * Takes two free loopback addresses at random. Fixed ports on addresses of one's own, because a port that the kernel
 * chose could be taken by somebody else while its process is dead.
 */
export async function choosePlaces(folder: string): Promise<BedPlaces> {
  const web_address = await freeAddress(WEB_PORT);
  const host = `${folder}/host`;
  return {
    folder,
    host_root: `${host}/root`,
    repository: `${host}/repository`,
    agent: `${host}/agent`,
    executor: `${host}/executor`,
    socket: `${host}/socket/executor.sock`,
    web_address,
    agent_address: await freeAddress(AGENT_PORT),
    url: `https://${web_address}:${WEB_PORT}`,
    ca_file: `${folder}/manager/pki/root.crt`,
    initial_password_file: `${folder}/manager/initial-password`,
  };
}

async function freeAddress(port: number): Promise<string> {
  for (;;) {
    // Below the range that the demo takes its hosts from.
    const [a, b, c] = crypto.getRandomValues(new Uint8Array(3));
    const address = `127.${16 + a % 48}.${b}.${1 + c % 254}`;
    if (await isFree(address, port)) return address;
  }
}

/** What a child needs of our environment to run Deno, and the mark by which a test run finds what it left. */
function runtimeEnvironment(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "DENO_TLS_CA_STORE", "TZ", "LANG", RUN_MARK];
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** Writes the manager's configuration, and says how each process is started with its production permissions. */
export async function bedCommands(
  places: BedPlaces,
  database: TestDatabase,
): Promise<Record<ProcessName, ProcessCommand>> {
  const manager = `${places.folder}/manager`;
  await Deno.mkdir(manager, { recursive: true, mode: 0o700 });
  const file = `${manager}/config.toml`;
  await Deno.writeTextFile(file, configuration(places, database, manager), { mode: 0o600 });
  const loaded = loadConfig(file, { ...thisMachine(), env: {} });
  const env = runtimeEnvironment();
  const role = (role: "web" | "fleet"): ProcessCommand => ({
    ...managerCommand(loaded.config, placesOf(PROGRAM, loaded), { role, file, env }),
    ready: "server.started",
  });
  const { agent, executor, socket, host_root, agent_address } = places;
  const listen = `${agent_address}:${AGENT_PORT}`;
  const server = permissionFlags(
    serverPermissions({ listen, manager: new URL(places.url).host, state: agent, executor: socket }),
  );
  const deno = { command: Deno.execPath(), env };
  return {
    web: role("web"),
    fleet: role("fleet"),
    second_fleet: role("fleet"),
    executor: {
      ...deno,
      args: executorCommand(`${PROGRAM.root}/agent/executor.ts`, {
        socket,
        state: executor,
        root: host_root,
        demo: true,
      }),
      ready: "executor.ready",
    },
    agent: {
      ...deno,
      args: [
        ...["run", "-q", `--config=${PROGRAM.root}/deno.json`, ...server, `${PROGRAM.root}/agent/main.ts`, "serve"],
        ...["--state", agent, "--listen", listen, "--executor", socket, "--allow", "127.0.0.0/8"],
      ],
      ready: "agent.serving",
    },
  };
}

/** The command that an administrator runs on the host, with its one-time token in the environment. */
export function enrolCommand(places: BedPlaces, fingerprint: string, token: string) {
  const { agent, host_root, agent_address, url } = places;
  const flags = permissionFlags(enrolPermissions({ manager: new URL(url).host, state: agent, root: host_root }));
  return {
    command: Deno.execPath(),
    args: [
      ...["run", "-q", `--config=${PROGRAM.root}/deno.json`, ...flags, `${PROGRAM.root}/agent/main.ts`, "enrol"],
      ...["--manager", url, "--ca-fingerprint", fingerprint, "--fqdn", HOST_NAME],
      ...["--address", agent_address, "--port", String(AGENT_PORT)],
      ...["--state", agent, "--root", host_root, "--wait", "30"],
    ],
    env: { ...runtimeEnvironment(), PATCH_AGENT_TOKEN: token },
  };
}

function configuration(places: BedPlaces, database: TestDatabase, folder: string): string {
  const text = (value: string) => JSON.stringify(value);
  return `[server]
listen = ${text(places.web_address)}
port = ${WEB_PORT}
public_url = ${text(places.url)}

[database]
owner_url = ${text(database.url("patch_owner"))}
web_url = ${text(database.url("patch_web"))}
fleet_url = ${text(database.url("patch_fleet"))}

[agents]
networks = [${text(`${places.agent_address}/32`)}]
ports = [${AGENT_PORT}]

[log]
format = "json"

[state]
directory = ${text(folder)}
`;
}
