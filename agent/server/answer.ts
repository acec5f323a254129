import type { ServerResponse } from "node:http";
import { type AgentErrorCode, agentErrorStatus } from "../../protocol/api.ts";
import { type Clock, rfc3339 } from "../../core/clock.ts";

/** What a route answers; the listener wraps it into the envelope of the wire contract. */
export interface Answer {
  /** 200 or 202. 304 sends headers only. */
  status: 200 | 202 | 304;
  data: unknown;
  headers?: Record<string, string>;
}

/** A refusal as the wire contract spells it. `message` says what is and what to do; never more than the peer may know. */
export class Refusal extends Error {
  constructor(
    readonly code: AgentErrorCode,
    message: string,
    readonly options: { details?: Record<string, unknown>; retryable?: boolean; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.name = "Refusal";
  }
}

/** One thing wrong with what was sent. */
export interface FieldProblem {
  field: string;
  problem: string;
}

/** VALIDATION_ERROR that names every problem at once. */
export function invalid(problems: FieldProblem[]): Refusal {
  const words = problems.slice(0, 5).map(({ field, problem }) => field ? `${field}: ${problem}` : problem).join("; ");
  const more = problems.length > 5 ? ` and ${problems.length - 5} more` : "";
  return new Refusal("VALIDATION_ERROR", `${words}${more}`.slice(0, 2048), { details: { problems } });
}

/** Sent with every answer. The peer is a program; a browser that got here must not guess, frame or keep anything. */
const FIXED_HEADERS = {
  "cache-control": "no-cache",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

/** Sends an answer in the envelope; a 304 has no body (RFC 9110, 15.4.5). */
export function sendAnswer(response: ServerResponse, answer: Answer, request_id: string, clock: Clock): void {
  const headers = { ...FIXED_HEADERS, "x-request-id": request_id, ...answer.headers };
  if (answer.status === 304) {
    response.writeHead(304, headers).end();
    return;
  }
  send(response, answer.status, headers, {
    success: true,
    request_id,
    timestamp: rfc3339(clock.now()),
    data: answer.data,
    error: null,
  });
}

/** Sends a refusal in the envelope with the status that belongs to its code. */
export function sendRefusal(response: ServerResponse, refusal: Refusal, request_id: string, clock: Clock): void {
  const { details = {}, retryable = false, headers = {} } = refusal.options;
  send(response, agentErrorStatus[refusal.code], { ...FIXED_HEADERS, "x-request-id": request_id, ...headers }, {
    success: false,
    request_id,
    timestamp: rfc3339(clock.now()),
    data: null,
    error: { code: refusal.code, message: refusal.message.slice(0, 4096), details, retryable },
  });
}

function send(response: ServerResponse, status: number, headers: Record<string, string>, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  response.writeHead(status, {
    ...headers,
    "content-type": "application/json; charset=utf-8",
    "content-length": String(bytes.length),
  });
  response.end(bytes);
}
