import assert from "node:assert/strict";
import type { AppError } from "../../core/errors.ts";
import { originGuard } from "./origin_guard.ts";

interface Sent {
  method?: string;
  upgrade?: boolean;
  cookie?: boolean;
  headers?: Record<string, string>;
}

/** "passes" or the code of the refusal. */
async function guard(
  { method = "GET", upgrade = false, cookie = false, headers = {} }: Sent,
  public_url: string | null = null,
) {
  const all = { host: "patch.example:8443", ...(cookie ? { cookie: "__Host-session=a" } : {}), ...headers };
  const request = { method, headers: new Headers(all) };
  try {
    await originGuard(
      {
        req: request,
        kind: upgrade ? "upgrade" : "page",
        state: { services: { public_url } },
        next: () => Promise.resolve(new Response()),
      } as unknown as Parameters<typeof originGuard>[0],
    );
    return "passes";
  } catch (thrown) {
    return (thrown as AppError).code;
  }
}

const OWN = "https://patch.example:8443";

Deno.test("what changes something must come from here", async () => {
  for (
    const origin of [
      "https://evil.example",
      "null",
      "http://patch.example:8443",
      "https://patch.example",
      `${OWN}/`,
      "",
    ]
  ) {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      for (const cookie of [true, false]) {
        assert.equal(
          await guard({ method, cookie, headers: { origin } }),
          "origin_refused",
          `${method} from ${origin}`,
        );
      }
    }
    assert.equal(
      await guard({ upgrade: true, cookie: true, headers: { origin } }),
      "origin_refused",
      `socket, ${origin}`,
    );
    assert.equal(
      await guard({ upgrade: true, headers: { origin } }),
      "origin_refused",
      `socket without cookie, ${origin}`,
    );
  }
  assert.equal(await guard({ method: "POST", cookie: true }), "origin_refused", "a cookie without Origin");
  assert.equal(await guard({ upgrade: true, cookie: true }), "origin_refused", "a socket with a cookie without Origin");
});

Deno.test("a foreign page may neither act nor read, but may link here", async () => {
  for (const site of ["cross-site", "same-site"]) {
    const from = (mode: string, dest: string) => ({
      cookie: true,
      headers: { "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest },
    });
    assert.equal(await guard(from("cors", "empty")), "origin_refused");
    assert.equal(await guard(from("no-cors", "image")), "origin_refused");
    assert.equal(await guard(from("no-cors", "script")), "origin_refused");
    assert.equal(await guard(from("navigate", "document")), "passes");
  }
});

Deno.test("our own pages, their sockets, and programs without cookies pass", async () => {
  for (
    const [sent, public_url] of [
      [{ cookie: true }, null],
      [{ cookie: true, headers: { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" } }, null],
      [{ cookie: true, headers: { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" } }, null],
      [{ method: "POST", cookie: true, headers: { origin: OWN } }, null],
      [{ upgrade: true, cookie: true, headers: { origin: OWN } }, null],
      [{ method: "POST" }, null],
      [{ upgrade: true }, null],
      [{ method: "POST", cookie: true, headers: { origin: "https://patch.example.org" } }, "https://patch.example.org"],
    ] as [Sent, string | null][]
  ) {
    assert.equal(await guard(sent, public_url), "passes", JSON.stringify(sent));
  }
});
