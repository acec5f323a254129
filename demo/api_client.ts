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

/** A client of the REST API: signs in once, then carries the bearer token. */
export class ApiClient {
  #token: string | undefined;

  constructor(readonly url: string, readonly ca: string) {}

  async login(username: string, password: string): Promise<{ must_change_password: boolean }> {
    return this.#keep(await this.call("POST", "/auth/login", { username, password }));
  }

  /** Chooses a new password and goes on in the session that takes the place of the present one. */
  async changePassword(current_password: string, new_password: string): Promise<void> {
    this.#keep(await this.call("POST", "/auth/password", { current_password, new_password }));
  }

  #keep({ token, user }: { token: string; user: { must_change_password: boolean } }) {
    this.#token = token;
    return user;
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
    const { status, json } = await request({
      url: `${this.url}/api/v1${path}`,
      ca: this.ca,
      method,
      token: this.#token,
      body,
      headers,
    });
    if (status < 400) return json;
    const { code = `http_${status}`, message = "", hint = "", details = [] } = json?.error ?? {};
    const fields = details.map((one: { field: string; problem: string }) => `${one.field}: ${one.problem}`).join(" ");
    throw new ApiRefusal(`${method} ${path}`, status, code, [message, fields, hint].filter(Boolean).join(" "));
  }
}
