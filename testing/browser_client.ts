import { readCookie } from "../routes/(_role)/cookies.ts";
import type { ClientAnswer, ClientRequest, HttpClient } from "./http_client.ts";

/** Sends requests as a browser does: with the cookies that it was given so far, shared by all its tabs. */
export interface BrowserClient extends HttpClient {
  /** Names and values; what a test changes is sent from then on. */
  cookies: Map<string, string>;
  /** Sends past the cookies, and keeps none. */
  plain: HttpClient;
  /** Takes over what an answer sets; for one that came past this client. */
  keep(answer: Pick<ClientAnswer, "headers">): void;
}

/**
 * @param client sends without cookies of its own
 * @param origin `https://localhost:1234`, which browsers name with what changes something
 * @param cookies what it has to begin with, as a Cookie header
 */
export function browserClient(client: HttpClient, origin: string, cookies = ""): BrowserClient {
  const jar = new Map(
    cookies.split("; ").filter(Boolean).map((pair) => {
      const name = pair.split("=")[0];
      return [name, readCookie(pair, name) ?? ""];
    }),
  );
  const keep = ({ headers }: Pick<ClientAnswer, "headers">) => {
    for (const cookie of headers.getSetCookie()) {
      const [pair, ...attributes] = cookie.split("; ");
      const name = pair.split("=")[0];
      if (attributes.includes("Max-Age=0")) jar.delete(name);
      else jar.set(name, pair.slice(name.length + 1));
    }
  };
  const send = async (request: ClientRequest) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await client.send({ ...request, headers: { origin, cookie, ...request.headers } });
    keep(answer);
    return answer;
  };
  return {
    cookies: jar,
    plain: client,
    keep,
    send,
    get: (path, headers) => send({ path, headers }),
    post: (path, json, headers) => send({ method: "POST", path, json, headers }),
    put: (path, json) => send({ method: "PUT", path, json }),
    delete: (path) => send({ method: "DELETE", path }),
  };
}
