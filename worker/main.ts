import { systemClock } from "../core/clock.ts";
import { connect, type Sql } from "../core/database/connection.ts";
import { forgiveClosedSockets } from "../core/database/forgive_closed_sockets.ts";
import { waitForSchema } from "../core/database/migrations.ts";
import { type RoleContext, type RoleStartConfig, runRole } from "../core/role.ts";
import { type AgentClient, type ClientCredentials, createAgentClient } from "./agent_client.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { RevokedSerials } from "./revoked_serials.ts";

/** Few, because all work is short transactions; and the embedded server has thirty for everybody. */
const CONNECTIONS = 8;

let sql: Sql | undefined;
let agents: AgentClient | undefined;
let fleet: Fleet | undefined;

async function start(context: RoleContext): Promise<void> {
  const { config, secrets, log, signal, loop } = context;
  forgiveClosedSockets(log);
  sql = await connect({
    url: secrets.database_url,
    ssl: secrets.database_ca === null ? undefined : { ca: secrets.database_ca },
    max: CONNECTIONS,
    application_name: "patch-manager fleet",
    log,
  });
  const { schema_version, version } = config.places;
  await waitForSchema(sql, schema_version, { signal, log });
  const revoked = new RevokedSerials();
  const ca = await Deno.readTextFile(`${config.pki.directory}/root.crt`);
  agents = createAgentClient({ ca, ...await readCredentials(config), revoked, clock: systemClock, log });
  fleet = await startFleet({ sql, agents, revoked, clock: systemClock, log, version, signal, loop });
}

/** The manager's client certificate of the moment: renewed by the web role, or replaced by the operator. */
async function readCredentials({ pki }: RoleStartConfig): Promise<ClientCredentials> {
  return {
    client_cert: await Deno.readTextFile(`${pki.directory}/manager-client.crt`),
    client_key: await Deno.readTextFile(`${pki.directory}/manager-client.key`),
  };
}

async function reload({ config }: RoleContext): Promise<void> {
  agents?.swapCredentials(await readCredentials(config));
}

async function stop(deadline_ms: number): Promise<void> {
  await fleet?.stop(deadline_ms);
  await sql?.end({ timeout: 2 });
}

runRole("fleet", { start, stop, reload, metrics: () => fleet?.metrics() ?? {} });
