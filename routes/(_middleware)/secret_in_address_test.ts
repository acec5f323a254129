import assert from "node:assert/strict";
import { AppError } from "../../core/errors.ts";
import { secretToken } from "../../core/ids.ts";
import { secretInAddress } from "./secret_in_address.ts";

const TOKEN = secretToken();

/** "passes" or the code of the refusal. */
async function ask(query: string, kind = "page") {
  try {
    const url = new URL(`https://patch.example/hosts${query}`);
    await secretInAddress(
      { url, kind, next: () => Promise.resolve(new Response()) } as unknown as Parameters<typeof secretInAddress>[0],
    );
    return "passes";
  } catch (thrown) {
    assert.ok(thrown instanceof AppError);
    assert.ok(!`${thrown.message} ${thrown.hint} ${thrown.cause}`.includes(TOKEN));
    return thrown.code;
  }
}

const refused = [
  ...[
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "api_token",
    "apikey",
    "api_key",
    "API-Key",
    "Access_Token",
  ],
  ...["password", "passwd", "pwd", "passphrase", "secret", "client_secret", "auth", "authorization", "bearer", "jwt"],
  ...["session", "session_id", "sessionid", "sid", "cookie", "ticket", "enrolment_token"],
].map((name) => `?${name}=${TOKEN}`);
refused.push(
  "?token=",
  `?q=a&b=c&token=${TOKEN}`,
  `/lpm_${TOKEN}`,
  `/%6cpm_${TOKEN}/edit`,
  "/eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
  `?to%6ben=${TOKEN}`,
  `?q=lpm_${TOKEN}`,
  `?q=Bearer%20lpm_${TOKEN}`,
  "?x=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
  `?next=${encodeURIComponent(`/hosts?token=${TOKEN}`)}`,
  `?next=${encodeURIComponent(`/login?next=${encodeURIComponent(`/hosts?password=${TOKEN}`)}`)}`,
);
for (const query of refused) {
  Deno.test(`refused: ${query.replace(TOKEN, "…").slice(0, 60)}`, async () => {
    assert.equal(await ask(query), "bad_request");
    assert.equal(await ask(query, "api"), "bad_request");
  });
}

const taken = [
  ...[
    "",
    "/%ff",
    "/01a2003d-8072-780e-b3cb-fa7c7e81c86a",
    "?",
    "?q=token",
    "?search=my+password",
    "?tokens=3",
    "?cursor=eyJrIjoxfQ",
    `?cursor=${TOKEN}`,
    "?tab=sessions",
  ],
  ...[
    "?next=/profile/tokens",
    "?next=%2Fhosts%3Fq%3Dpassword",
    "?code=abc&state=xyz",
    "?key=poll.concurrency",
    "?host=sid",
  ],
];
for (const query of taken) {
  Deno.test(`taken: ${query.replace(TOKEN, "…") || "no query"}`, async () => assert.equal(await ask(query), "passes"));
}

Deno.test("the ticket of a live socket is taken at its handshake, and nothing else with it", async () => {
  assert.equal(await ask(`?ticket=${TOKEN}`, "upgrade"), "passes");
  assert.equal(await ask(`?ticket=${TOKEN}`, "api"), "bad_request");
  assert.equal(await ask(`?ticket=${TOKEN}&token=${TOKEN}`, "upgrade"), "bad_request");
});
