import { managerCommand } from "../cli/manager_command.ts";
import { placesOf } from "../cli/places.ts";
import { programAt } from "../cli/program.ts";
import { parseFingerprint } from "../core/ca/fingerprint.ts";
import { loadConfig } from "../core/config/load_config.ts";
import { thisMachine } from "../core/config/machine.ts";
import type { EmbeddedServer } from "../core/database/embedded.ts";
import { X509Certificate } from "node:crypto";
import { type AddressRange, AGENT_PORT } from "./address_range.ts";
import { request } from "./api_client.ts";
import { type Child, lastWords, startChild } from "./child.ts";

/** The running manager of the demo. */
export interface Manager {
  /** `https://localhost:8443`. */
  url: string;
  child: Child;
  /** PEM of the internal CA's root: what a client trusts. */
  ca: string;
  /** SHA-256 of its DER, as `patch-agent enrol --ca-fingerprint` takes it. */
  fingerprint: string;
  /** Path of the one-time password, until the first login. */
  initial_password_file: string;
}

export interface ManagerOptions {
  state: string;
  port: number;
  database: EmbeddedServer;
  range: AddressRange;
  /** Told of the manager as soon as it runs. */
  started(child: Child): void;
}

/** Seconds that a start may take on a busy machine. */
const START_SECONDS = 60;

/** Writes the configuration and starts the manager with its production permissions; returns when it serves. */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const { state, port } = options;
  const folder = `${state}/manager`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const file = `${folder}/config.toml`;
  await Deno.writeTextFile(file, configuration(options, folder), { mode: 0o600 });
  const { config, ...loaded } = loadConfig(file, { ...thisMachine(), env: {} });
  const program = programAt(new URL("../main.ts", import.meta.url).href);
  const places = placesOf(program, { config, ...loaded });
  const { command, args, env } = managerCommand(config, places, { file });
  const child = await startChild({ name: "manager", command, args, env, state, started: options.started });
  const url = `https://localhost:${port}`;
  await untilServing(child, url, `${folder}/pki/root.crt`);
  const ca = await Deno.readTextFile(`${folder}/pki/root.crt`);
  const fingerprint = parseFingerprint(new X509Certificate(ca).fingerprint256)!;
  return { url, child, ca, fingerprint, initial_password_file: `${folder}/initial-password` };
}

function configuration({ port, database, range }: ManagerOptions, folder: string): string {
  const text = (value: string) => JSON.stringify(value);
  return `# Written by the demo at every start.
[server]
listen = "127.0.0.1"
port = ${port}
public_url = ${text(`https://localhost:${port}`)}

[database]
owner_url = ${text(database.url("patch_owner"))}
web_url = ${text(database.url("patch_web"))}
fleet_url = ${text(database.url("patch_fleet"))}

[agents]
networks = [${text(range.network)}]
ports = [${AGENT_PORT}]

[log]
format = "text"

[state]
directory = ${text(folder)}
`;
}

async function untilServing(child: Child, url: string, ca_file: string): Promise<void> {
  const end = performance.now() + START_SECONDS * 1000;
  let last = "";
  while (performance.now() < end) {
    if (!child.is_running()) throw new Error(`The manager did not start:\n${await lastWords(child)}`);
    try {
      const ca = await Deno.readTextFile(ca_file);
      const { status } = await request({ url: `${url}/status/health`, ca });
      if (status === 200) return;
      last = `health says ${status}`;
    } catch (thrown) {
      last = (thrown as Error).message;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`The manager does not serve after ${START_SECONDS} s (${last}):\n${await lastWords(child)}`);
}
