import { X509Certificate } from "node:crypto";
import { RECORD_FILE } from "../../agent/backends/simulated/simulate.ts";
import { managerCommand } from "../../cli/manager_command.ts";
import { placesOf } from "../../cli/places.ts";
import { programAt } from "../../cli/program.ts";
import { parseFingerprint } from "../../core/ca/fingerprint.ts";
import { systemClock } from "../../core/clock.ts";
import { loadConfig } from "../../core/config/load_config.ts";
import { thisMachine } from "../../core/config/machine.ts";
import type { Sql } from "../../core/database/connection.ts";
import { createEnrolmentTokens } from "../../core/enrolment/create_enrolment_tokens.ts";
import { type AddressRange, AGENT_PORT, chooseRange, isFree } from "../../demo/address_range.ts";
import { type Child, lastWords, startChild } from "../../demo/child.ts";
import { startSimulatedHosts } from "../../demo/hosts.ts";
import { RUN_MARK } from "../../scripts/test/leftovers.ts";
import { waitFor } from "../wait_for.ts";

const WEB_PORT = 8443;
const PROGRAM = programAt(new URL("../../main.ts", import.meta.url).href);

export interface SoakBedOptions {
  /** Absolute path of a folder that nobody else uses; as root it needs mode 0711. */
  folder: string;
  /** A database that only this bed uses. */
  database: { sql: Sql; url(login: "patch_owner" | "patch_web" | "patch_fleet"): string };
  hosts: number;
  seed: number;
  /** Options of `patch-agent simulate`, such as `--dead 5%`. */
  mix: string[];
  health_seconds: number;
  patches_seconds: number;
}

/**
 * The manager as two processes with their production permissions, and a simulated fleet as a third. The web role runs
 * only until every host is enrolled: the measurement is about the fleet role.
 */
export class SoakBed implements AsyncDisposable {
  #fleet: Child | null = null;

  private constructor(
    readonly options: SoakBedOptions,
    readonly range: AddressRange,
    readonly web: Child,
    readonly simulated: Child,
    /** Milliseconds that enrolling took. */
    readonly enrolled_ms: number,
    readonly cleanup: AsyncDisposableStack,
  ) {}

  /** Enrols every host. The fleet role does not run yet: hosts that cannot listen before they are enrolled. */
  static async make(options: SoakBedOptions): Promise<SoakBed> {
    await using cleanup = new AsyncDisposableStack();
    const { folder, database } = options;
    const range = await chooseRange(folder);
    const web_address = await freeAddress();
    await writeConfiguration(options, range, web_address);
    const started = (child: Child) => void cleanup.defer(() => child.stop());
    const web = await startRole(folder, "web", started);
    await setIntervals(database.sql, options);
    const ca = await Deno.readTextFile(`${folder}/manager/pki/root.crt`);
    const fingerprint = parseFingerprint(new X509Certificate(ca).fingerprint256)!;
    const began = performance.now();
    const simulated = await startSimulatedHosts(
      {
        root: PROGRAM.root,
        state: folder,
        manager: { url: `https://${web_address}:${WEB_PORT}`, fingerprint },
        range,
        started,
        tokens: (count) => makeTokens(database.sql, count),
      },
      options.hosts,
      options.seed,
      [...options.mix, "--record"],
    );
    const enrolled_ms = performance.now() - began;
    return new SoakBed(options, range, web, simulated, enrolled_ms, cleanup.move());
  }

  /** Path of what the hosts noted. */
  get record(): string {
    return `${this.options.folder}/simulated/${RECORD_FILE}`;
  }

  get fleet(): Child {
    if (!this.#fleet?.is_running()) throw new Error("the fleet role does not run");
    return this.#fleet;
  }

  async startFleet(): Promise<void> {
    this.#fleet = await startRole(this.options.folder, "fleet", () => {});
  }

  /** As an administrator stops it. */
  async stopFleet(): Promise<void> {
    await this.#fleet?.stop(30_000);
    this.#fleet = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopFleet();
    await this.cleanup.disposeAsync();
  }
}

async function freeAddress(): Promise<string> {
  for (;;) {
    // Below the range that fleets take their hosts from.
    const [a, b, c] = crypto.getRandomValues(new Uint8Array(3));
    const address = `127.${16 + a % 48}.${b}.${1 + c % 254}`;
    if (await isFree(address, WEB_PORT)) return address;
  }
}

async function startRole(folder: string, role: "web" | "fleet", started: (child: Child) => void): Promise<Child> {
  const file = `${folder}/manager/config.toml`;
  const loaded = loadConfig(file, { ...thisMachine(), env: {} });
  const mark = Deno.env.get(RUN_MARK);
  const env: Record<string, string> = mark === undefined ? {} : { [RUN_MARK]: mark };
  const { command, args, env: all } = managerCommand(loaded.config, placesOf(PROGRAM, loaded), { role, file, env });
  const child = await startChild({ name: role, command, args, env: all, state: folder, started });
  await waitFor(`the ${role} role to work`, async () => {
    if (!child.is_running()) return "ended";
    const lines = (await Deno.readTextFile(child.log)).split("\n").filter((line) => line.includes('"server.started"'));
    return lines.some((line) => Date.parse(JSON.parse(line).time) >= child.started_ms) ? "works" : null;
  }, { deadline_ms: 90_000, every_ms: 100 });
  if (!child.is_running()) throw new Error(`the ${role} role has ended:\n${await lastWords(child)}`);
  return child;
}

async function writeConfiguration({ folder, database }: SoakBedOptions, range: AddressRange, web_address: string) {
  const text = (value: string) => JSON.stringify(value);
  await Deno.mkdir(`${folder}/manager`, { recursive: true, mode: 0o700 });
  const words = `[server]
listen = ${text(web_address)}
port = ${WEB_PORT}
public_url = ${text(`https://${web_address}:${WEB_PORT}`)}

[database]
owner_url = ${text(database.url("patch_owner"))}
web_url = ${text(database.url("patch_web"))}
fleet_url = ${text(database.url("patch_fleet"))}

[agents]
networks = [${text(range.network)}]
ports = [${AGENT_PORT}]

[log]
format = "json"

[state]
directory = ${text(`${folder}/manager`)}
`;
  await Deno.writeTextFile(`${folder}/manager/config.toml`, words, { mode: 0o600 });
}

async function setIntervals(sql: Sql, { health_seconds, patches_seconds }: SoakBedOptions): Promise<void> {
  const values = { "poll.health_interval_seconds": health_seconds, "poll.patches_interval_seconds": patches_seconds };
  for (const [key, value] of Object.entries(values)) {
    await sql`
      insert into system_config (key, value, changed_at) values (${key}, ${sql.json(value)}, app_now())
      on conflict (key) do update set value = excluded.value`;
  }
}

async function makeTokens(sql: Sql, count: number): Promise<string[]> {
  const [admin] = await sql`select id from users where role = 'admin' order by created_at limit 1`;
  const actor = { kind: "system" as const, name: "soak" };
  const context = { actor, address: null, request_id: null, clock: systemClock };
  const made: string[] = [];
  for (let left = count; left > 0; left -= 1_000) {
    const order = { count: Math.min(left, 1_000), label: "soak" };
    made.push(...(await createEnrolmentTokens(sql, admin.id, order, context)).map(({ token }) => token));
  }
  return made;
}
