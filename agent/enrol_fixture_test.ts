import https from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, systemClock } from "../core/clock.ts";
import { issueAgentCertificate, issueUiCertificate } from "../core/ca/authority.ts";
import { buildCrl, type RevokedCertificate } from "../core/ca/crl.ts";
import { generateKeyPair } from "../core/ca/signer.ts";
import { x509 } from "../core/ca/x509.ts";
import { EnrolRequest } from "../protocol/enrolment.ts";
import { makePki, type TestPki } from "./server/server_fixture_test.ts";

/** What the test's manager answers to one call; null: as a good manager does. */
export type Answer = { status: number; body: unknown; headers?: Record<string, string> } | "hang" | "cut" | null;

/** A manager's enrolment side over real TLS with the real CA, whose every answer a test can replace. */
export interface TestManager extends AsyncDisposable {
  url: string;
  port: number;
  pki: TestPki;
  fingerprint: string;
  requests: EnrolRequest[];
  /** Tokens that are good once. */
  tokens: Set<string>;
  revoked: RevokedCertificate[];
  /** Replaces answers: by "METHOD /path", the polling token left out. */
  override: Map<string, (body: string) => Answer>;
  calls: string[];
  /** Whether an enrolment without a token is approved. */
  approve: "yes" | "no" | "denied";
}

export async function startTestManager(
  options: { names?: string[]; clock?: Clock; pki?: TestPki; ui_pki?: TestPki; tls?: https.ServerOptions } = {},
): Promise<TestManager> {
  const clock = options.clock ?? systemClock;
  const pki = options.pki ?? await makePki();
  const pair = await generateKeyPair();
  const ui = await issueUiCertificate(
    (options.ui_pki ?? pki).authority,
    options.names ?? ["127.0.0.1", "localhost"],
    pair.public_key,
    clock,
  );
  const waiting = new Map<string, { request: EnrolRequest; approved: boolean }>();
  let number = 0n;
  const server = https.createServer({
    cert: ui.certificate_pem,
    key: x509.PemConverter.encode(pair.private_key, "PRIVATE KEY"),
    minVersion: "TLSv1.3",
    ...options.tls,
  }, (request, response) => void handle(request, response));
  server.on("tlsClientError", () => {});
  const manager: TestManager = {
    url: "",
    port: 0,
    pki,
    fingerprint: new Uint8Array(await crypto.subtle.digest("SHA-256", pki.authority.certificate.rawData)).toHex(),
    requests: [],
    tokens: new Set(),
    revoked: [],
    override: new Map(),
    calls: [],
    approve: "yes",
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  manager.port = (server.address() as AddressInfo).port;
  manager.url = `https://127.0.0.1:${manager.port}`;
  return manager;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = await new Blob(chunks as BlobPart[]).text();
    const path = (request.url ?? "").replace(/(?<=\/enroll\/status\/).*/, "");
    const key = `${request.method} ${path}`;
    manager.calls.push(key);
    const answer = manager.override.get(key)?.(body) ?? await good(key, request.url ?? "", body);
    if (answer === "hang") return;
    if (answer === "cut") return void request.socket.destroy();
    const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
    response.writeHead(answer.status, answer.headers ?? {}).end(text);
  }

  async function good(key: string, url: string, body: string): Promise<Exclude<Answer, null>> {
    switch (key) {
      case "GET /api/v1/ca/root.crt":
        return { status: 200, body: pki.ca };
      case "GET /api/v1/pki/crl.pem":
        return { status: 200, body: (await buildCrl(pki.authority, manager.revoked, ++number, clock)).pem };
      case "POST /api/v1/enroll": {
        const wish = EnrolRequest.parse(JSON.parse(body));
        if (wish.token !== undefined && !manager.tokens.delete(wish.token)) {
          return { status: 403, body: { error: { code: "forbidden", message: "This token is not valid.", hint: "" } } };
        }
        manager.requests.push(wish);
        const polling_token = crypto.randomUUID();
        waiting.set(polling_token, { request: wish, approved: wish.token !== undefined });
        return { status: 202, body: { polling_token } };
      }
      case "GET /api/v1/enroll/status/": {
        const token = url.split("/").at(-1)!;
        const entry = waiting.get(token);
        if (!entry) return { status: 200, body: { status: "notfound" } };
        if (!entry.approved && manager.approve !== "yes") {
          return { status: 200, body: { status: manager.approve === "no" ? "pending" : "denied" } };
        }
        waiting.delete(token);
        const { fqdn, ip_address, csr } = entry.request;
        const names = { host_id: "x", dns: [fqdn], addresses: [ip_address] };
        const issued = await issueAgentCertificate(pki.authority, names, csr!, clock);
        return {
          status: 200,
          body: {
            status: "approved",
            ca_crt: pki.ca,
            ca_chain: pki.ca,
            server_crt: issued.certificate_pem,
            crl_pem: (await buildCrl(pki.authority, manager.revoked, ++number, clock)).pem,
            repo_config: null,
          },
        };
      }
      default:
        return { status: 404, body: { error: { code: "not_found", message: "nothing here" } } };
    }
  }
}
