import https from "node:https";
import { isIP } from "node:net";
import { Buffer } from "node:buffer";
import { plantCookies, plantFrom } from "./planted_secrets.ts";

export interface ClientRequest {
  method?: string;
  /** From `/` on; sent as it is. */
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON, with its content type. */
  json?: unknown;
  /** Sent as it is; the content type is the caller's. */
  body?: string | Uint8Array;
  /** Without a Content-Length, in chunks. */
  chunked?: boolean;
}

export interface ClientAnswer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
  text: string;
  // deno-lint-ignore no-explicit-any -- the caller knows the operation's answer; null when it is no JSON
  json: any;
}

/** Sends requests over verified TLS with fixed headers: who is asking. */
export interface HttpClient {
  send(request: ClientRequest): Promise<ClientAnswer>;
  get(path: string, headers?: Record<string, string>): Promise<ClientAnswer>;
  post(path: string, json?: unknown, headers?: Record<string, string>): Promise<ClientAnswer>;
  put(path: string, json?: unknown): Promise<ClientAnswer>;
  delete(path: string): Promise<ClientAnswer>;
}

/**
 * @param origin `https://localhost:1234`
 * @param ca PEM; the only root that is trusted
 * @param fixed headers of every request, such as a bearer token or a cookie with its Origin
 */
export function httpClient(
  origin: string,
  ca: string,
  agent: https.Agent,
  fixed: Record<string, string> = {},
): HttpClient {
  const send = (request: ClientRequest) => exchange(origin, ca, agent, fixed, request);
  return {
    send,
    get: (path, headers) => send({ path, headers }),
    post: (path, json, headers) => send({ method: "POST", path, json, headers }),
    put: (path, json) => send({ method: "PUT", path, json }),
    delete: (path) => send({ method: "DELETE", path }),
  };
}

function exchange(
  origin: string,
  ca: string,
  agent: https.Agent,
  fixed: Record<string, string>,
  { method = "GET", path, headers = {}, json, body, chunked = false }: ClientRequest,
): Promise<ClientAnswer> {
  const { hostname, port } = new URL(origin);
  const payload = json === undefined ? body : JSON.stringify(json);
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const { promise, resolve, reject } = Promise.withResolvers<ClientAnswer>();
  const request = https.request({
    hostname,
    port,
    // A test may lie about its Host; the certificate is still for this one.
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    // Not through URL, which would correct what a hostile client sends.
    path,
    method,
    ca,
    agent,
    minVersion: "TLSv1.3",
    headers: {
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...(bytes === undefined || chunked ? {} : { "content-length": String(bytes.length) }),
      ...(chunked ? { "transfer-encoding": "chunked" } : {}),
      ...fixed,
      ...headers,
    },
  }, (response) => {
    const parts: Uint8Array[] = [];
    response.on("data", (part) => parts.push(part));
    response.on("error", reject);
    response.on("end", () => resolve(answerOf(response.statusCode ?? 0, response.headers, Buffer.concat(parts))));
  });
  request.setTimeout(20_000, () => request.destroy(new Error(`${method} ${path}: no answer within 20 s`)));
  request.on("error", reject);
  request.end(bytes);
  return promise;
}

function answerOf(status: number, raw: Record<string, string | string[] | undefined>, bytes: Uint8Array): ClientAnswer {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  const text = new TextDecoder().decode(bytes);
  let json = null;
  try {
    json = JSON.parse(text);
  } catch { /* not every answer is JSON */ }
  plantCookies(headers);
  plantFrom(json);
  return { status, headers, bytes, text, json };
}
