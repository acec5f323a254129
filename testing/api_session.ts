import type { ClientRequest, HttpClient } from "./http_client.ts";

/** What signing in and a refresh answer. */
export interface ApiTokens {
  access_token: string;
  refresh_token: string;
  /** Seconds. */
  expires_in: number;
}

/** So long before an access token ends the next one is asked for, in milliseconds. */
const AHEAD_MS = 120_000;

/**
 * Sends as somebody who signed in over the API, for as long as it takes: the access token is renewed before it ends.
 *
 * @param as makes a client with a bearer token, or as nobody
 */
export function apiSession(as: (token?: string) => HttpClient, first: ApiTokens): HttpClient {
  let tokens = first;
  let began = performance.now();
  let renewing: Promise<void> | null = null;
  const renew = async () => {
    const { status, json, text } = await as().post("/api/v1/auth/refresh", { refresh_token: tokens.refresh_token });
    if (status !== 200) throw new Error(`no new access token: ${status} ${text}`);
    tokens = json;
    began = performance.now();
  };
  const send = async (request: ClientRequest) => {
    const is_due = performance.now() - began > tokens.expires_in * 1000 - AHEAD_MS;
    if (is_due) await (renewing ??= renew().finally(() => renewing = null));
    return await as(tokens.access_token).send(request);
  };
  return {
    send,
    get: (path, headers) => send({ path, headers }),
    post: (path, json, headers) => send({ method: "POST", path, json, headers }),
    put: (path, json) => send({ method: "PUT", path, json }),
    delete: (path) => send({ method: "DELETE", path }),
  };
}
