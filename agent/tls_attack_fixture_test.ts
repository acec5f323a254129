import https from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { createLog } from "../core/log.ts";
import { systemClock } from "../core/clock.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../protocol/peer.ts";
import { startAgentServer } from "./server.ts";
import { standardTraffic } from "./server/traffic.ts";
import { daysFromNow, listening, makeAuthority, makeLeaf, makeManager, type TestPair } from "../testing/tls.ts";
import { testFolder } from "../testing/test_folder.ts";
import { SimulatedHost } from "./backends/simulated/host.ts";
import { memoryStore } from "./backends/simulated/host_state.ts";
import { ManualScheduler } from "./backends/simulated/scheduler.ts";
import { makeTraits } from "./backends/simulated/traits.ts";
import { ManagerAddresses, readAddressRules } from "./server/manager_addresses.ts";
import { Client } from "./server/server_fixture_test.ts";

/** Every byte that came, and what of it is HTTP. */
export interface Heard {
  bytes: Uint8Array;
  text: string;
}

/** A real agent listener under attack. */
export interface Target extends AsyncDisposable {
  readonly port: number;
  readonly root: Awaited<ReturnType<typeof makeAuthority>>;
  /** The manager whose certificate is good. */
  readonly manager: TestPair;
  readonly revoked: Set<string>;
  /** Words for the log, in order. */
  readonly refused: string[];
  /** Routes that were answered. */
  readonly served: string[];
  /** Another listener of the same machine, of the same process even, that hands out TLS tickets. */
  readonly neighbour: number;
  readonly folder: string;
  recheck(): number;
  /** A good client, answered or not. */
  goodAnswer(): Promise<number>;
}

/** `allow`: values of `--allow`; this machine's address by default. */
export async function startTarget(allow: string[] = ["127.0.0.0/8"]): Promise<Target> {
  const root = await makeAuthority(daysFromNow(-200));
  const own = await makeLeaf(root, { addresses: ["127.0.0.1"] });
  const manager = await makeManager(root);
  const folder = await testFolder("attack-");
  const refused: string[] = [];
  const served: string[] = [];
  const log = createLog({
    level: "debug",
    write: (line) => {
      const { event, error_code, route } = JSON.parse(line);
      if (event === "peer.refused") refused.push(error_code);
      if (event === "request.answered") served.push(route);
    },
  });
  const host = await SimulatedHost.open(makeTraits(1, 0, true), memoryStore(), new ManualScheduler(), systemClock);
  const revoked = new Set<string>();
  const check = createPeerCheck({ ca: root.ca, identity: MANAGER_IDENTITY, revoked, clock: systemClock });
  const server = await startAgentServer({
    operations: host,
    credentials: { ca: root.ca, certificate: own.certificate, key: own.key },
    check: () => check,
    allowed: new ManagerAddresses(readAddressRules(allow), [], []),
    network: () => ({ crl_status: "valid", crl_age_seconds: 1, crl_next_update: null, clock: "ok", problems: [] }),
    hostname: "127.0.0.1",
    port: 0,
    version: "0.0.0-test",
    clock: systemClock,
    log,
    traffic: { ...standardTraffic, rate: 1_000, burst: 1_000 },
  });
  const neighbour = await listening(
    https.createServer(
      { cert: own.certificate, key: own.key, minVersion: "TLSv1.3" },
      (_request, response) => void response.end("neighbour"),
    ),
  );
  const client = new Client(server.port, { ca: root.ca, certificate: manager.certificate, key: manager.key });
  return {
    ...{ port: server.port, root, manager, revoked, refused, served },
    neighbour: neighbour.port,
    folder: folder.path,
    recheck: () => server.recheck(),
    goodAnswer: async () => (await client.call("GET", "/health")).status,
    async [Symbol.asyncDispose]() {
      await neighbour[Symbol.asyncDispose]();
      await server.close();
      await host.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const REQUEST = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/** Shakes hands with these options, asks, and answers all that was said inside of TLS until the connection ended. */
export function askOverTls(target: Target, options: ConnectionOptions, request = REQUEST): Promise<Heard> {
  const socket = connectTls({
    ...{ host: "127.0.0.1", port: target.port, ca: target.root.ca, checkServerIdentity: () => undefined },
    ...options,
  });
  socket.on("secureConnect", () => socket.write(request));
  return listen(socket);
}

/** Says something on the bare connection and answers every byte that came back until it ended. */
export function sayBare(target: Target, ...said: (string | Uint8Array)[]): Promise<Heard> {
  const socket = connectTcp(target.port, "127.0.0.1", () => said.forEach((part) => socket.write(part)));
  return listen(socket);
}

function listen(socket: Socket): Promise<Heard> {
  const { promise, resolve } = Promise.withResolvers<Heard>();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  socket.on("data", (chunk: Uint8Array<ArrayBuffer>) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.on("close", async () => {
    const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
    resolve({ bytes, text: new TextDecoder().decode(bytes) });
  });
  return promise;
}
