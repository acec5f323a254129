import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import { z } from "zod";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { clientCheckedTlsOptions, guardListener } from "../protocol/listener.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../protocol/peer.ts";
import { type AgentClientOptions, AgentError } from "../worker/agent_client.ts";
import { daysFromNow, listening, makeAuthority, makeLeaf, makeManager, type TestPair } from "./tls.ts";

/** The fleet's root, old enough to have signed what has expired by now. */
export const root = await makeAuthority(daysFromNow(-200));
export const manager = await makeManager(root);
/** A certificate for 127.0.0.1 and web-01.example.com. */
export const good = await makeLeaf(root, { addresses: ["127.0.0.1"], dns: ["web-01.example.com"] });
const Word = z.object({ word: z.string() });

/** Options of a client that such an agent serves. */
export const client_options: AgentClientOptions = {
  ca: root.ca,
  client_cert: manager.certificate,
  client_key: manager.key,
  revoked: new Set(),
  clock: systemClock,
  log: silentLog,
};

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An agent's listener as the real agent has it, with a handler of the test's choice. */
export function agentServer(handler: Handler, pair: Pick<TestPair, "certificate" | "key"> = good, ca = root.ca) {
  const server = https.createServer(clientCheckedTlsOptions({ ca, ...pair }), handler);
  const check = createPeerCheck({ ca, identity: MANAGER_IDENTITY, revoked: new Set(), clock: systemClock });
  guardListener(server, { check: () => check, allowed: null });
  return listening(server);
}

/** A good answer with this data. */
export function envelope(data: unknown): string {
  return JSON.stringify({ success: true, request_id: "r", timestamp: "2026-01-01T00:00:00Z", data, error: null });
}

/** A handler that answers the same to everything. */
export const say = (text: string | Uint8Array, status = 200): Handler => (_request, response) => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(text);
};

export function host(port: number, tls_name: string | null = null) {
  return { id: "018f0000-0000-7000-8000-000000000001", address: "127.0.0.1", port, tls_name };
}

/** A request whose data is `{ word }`. */
export const get = { method: "GET", path: "/api/v1/health", schema: Word } as const;

/** The AgentError that the work ends with. */
export async function failure(work: Promise<unknown>): Promise<AgentError> {
  const error = await work.then(() => assert.fail("it did not fail"), (error) => error);
  assert.ok(error instanceof AgentError, `${error?.stack ?? error}`);
  return error;
}
