import https from "node:https";
import type { Server } from "node:https";
import { SimulatedHost } from "../agent/backends/simulated/host.ts";
import { memoryStore } from "../agent/backends/simulated/host_state.ts";
import { realScheduler } from "../agent/backends/simulated/scheduler.ts";
import { startAgentServer } from "../agent/server.ts";
import { standardTraffic } from "../agent/server/traffic.ts";
import { managerCommand } from "../cli/manager_command.ts";
import { placesOf } from "../cli/places.ts";
import { programAt } from "../cli/program.ts";
import { ensurePki, type Pki } from "../core/ca/ensure_pki.ts";
import { systemClock } from "../core/clock.ts";
import { loadConfig } from "../core/config/load_config.ts";
import { thisMachine } from "../core/config/machine.ts";
import { silentLog } from "../core/log.ts";
import { AGENT_PORT, isFree } from "../demo/address_range.ts";
import { RUN_MARK } from "../scripts/test/leftovers.ts";
import { clientCheckedTlsOptions, guardListener } from "../protocol/listener.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../protocol/peer.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { Processes } from "./fault_bed/processes.ts";
import { hostileHandler, type Hostility } from "./hostile_hosts.ts";
import { addHost } from "./job_scenario.ts";
import { traitsWith } from "./simulated_agent.ts";
import { testFolder } from "./test_folder.ts";
import { makeLeaf } from "./tls.ts";

/** The fleet role in a process of its own with its production permissions, and hosts of both kinds in this one. */
export interface HostileBed extends AsyncDisposable {
  database: TestDatabase;
  fleet: Processes<"fleet">;
  /** Ids in the order of the hostilities; then those of honest hosts. */
  hostile: string[];
  honest: string[];
}

/** Starts everything on loopback addresses of its own; no poll is due yet. */
export async function makeHostileBed(hostilities: Hostility[], honest_count: number): Promise<HostileBed> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await testFolder("hh-")).path;
  const database = cleanup.use(await testDatabase());
  const net = await freeNet();
  const manager = `${folder}/manager`;
  await Deno.mkdir(manager, { recursive: true, mode: 0o700 });
  const pki = await ensurePki(`${manager}/pki`, { ui_names: null });
  const register = async (address: string) => {
    const id = await addHost(database.sql, { address, port: AGENT_PORT });
    await database.sql`insert into host_patch_data (host_id) values (${id})`;
    await database.sql`insert into host_counters (host_id) values (${id})`;
    return id;
  };
  const hostile: string[] = [], honest: string[] = [];
  for (const [index, hostility] of hostilities.entries()) {
    const address = `${net}.${1 + index}`;
    const server = await startHostileAt(address, pki, hostility);
    cleanup.defer(() => closeNow(server));
    hostile.push(await register(address));
  }
  for (let index = 0; index < honest_count; index++) {
    const address = `${net}.${101 + index}`;
    cleanup.use(await startHonestAt(address, pki));
    honest.push(await register(address));
  }
  const fleet = cleanup.use(new Processes(folder, { fleet: await fleetCommand(manager, database, net) }, ["fleet"]));
  await fleet.start("fleet");
  const kept = cleanup.move();
  return { database, fleet, hostile, honest, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Makes every poll due at once, and tells the fleet role. */
export async function askEverybody({ sql }: TestDatabase): Promise<void> {
  await sql`
    insert into host_polls (host_id, kind, next_at)
    select h.id, kind, app_now() from hosts h cross join unnest(array['health', 'patches']) kind
    on conflict (host_id, kind) do update set next_at = app_now()`;
  await sql`select pg_notify('wake_fleet', '{"kind":"poll","id":""}')`;
}

async function startHostileAt(address: string, pki: Pki, hostility: Hostility): Promise<Server> {
  const own = { addresses: [address], dns: [] };
  const ca = pki.root.certificate_pem;
  const pair = await makeLeaf({ authority: pki.authority, ca }, hostility.certificate ?? own);
  const server = https.createServer(clientCheckedTlsOptions({ ca, ...pair }), hostileHandler(hostility));
  const check = createPeerCheck({ ca, identity: MANAGER_IDENTITY, revoked: new Set(), clock: systemClock });
  guardListener(server, { check: () => check, allowed: null });
  server.on("connection", (socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(AGENT_PORT, address, () => resolve());
  });
  return server;
}

async function closeNow(server: Server): Promise<void> {
  const ended = new Promise((done) => server.close(done));
  server.closeAllConnections();
  await ended;
}

async function startHonestAt(address: string, pki: Pki): Promise<AsyncDisposable> {
  const ca = pki.root.certificate_pem;
  const { certificate, key } = await makeLeaf({ authority: pki.authority, ca }, { addresses: [address], dns: [] });
  const host = await SimulatedHost.open(traitsWith("none"), memoryStore(), realScheduler(1_000), systemClock);
  const check = createPeerCheck({ ca, identity: MANAGER_IDENTITY, revoked: new Set(), clock: systemClock });
  const server = await startAgentServer({
    operations: host,
    credentials: { ca, certificate, key },
    check: () => check,
    allowed: null,
    network: () => ({ crl_status: "valid", crl_age_seconds: 0, crl_next_update: null, clock: "ok", problems: [] }),
    hostname: address,
    port: AGENT_PORT,
    version: "0.1.0",
    clock: systemClock,
    log: silentLog,
    traffic: { ...standardTraffic, rate: 1_000, burst: 10_000 },
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await host.close();
    },
  };
}

/** Three numbers of an address whose whole last part is free. */
async function freeNet(): Promise<string> {
  for (;;) {
    const [a, b] = crypto.getRandomValues(new Uint8Array(2));
    const net = `127.${16 + a % 48}.${b}`;
    if (await isFree(`${net}.1`, AGENT_PORT) && await isFree(`${net}.101`, AGENT_PORT)) return net;
  }
}

async function fleetCommand(manager: string, database: TestDatabase, net: string) {
  const text = (value: string) => JSON.stringify(value);
  const file = `${manager}/config.toml`;
  await Deno.writeTextFile(
    file,
    `[server]
listen = "127.0.0.1"

[database]
owner_url = ${text(database.url("patch_owner"))}
web_url = ${text(database.url("patch_web"))}
fleet_url = ${text(database.url("patch_fleet"))}

[agents]
networks = [${text(`${net}.0/24`)}]
ports = [${AGENT_PORT}]

[log]
format = "json"

[state]
directory = ${text(manager)}
`,
    { mode: 0o600 },
  );
  const loaded = loadConfig(file, { ...thisMachine(), env: {} });
  const program = programAt(new URL("../main.ts", import.meta.url).href);
  const mark = Deno.env.get(RUN_MARK);
  const env: Record<string, string> = mark === undefined ? {} : { [RUN_MARK]: mark };
  return {
    ...managerCommand(loaded.config, placesOf(program, loaded), { role: "fleet", file, env }),
    ready: "server.started",
  };
}
