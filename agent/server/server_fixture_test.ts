import https from "node:https";
import { WebSocket } from "ws";
import { type Clock, systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { createRoot, issueAgentCertificate, issueManagerClientCertificate } from "../../core/ca/authority.ts";
import { x509 } from "../../core/ca/x509.ts";
import { generateKeyPair, openSigner } from "../../core/ca/signer.ts";
import type { Authority } from "../../core/ca/types.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../../protocol/peer.ts";
import type { ListenerCredentials } from "../../protocol/listener.ts";
import { createKeyAndRequest } from "../certificates.ts";
import { type AgentServer, type AgentServerOptions, startAgentServer } from "../server.ts";
import { SimulatedHost } from "../backends/simulated/host.ts";
import { memoryStore } from "../backends/simulated/host_state.ts";
import { ManualScheduler } from "../backends/simulated/scheduler.ts";
import { makeTraits, type Trouble } from "../backends/simulated/traits.ts";

/** A real root with what hangs on it: what every test of the listener starts from. */
export interface TestPki {
  authority: Authority;
  ca: string;
  /** A manager's certificate and key; another clock makes one of another time. */
  manager(clock?: Clock): Promise<{ certificate: string; key: string; serial: string }>;
  /** An agent's, for 127.0.0.1 unless other addresses are given. */
  agent(addresses?: string[], dns?: string[], clock?: Clock): Promise<{ certificate: string; key: string }>;
}

/** `clock` is the time at which the root was made; leaves are made now unless said otherwise. */
export async function makePki(clock: Clock = systemClock): Promise<TestPki> {
  const pair = await generateKeyPair();
  const authority = await createRoot(await openSigner(pair.private_key), pair.public_key, clock);
  return {
    authority,
    ca: authority.certificate.toString("pem"),
    async manager(when = systemClock) {
      const own = await generateKeyPair();
      const issued = await issueManagerClientCertificate(authority, own.public_key, when);
      return { certificate: issued.certificate_pem, key: keyPem(own.private_key), serial: issued.serial };
    },
    async agent(addresses = ["127.0.0.1"], dns = [], when = systemClock) {
      const { key_pem, csr_pem } = await createKeyAndRequest("host.test");
      const issued = await issueAgentCertificate(authority, { host_id: "test", dns, addresses }, csr_pem, when);
      return { certificate: issued.certificate_pem, key: key_pem };
    },
  };
}

function keyPem(pkcs8: Uint8Array<ArrayBuffer>): string {
  return x509.PemConverter.encode(pkcs8, "PRIVATE KEY") + "\n";
}

/** The first simulated host with that trouble and, if given, that package manager. */
export function hostWith(trouble: Trouble, manager?: string): number {
  for (let index = 0; index < 2000; index++) {
    const traits = makeTraits(1, index);
    if (traits.trouble === trouble && (!manager || traits.distribution.manager === manager)) return index;
  }
  throw new Error(`no simulated host is ${trouble}`);
}

export interface RunningAgent extends AsyncDisposable {
  server: AgentServer;
  pki: TestPki;
  host: SimulatedHost;
  scheduler: ManualScheduler;
  revoked: Set<string>;
  credentials: ListenerCredentials;
  /** A client with the manager's certificate. */
  client: Client;
}

/** Starts the real listener with real certificates over a simulated host whose time stands still. */
export async function startTestAgent(
  options: Partial<AgentServerOptions> & { trouble?: Trouble; pki?: TestPki } = {},
): Promise<RunningAgent> {
  const pki = options.pki ?? await makePki();
  const clock = options.clock ?? systemClock;
  const scheduler = new ManualScheduler();
  const traits = makeTraits(1, hostWith(options.trouble ?? "none"));
  const host = await SimulatedHost.open(traits, memoryStore(), scheduler, clock);
  const revoked = new Set<string>();
  const check = createPeerCheck({ ca: pki.ca, identity: MANAGER_IDENTITY, revoked, clock });
  const credentials = { ca: pki.ca, ...await pki.agent() };
  const server = await startAgentServer({
    operations: host,
    credentials,
    check: () => check,
    allowed: null,
    network: () => ({ crl_status: "valid", crl_age_seconds: 1, crl_next_update: null, clock: "ok", problems: [] }),
    hostname: "127.0.0.1",
    port: 0,
    version: "0.0.0-test",
    clock,
    log: silentLog,
    ...options,
  });
  const client = new Client(server.port, { ca: pki.ca, ...await pki.manager() });
  return {
    server,
    pki,
    host,
    scheduler,
    revoked,
    credentials,
    client,
    async [Symbol.asyncDispose]() {
      await server.close();
      await host.close();
    },
  };
}

export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  // deno-lint-ignore no-explicit-any
  json: any;
  text: string;
}

/** Speaks to an agent as the manager does: own root only, TLS 1.3, a connection per call. */
export class Client {
  constructor(
    readonly port: number,
    readonly identity: { ca: string; certificate?: string; key?: string },
    readonly host = "127.0.0.1",
  ) {}

  tls() {
    const { ca, certificate, key } = this.identity;
    return { ca, ...(certificate ? { cert: certificate, key } : {}), maxCachedSessions: 0 };
  }

  /** Rejects when the connection ends without an answer. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    more: https.RequestOptions = {},
  ): Promise<Answered> {
    const raw = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = https.request({
        host: this.host,
        port: this.port,
        method,
        path,
        agent: false,
        minVersion: "TLSv1.3",
        ...this.tls(),
        ...more,
        headers: {
          ...(raw === null
            ? {}
            : { "content-type": "application/json", "content-length": new TextEncoder().encode(raw).length }),
          ...headers,
        },
      }, (response) => {
        const chunks: Uint8Array[] = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", async () => {
          const text = await new Blob(chunks as BlobPart[]).text();
          let json = null;
          try {
            json = JSON.parse(text);
          } catch { /* not every answer has a body */ }
          resolve({ status: response.statusCode ?? 0, headers: response.headers, json, text });
        });
      });
      request.on("error", reject);
      request.end(raw ?? undefined);
    });
  }

  /** Opens the event socket; `next` answers the next message. */
  socket(path = "/api/v1/ws/jobs", more: Record<string, unknown> = {}): Socket {
    const options = { ...this.tls(), minVersion: "TLSv1.3", ...more };
    return new Socket(new WebSocket(`wss://${this.host}:${this.port}${path}`, options as never));
  }
}

/** An event socket whose messages are waited for, never slept for. */
export class Socket {
  // deno-lint-ignore no-explicit-any
  readonly #messages: any[] = [];
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  readonly closed: Promise<number>;
  readonly failed: Promise<string>;

  constructor(readonly raw: WebSocket) {
    raw.on("message", (data) => {
      this.#messages.push(JSON.parse(String(data)));
      for (const one of this.#waiting.splice(0)) one.resolve();
    });
    this.closed = new Promise((resolve) => raw.on("close", (code) => resolve(code)));
    this.failed = new Promise((resolve) => raw.on("error", (error) => resolve(error.message)));
    void this.closed.then(() => {
      for (const one of this.#waiting.splice(0)) one.reject(new Error("the socket was closed"));
    });
  }

  // deno-lint-ignore no-explicit-any
  async next(): Promise<any> {
    while (this.#messages.length === 0) {
      const wait = Promise.withResolvers<void>();
      this.#waiting.push(wait);
      await wait.promise;
    }
    return this.#messages.shift();
  }

  /** The next message that fits. */
  // deno-lint-ignore no-explicit-any
  async until(fits: (message: any) => boolean): Promise<any> {
    for (;;) {
      const message = await this.next();
      if (fits(message)) return message;
    }
  }

  say(message: unknown): void {
    this.raw.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  async end(): Promise<void> {
    this.raw.terminate();
    await this.closed;
  }
}
