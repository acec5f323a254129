/** A refusal of the REST API, in its own words. */
export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly hint: string) {
    super(message);
  }
}

/**
 * Calls an operation of this site's REST API with the page's own session.
 * @throws Refused with words for the person; also when the server cannot be reached
 */
// deno-lint-ignore no-explicit-any -- the caller names the operation and knows its answer
export async function callApi(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<any> {
  let answer: Response;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, "unreachable", "The manager does not answer.", "Check your connection, then try again.");
  }
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Refused(401, "not_signed_in", "Your session has ended.", "Sign in again.");
  }
  const json = await answer.json().catch(() => null);
  if (answer.ok) return json;
  const { code = `http_${answer.status}`, message = "Something failed.", hint = "Try again." } = json?.error ?? {};
  throw new Refused(answer.status, code, message, hint);
}
