import { managerCommand } from "../cli/manager_command.ts";
import { placesOf } from "../cli/places.ts";
import { programAt } from "../cli/program.ts";
import { loadConfig } from "../core/config/load_config.ts";
import { thisMachine } from "../core/config/machine.ts";
import { type Child, startChild } from "../demo/child.ts";
import { RUN_MARK } from "../scripts/test/leftovers.ts";
import type { TestLogin } from "./database.ts";
import { waitFor } from "./wait_for.ts";

const PROGRAM = programAt(new URL("../main.ts", import.meta.url).href);

export interface WebProcessOptions {
  /** Absolute path. The configuration and the state lie below it. */
  folder: string;
  /** Where each login finds its database. */
  url(login: TestLogin): string;
  /** Networks whose X-Forwarded-For counts. */
  trusted_proxies?: string[];
}

/** The web role as a process of its own with its production permissions, on a free port of 127.0.0.1. */
export interface WebProcess extends AsyncDisposable {
  child: Child;
  /** `https://127.0.0.1:PORT` */
  origin: string;
  /** PEM of the root. */
  ca: string;
  /** Lines of its log so far. */
  lines(): Promise<Record<string, unknown>[]>;
}

/**
 * Writes the configuration, and gives a way to start as many processes with it as are wanted, each with a name of its own.
 * The start is over when it serves; it throws with the process's log when it ends instead.
 */
export async function webProcesses(options: WebProcessOptions): Promise<(name: string) => Promise<WebProcess>> {
  const { folder } = options;
  const file = await writeConfiguration(options);
  const loaded = loadConfig(file, { ...thisMachine(), env: {} });
  const mark = Deno.env.get(RUN_MARK);
  const env: Record<string, string> = mark === undefined ? {} : { [RUN_MARK]: mark };
  const command = managerCommand(loaded.config, placesOf(PROGRAM, loaded), { role: "web", file, env });
  return async (name) => {
    const child = await startChild({ name, state: folder, ...command });
    const lines = () => linesOf(child);
    try {
      const address = await waitFor(`${name} to serve`, async () => {
        const is_running = child.is_running();
        const found = (await lines()).find(({ event }) => event === "server.listening");
        return found?.address as string | undefined ?? (is_running ? null : "none");
      }, { deadline_ms: 60_000 });
      if (address === "none") throw new Error(`${name} has ended:\n${await Deno.readTextFile(child.log)}`);
      const ca = await Deno.readTextFile(`${folder}/state/pki/root.crt`);
      return { child, origin: address, ca, lines, [Symbol.asyncDispose]: () => child.stop() };
    } catch (thrown) {
      await child.stop();
      throw thrown;
    }
  };
}

/** Whole lines only: the last one may still be being written. What is no JSON is the runtime's own complaint. */
async function linesOf(child: Child): Promise<Record<string, unknown>[]> {
  const lines = (await Deno.readTextFile(child.log)).split("\n").slice(0, -1);
  return lines.map((line) => line.startsWith("{") ? JSON.parse(line) : { level: "error", event: "", message: line });
}

async function writeConfiguration({ folder, url, trusted_proxies = [] }: WebProcessOptions): Promise<string> {
  const file = `${folder}/config.toml`;
  const text = (value: unknown) => JSON.stringify(value);
  const words = `[server]
listen = "127.0.0.1"
port = 0
names = ["127.0.0.1"]
trusted_proxies = ${text(trusted_proxies)}

[database]
owner_url = ${text(url("patch_owner"))}
web_url = ${text(url("patch_web"))}
fleet_url = ${text(url("patch_fleet"))}

[log]
format = "json"

[state]
directory = ${text(`${folder}/state`)}
`;
  await Deno.mkdir(`${folder}/state`, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(file, words, { mode: 0o600 });
  return file;
}
