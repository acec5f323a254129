import https from "node:https";

export interface HttpRequest {
  url: string;
  /** PEM: the only root that is trusted. */
  ca: string;
  method?: string;
  /** Bearer token. */
  token?: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
}

/** One request over verified TLS 1.3; the answer's JSON, null when it is none. */
export function request({ url, ca, method = "GET", token, headers = {}, body }: HttpRequest): Promise<{
  status: number;
  // deno-lint-ignore no-explicit-any -- the caller knows the operation's answer
  json: any;
  text: string;
}> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = https.request(url, {
      method,
      ca,
      minVersion: "TLSv1.3",
      agent: false,
      headers: {
        accept: "application/json",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(payload === undefined
          ? {}
          : { "content-type": "application/json", "content-length": String(new TextEncoder().encode(payload).length) }),
        ...headers,
      },
    }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (part) => text += part);
      incoming.on("error", reject);
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, json: parse(text), text }));
    });
    outgoing.setTimeout(30_000, () => outgoing.destroy(new Error(`${url} did not answer within 30 s`)));
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** An answer that was a refusal: what the server said, in one sentence. */
export class ApiRefusal extends Error {
  constructor(readonly operation: string, readonly status: number, readonly code: string, words: string) {
    super(`${operation}: ${words}`);
    this.name = "ApiRefusal";
  }
}

/** What signing in, a new password and a refresh answer. */
interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  stage: string;
  user: { must_change_password: boolean };
}

/** So long before an access token ends the next one is asked for, in milliseconds. */
const AHEAD_MS = 60_000;

/** A client of the REST API: signs in once, carries the access token, and renews it before it ends. */
export class ApiClient {
  #tokens: Tokens | undefined;
  /** By performance.now(). */
  #renew_at = Infinity;
  #renewing: Promise<void> | null = null;

  constructor(readonly url: string, readonly ca: string) {}

  /** @param code the second factor, asked for when it is needed */
  async login(username: string, password: string, code: () => string): Promise<Tokens["user"]> {
    const begun: Tokens = await this.#send("POST", "/auth/login", { username, password });
    const user = this.#keep(begun);
    return begun.stage === "factor" ? this.#keep(await this.#send("POST", "/auth/factor", { code: code() })) : user;
  }

  /** Chooses a new password and goes on in the session that takes the place of the present one. */
  async changePassword(current_password: string, new_password: string): Promise<void> {
    this.#keep(await this.call("POST", "/auth/password", { current_password, new_password }));
  }

  #keep(tokens: Tokens): Tokens["user"] {
    this.#tokens = tokens;
    this.#renew_at = performance.now() + tokens.expires_in * 1000 - AHEAD_MS;
    return tokens.user;
  }

  async #renew(): Promise<void> {
    const { refresh_token } = this.#tokens!;
    this.#keep(await this.#send("POST", "/auth/refresh", { refresh_token }));
  }

  /**
   * @param path below /api/v1
   * @throws ApiRefusal for any status from 400 on
   */
  async call(
    method: "GET" | "POST" | "DELETE" | "PUT",
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
    // deno-lint-ignore no-explicit-any -- as above
  ): Promise<any> {
    // Whoever calls meanwhile waits for the same renewal: a refresh token works once.
    if (performance.now() > this.#renew_at) {
      await (this.#renewing ??= this.#renew().finally(() => this.#renewing = null));
    }
    return await this.#send(method, path, body, headers);
  }

  // deno-lint-ignore no-explicit-any -- as above
  async #send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<any> {
    const { status, json } = await request({
      url: `${this.url}/api/v1${path}`,
      ca: this.ca,
      method,
      token: this.#tokens?.access_token,
      body,
      headers,
    });
    if (status < 400) return json;
    const { code = `http_${status}`, message = "", hint = "", details = [] } = json?.error ?? {};
    const fields = details.map((one: { field: string; problem: string }) => `${one.field}: ${one.problem}`).join(" ");
    throw new ApiRefusal(`${method} ${path}`, status, code, [message, fields, hint].filter(Boolean).join(" "));
  }
}
